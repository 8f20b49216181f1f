import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Question {
  method?: string | undefined;
  headers?: Record<string, string> | undefined;
  body?: string | undefined;
  /** The whole exchange may take this long, in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
  durationMs: number;
}

/** One HTTP exchange on a connection of its own. Unlike fetch it takes every port, and loads nothing. */
export async function ask(url: string, question: Question): Promise<Answer> {
  const { method = 'GET', headers = {}, body, timeoutMs, signal } = question;
  const started = performance.now();
  const timeout = AbortSignal.timeout(timeoutMs);
  const limit = signal ? AbortSignal.any([timeout, signal]) : timeout;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request(url, { method, headers: { ...length, ...headers }, agent: false, signal: limit })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
    const response = await promise;
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: await text(response),
      durationMs: performance.now() - started,
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw timeout.aborted ? new Error(`no answer within ${timeoutMs / 1000} s`, { cause: error }) : error;
  }
}
