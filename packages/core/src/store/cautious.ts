import { messageOf, UserError } from '../errors.ts';
import type { GitHub } from '../github.ts';
import type { Store } from './store.ts';

export type Trigger = Pick<GitHub, 'event' | 'ref' | 'isFork'>;

const untrustedEvents: Record<string, string> = {
  pull_request_target: 'it may run the code of a pull request with the caches of the default branch',
  workflow_run: 'it may run the results of a pull request with the caches of the default branch',
  issue_comment: 'anybody can start it, with the caches of the default branch',
  release: 'what is released is built without traces for later runs',
};

/**
 * Why this run must not write a cache that trusted branches read later, or undefined when it may. GitHub keeps a pull
 * request's own caches apart, but not those of events that run in the default branch's scope; a folder on a
 * self-hosted runner keeps nothing apart. What a tag's run saves is of use to the same tag only (`forSameRef`).
 */
export function reasonNotToSave(
  { event, ref, isFork }: Trigger,
  { forSameRef = false }: { forSameRef?: boolean | undefined } = {},
): string | undefined {
  const reason = untrustedEvents[event];
  if (reason) return `caches are not written on '${event}': ${reason}`;
  if (ref.startsWith('refs/tags/') && !forSameRef)
    return `caches are not written on a tag ('${ref}'): no other run could read them`;
  if (isFork) return 'caches are not written for a pull request from a fork: its code is not trusted';
  return undefined;
}

/** The store, which saves nothing for this reason. */
export function readOnly(store: Store, reason: string): Store {
  return { ...store, save: async () => ({ saved: false, bytes: 0, reason }) };
}

/**
 * The store, whose failures are warnings: a cache is a convenience, so a run goes on without it. What the user can
 * mend (a UserError) and a cancelled run still end it.
 */
export function forgiving(store: Store, warn: (message: string) => void, signal?: AbortSignal): Store {
  async function attempt<T>(
    what: string,
    fn: () => Promise<T>,
    otherwise: (reason: string) => T,
  ): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await fn();
    } catch (error) {
      if (error instanceof UserError || signal?.aborted) throw error;
      warn(`The cache could not be ${what}: ${messageOf(error)}. The run goes on without it.`);
      return otherwise(messageOf(error));
    }
  }
  return {
    kind: store.kind,
    has: (...args) =>
      attempt(
        'asked',
        () => store.has(...args),
        () => false,
      ),
    newest: (...args) =>
      attempt(
        'asked',
        () => store.newest(...args),
        () => undefined,
      ),
    restore: (...args) =>
      attempt(
        'restored',
        () => store.restore(...args),
        () => undefined,
      ),
    save: (...args) =>
      attempt(
        'saved',
        () => store.save(...args),
        (reason) => ({ saved: false, bytes: 0, reason }),
      ),
  };
}
