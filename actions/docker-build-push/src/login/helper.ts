import { mask, messageOf, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import * as z from 'zod';
import type { UserAndPassword } from './credentials.ts';

/** A program that keeps credentials, `docker-credential-<name>` (https://github.com/docker/docker-credential-helpers). */
export interface Helper {
  name: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
}

const answerSchema = z.looseObject({ Username: z.string(), Secret: z.string() });
const timeoutMs = 60_000;

/** What a helper has for a server; undefined for nothing. */
export async function getStored(helper: Helper, server: string): Promise<UserAndPassword | undefined> {
  const { exitCode, stdout } = await call(helper, 'get', server);
  // The protocol has an error of its own for this, told apart by its words only.
  if (exitCode !== 0 && /not found/i.test(stdout)) return undefined;
  if (exitCode !== 0) throw failed(helper, 'get', server, `it ended with exit code ${exitCode}`);
  try {
    const { Username: username, Secret: password } = answerSchema.parse(JSON.parse(stdout));
    mask(password);
    return { username, password };
  } catch {
    throw failed(helper, 'get', server, 'it answered something else than the protocol says');
  }
}

export async function store(
  helper: Helper,
  server: string,
  { username, password }: UserAndPassword,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: password });
  const { exitCode, stdout } = await call(helper, 'store', server, input);
  if (exitCode !== 0) throw failed(helper, 'store', server, stdout.trim() || `exit code ${exitCode}`);
}

export async function erase(helper: Helper, server: string): Promise<void> {
  const { exitCode, stdout } = await call(helper, 'erase', server);
  if (exitCode !== 0 && !/not found/i.test(stdout))
    throw failed(helper, 'erase', server, stdout.trim() || `exit code ${exitCode}`);
}

async function call(helper: Helper, verb: string, server: string, input = server) {
  const { name, env, signal } = helper;
  const limit = AbortSignal.timeout(timeoutMs);
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  return command(`docker-credential-${name}`, [verb], { input, env, tolerate: true, signal: either }).catch(
    (error: unknown) => {
      signal?.throwIfAborted();
      throw failed(
        helper,
        verb,
        server,
        limit.aborted ? `no end within ${timeoutMs / 1000} s` : messageOf(error),
      );
    },
  );
}

function failed({ name }: Helper, verb: string, server: string, reason: string): UserError {
  return new UserError(`docker-credential-${name} ${verb} failed for ${server}: ${reason}`, {
    advice:
      "Take the helper out of Docker's config.json, or leave out the login where the helper logs in itself.",
  });
}
