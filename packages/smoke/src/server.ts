import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { DeadlineError, messageOf, waitFor } from '@mlops/core';
import { ask } from './http.ts';

/** A server did not become healthy; the message says why, to stand behind a colon. */
export class NotHealthy extends Error {
  override readonly name = 'NotHealthy';
}

/**
 * Asks again and again until a 2xx comes.
 *
 * @throws NotHealthy after `timeoutMs` milliseconds, with the last answer
 */
export async function waitHealthy(url: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  let last = 'there was no answer';
  const look = async (limit: AbortSignal) => {
    try {
      const { status } = await ask(url, { timeoutMs: 5000, signal: limit });
      if (status >= 200 && status < 300) return true;
      last = `the last answer had status ${status}`;
    } catch (error) {
      if (!limit.aborted) last = `the last try failed: ${messageOf(error)}`;
    }
    return undefined;
  };
  try {
    await waitFor(look, { what: 'health', deadlineMs: timeoutMs, everyMs: 100, signal });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new NotHealthy(`it was not healthy within ${timeoutMs / 1000} s (${last})`, { cause: error });
  }
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
