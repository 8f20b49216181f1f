import { afterEach, expect, it, vi } from 'vitest';
import { isPassing, RegistryError } from '../src/errors.ts';
import { inParallel } from '../src/index.ts';

afterEach(() => {
  vi.useRealTimers();
});

const asked = { what: 'pushing the blob', where: 'ghcr.io/org/model', writes: true, authenticated: true };
const refused = (status: number, body = '', retryAfter?: string, more = {}) =>
  new RegistryError({ ...asked, ...more }, status, body, retryAfter);

it.each([
  [401, {}, /not accepted for ghcr.io\/org\/model/],
  [401, { authenticated: false }, /Log in .* push to ghcr.io\/org\/model/],
  [403, {}, /right to push to ghcr.io\/org\/model; .*packages: write/],
  [403, { writes: false }, /right to pull from .*packages: read/],
  [404, {}, /Check the name/],
  [413, {}, /smaller chunks/],
  [429, {}, /Wait/],
  [502, {}, /run this again later/],
  [418, {}, /supports this/],
])('says what to do about %s %j', (status, more, advice) => {
  const error = refused(status, '', undefined, more);
  expect(error.message).toBe(`pushing the blob failed: ghcr.io/org/model answered ${status}`);
  expect(error.advice).toMatch(advice);
});

it("passes on the registry's own words, and the first of those of a proxy", () => {
  const spoken = refused(403, '{"errors":[{"code":"DENIED","message":"no\\u001b[31m way"},{"code":"X"}]}');
  expect(spoken.message).toMatch(/answered 403: DENIED: no \[31m way; X:$/);
  expect(spoken.codes).toEqual(['DENIED', 'X']);
  expect(refused(413, '<html><h1>413 Too\nLarge</h1></html>').message).toMatch(/413: 413 Too Large$/);
  expect(refused(500, 'x'.repeat(10_000)).message.length).toBeLessThan(400);
  for (const body of ['null', '[]', '{"errors":{}}', '{']) expect(refused(500, body).codes).toEqual([]);
});

it('tries again what may pass, after the pause that was asked for', () => {
  vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z') });
  for (const status of [408, 429, 500, 502, 503, 504]) expect(isPassing(refused(status))).toBe(true);
  for (const status of [400, 401, 403, 404, 413, 501])
    expect(isPassing(refused(status, '', '1'))).toBe(false);
  expect(isPassing(refused(429, '', '7'))).toBe(7000);
  expect(isPassing(refused(503, '', 'Thu, 01 Jan 2026 00:00:09 GMT'))).toBe(9000);
  expect(isPassing(refused(503, '', 'Thu, 01 Jan 2025 00:00:00 GMT'))).toBe(0);
  expect(isPassing(refused(503, '', 'soon'))).toBe(true);
  expect(isPassing(new Error('a bug'))).toBe(false);
});

it('works on so many at a time, answers in order, and stops the others at the first failure', async () => {
  let running = 0;
  let most = 0;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const doubled = await inParallel([1, 2, 3, 4, 5], 2, undefined, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await turn();
    running -= 1;
    return item * 2;
  });
  expect({ doubled, most }).toEqual({ doubled: [2, 4, 6, 8, 10], most: 2 });

  const started: number[] = [];
  const failing = inParallel([1, 2, 3, 4], 2, undefined, async (item, signal) => {
    started.push(item);
    if (item === 1) throw new Error('first');
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
  await expect(failing).rejects.toThrow('first');
  expect(started).toEqual([1, 2]);
  await expect(inParallel([1], 1, AbortSignal.abort(new Error('cancelled')), async () => 1)).rejects.toThrow(
    'cancelled',
  );
});
