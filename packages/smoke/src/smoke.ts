import { messageOf } from '@mlops/core';
import * as z from 'zod';
import { ask } from './http.ts';

const expectation = z.strictObject({
  status: z.int().min(100).max(599).optional().describe('Default: any 2xx.'),
  json: z.json().optional().describe('What must be in the answer; further keys of objects are ignored.'),
  'max-ms': z.number().positive().optional(),
});

const smokeRequest = z
  .strictObject({
    path: z.string().startsWith('/'),
    method: z
      .string()
      .regex(/^[A-Z]+$/, "a method in capitals, such as 'POST'")
      .optional()
      .describe('Default: POST with a body, otherwise GET.'),
    headers: z.record(z.string(), z.string()).optional(),
    json: z.json().optional().describe('Sent as JSON.'),
    body: z.string().optional().describe('Sent as it stands.'),
    expect: expectation.optional(),
  })
  .refine(
    ({ json, body }) => json === undefined || body === undefined,
    "'json' and 'body' exclude each other",
  );

export const smokeSchema = z.array(smokeRequest);

export type SmokeRequest = z.infer<typeof smokeRequest>;

export interface SmokeResult {
  /** `POST /predict` */
  request: string;
  status: number | null;
  durationMs: number;
  passed: boolean;
  /** The answer's body, or why there was none; shortened. */
  response: string;
  /** What was expected and what came, one line each; empty when it passed. */
  differences: string[];
}

/** A model that takes longer than this for one example would not be deployed by anyone. */
const timeoutMs = 60_000;
const responseKept = 2000;

/** Sends every request, one after another, whatever became of those before. */
export async function runSmoke(
  baseUrl: string,
  requests: readonly SmokeRequest[],
  signal: AbortSignal,
): Promise<SmokeResult[]> {
  const results: SmokeResult[] = [];
  for (const request of requests) results.push(await send(baseUrl, request, signal));
  return results;
}

async function send(baseUrl: string, request: SmokeRequest, signal: AbortSignal): Promise<SmokeResult> {
  const body = request.json === undefined ? request.body : JSON.stringify(request.json);
  const method = request.method ?? (body === undefined ? 'GET' : 'POST');
  const type = request.json === undefined ? {} : { 'content-type': 'application/json' };
  const started = performance.now();
  const about = { request: `${method} ${request.path}` };
  try {
    const headers = { ...type, ...request.headers };
    const answer = await ask(`${baseUrl}${request.path}`, { method, headers, body, timeoutMs, signal });
    const differences = judge(answer, request.expect ?? {});
    return {
      ...about,
      status: answer.status,
      durationMs: answer.durationMs,
      passed: differences.length === 0,
      response: shorten(answer.body, responseKept),
      differences,
    };
  } catch (error) {
    signal.throwIfAborted();
    const reason = messageOf(error);
    return {
      ...about,
      status: null,
      durationMs: performance.now() - started,
      passed: false,
      response: reason,
      differences: [`no answer: ${reason}`],
    };
  }
}

function judge(
  answer: { status: number; body: string; durationMs: number },
  expected: z.infer<typeof expectation>,
): string[] {
  const differences: string[] = [];
  const { status, json, 'max-ms': maxMs } = expected;
  if (status === undefined ? answer.status < 200 || answer.status > 299 : answer.status !== status)
    differences.push(`status: expected ${status ?? '2xx'}, got ${answer.status}`);
  if (json !== undefined) differences.push(...compareBody(json, answer.body));
  if (maxMs !== undefined && answer.durationMs > maxMs)
    differences.push(`duration: expected at most ${maxMs} ms, got ${Math.ceil(answer.durationMs)} ms`);
  return differences;
}

function compareBody(expected: unknown, body: string): string[] {
  let actual: unknown;
  try {
    actual = JSON.parse(body);
  } catch {
    return [`json: expected JSON, got ${body === '' ? 'an empty body' : `'${shorten(body, 200)}'`}`];
  }
  return compare(expected, actual, 'json');
}

/**
 * Where `actual` does not contain `expected`, one line each: an object may have further keys, an array must have the
 * same length, anything else must be equal.
 */
export function compare(expected: unknown, actual: unknown, path: string): string[] {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length)
      return [`${path}: expected ${expected.length} items, got ${actual.length}`];
    return expected.flatMap((item, index) => compare(item, actual[index], `${path}[${index}]`));
  }
  if (isObject(expected) && isObject(actual))
    return Object.entries(expected).flatMap(([key, value]) =>
      Object.hasOwn(actual, key)
        ? compare(value, actual[key], `${path}.${key}`)
        : [`${path}.${key}: expected ${inline(value)}, got nothing`],
    );
  return expected === actual ? [] : [`${path}: expected ${inline(expected)}, got ${inline(actual)}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function inline(value: unknown): string {
  return shorten(JSON.stringify(value), 200);
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
