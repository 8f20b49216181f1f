import type { Requirement } from './permissions.ts';
import type { Clock, Repository } from './repository.ts';
import type { PathParameters } from './router.ts';
import type { User } from './state.ts';

/** A request that passed routing, authorization and validation. */
export interface Call<Body = unknown> {
  repository: Repository;
  path: PathParameters;
  /** Typed and with GitHub's defaults filled in. */
  query: Record<string, unknown>;
  body: Body;
  /** The `Accept` header. */
  accept: string;
  contentType: string;
  user: User;
  clock: Clock;
  links: Links;
}

/** Addresses in responses. */
export interface Links {
  /** An address of the API under the call's repository. */
  api(path: string): string;
  /** A page of the web site under the call's repository. */
  html(path: string): string;
  /** A one-off address that serves these bytes without authorization, as GitHub's storage does. */
  download(data: Buffer, type: string): string;
}

export interface Reply {
  status: number;
  /** What is known of the body; the server completes it from the response's schema. */
  body?: unknown;
  /** A list in full, which the server cuts into pages; under `key`, with `total_count`, where one is given. */
  list?: { items: unknown[]; key?: string };
  /** A body that is not JSON. */
  raw?: { type: string; data: Buffer };
  headers?: Record<string, string>;
}

export interface OperationHandler {
  /** Permissions that let a token do this. */
  needs: Requirement;
  handle(call: Call): Reply;
}

/** Handlers by GitHub's operation id. */
export type Operations = Record<string, OperationHandler>;

/** `Body` is what the operation's request schema has checked before `handle` is called. */
export function operation<Body>(needs: Requirement, handle: (call: Call<Body>) => Reply): OperationHandler {
  return { needs, handle: handle as OperationHandler['handle'] };
}

export const ok = (body: unknown): Reply => ({ status: 200, body });
export const created = (body: unknown): Reply => ({ status: 201, body });
export const noContent = (): Reply => ({ status: 204 });
export const list = (items: unknown[], key?: string): Reply => ({
  status: 200,
  list: key ? { items, key } : { items },
});
