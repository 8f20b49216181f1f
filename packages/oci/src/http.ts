import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { UserError } from '@mlops/core';
import { ConnectionError } from './errors.ts';

/** What is sent; read anew for each try. A part may be overwritten as soon as the next is asked for. */
export type Body = Uint8Array | { bytes: number; read: () => AsyncIterable<Uint8Array> };

export interface HttpRequest {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body?: Body | undefined;
  signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Has to be read or destroyed; breaks with an error when the connection is cut before its end. */
  body: IncomingMessage;
}

export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

/**
 * Makes the function that sends one request, without following redirects. Connections are kept and used again, and go
 * through the proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY where `env` has them. When nothing moves for `idleMs`, the
 * connection counts as broken.
 *
 * @throws ConnectionError when no answer comes
 */
export function openHttp({ env, idleMs }: { env: NodeJS.ProcessEnv; idleMs: number }): Send {
  const agents = new Map<string, Promise<{ request: typeof import('node:http').request; agent: Agent }>>();
  const agentFor = (protocol: string) => {
    const known = agents.get(protocol) ?? loadAgent(protocol, env);
    agents.set(protocol, known);
    return known;
  };
  const send = async (asked: HttpRequest, expect: Record<string, string>): Promise<HttpAnswer> => {
    const { method, url, body, signal } = asked;
    const { request, agent } = await agentFor(url.protocol);
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const sized = body && { 'content-length': String(lengthOf(body)) };
      const headers = { 'user-agent': 'mlops', ...asked.headers, ...sized, ...expect };
      const outgoing = request(url, { method, agent, headers, ...(signal && { signal }) });
      outgoing.setTimeout(idleMs, () => outgoing.destroy(stalled(idleMs)));
      outgoing.on('error', (error) =>
        reject(signal?.aborted ? signal.reason : new ConnectionError(url.host, error)),
      );
      const sending = write(outgoing, body, expect.expect !== undefined);
      // What is wrong with the body itself is not the connection's fault.
      sending.done.catch((error: unknown) => {
        reject(error);
        outgoing.destroy();
      });
      outgoing.once('response', (answer) => {
        // An answer before the end of the body is a refusal; the rest is not worth sending.
        if (sending.stop()) answer.once('close', () => outgoing.destroy());
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer });
      });
    });
  };
  return async (asked) => {
    const { body } = asked;
    const isLarge = body && !(body instanceof Uint8Array) && body.bytes > expectFrom;
    // A refusal that comes while much is being sent is lost with the connection, so it is asked for first.
    const answer = await send(asked, isLarge ? { expect: '100-continue' } : {});
    if (!isLarge || answer.status !== 417) return answer;
    answer.body.resume();
    return send(asked, {});
  };
}

/** Bodies of more than this many bytes are announced before they are sent (RFC 9110, 10.1.1), as curl does. */
const expectFrom = 1024 * 1024;
/** What does not answer to an announcement within so many milliseconds does not know of them. */
const expectMs = 1000;

function stalled(ms: number): Error {
  return Object.assign(new Error(`nothing moved for ${ms / 1000} s`), { code: 'ETIMEDOUT' });
}

/** node:https takes long to load, and is not needed on loopback. */
async function loadAgent(protocol: string, env: NodeJS.ProcessEnv) {
  const { Agent, request } = await (protocol === 'http:' ? import('node:http') : import('node:https'));
  return { request, agent: new Agent({ keepAlive: true, proxyEnv: env }) as Agent };
}

export function lengthOf(body: Body): number {
  return body instanceof Uint8Array ? body.byteLength : body.bytes;
}

interface Sending {
  done: Promise<void>;
  /** Sends no more; whether there is more. */
  stop: () => boolean;
}

function write(outgoing: ClientRequest, body: Body | undefined, isAnnounced: boolean): Sending {
  if (!body || body instanceof Uint8Array) {
    outgoing.end(body);
    return { done: Promise.resolve(), stop: () => false };
  }
  let left = body.bytes;
  let isOver = false;
  let goOn = () => {};
  const end = () => {
    isOver = true;
    goOn();
  };
  outgoing.once('close', end);
  const send = async () => {
    if (isAnnounced)
      await new Promise<void>((resolve) => {
        goOn = resolve;
        outgoing.once('continue', resolve);
        outgoing.once('close', resolve);
        setTimeout(resolve, expectMs).unref();
      });
    if (isOver) return;
    for await (const part of body.read()) {
      if (isOver) return;
      left -= part.byteLength;
      await new Promise<void>((resolve) => {
        goOn = resolve;
        outgoing.write(part, () => resolve());
      });
      if (isOver) return;
    }
    // The server would wait for the rest.
    if (left > 0)
      throw new UserError(`what is sent ended ${left} bytes too early`, { advice: changedAdvice });
    outgoing.end();
  };
  const stop = () => {
    if (left === 0) return false;
    end();
    return true;
  };
  return { done: send(), stop };
}

const changedAdvice = 'Something changes the file while it is sent; run this again when it is done.';

/** The whole body, of at most `limit` bytes: `undefined` when there is more. */
export async function readAll(
  { body }: HttpAnswer,
  limit: number,
  host: string,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > limit) {
        body.destroy();
        return undefined;
      }
    }
  } catch (error) {
    throw new ConnectionError(host, error);
  }
  return Buffer.concat(chunks);
}
