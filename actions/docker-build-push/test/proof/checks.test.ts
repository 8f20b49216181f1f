import { UserError } from '@mlops/core';
import { describe, expect, it } from 'vitest';
import { Checks, checksTable } from '../../src/proof/checks.ts';

describe('Checks', () => {
  it('pass when there are some and none failed', () => {
    const checks = new Checks();
    expect(checks.passed).toBe(false);
    checks.same('a', 'x', 'x');
    expect(checks.passed).toBe(true);
    checks.same('b', 'x', undefined);
    expect(checks.passed).toBe(false);
  });

  it('count what cannot be found out as failed, and nothing else', async () => {
    const checks = new Checks();
    const throwing = (error: Error) => checks.attempt('a', 'x', () => Promise.reject(error));
    expect(await throwing(new UserError('no network'))).toBeUndefined();
    expect(checks.all).toEqual([{ check: 'a', expected: 'x', found: 'no network', passed: false }]);
    await expect(throwing(new TypeError('a bug'))).rejects.toThrow('a bug');
    expect(await checks.attempt('a', 'x', async () => 1)).toBe(1);
  });
});

it('the table begins with what failed, and shows nothing as markup', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const checks = new Checks();
  checks.same('good', digest, digest);
  checks.same('input <b>|x', 'c'.repeat(40), '[link](x)');
  expect(checksTable(checks.all).split('\n').slice(2)).toEqual([
    '| ❌ | input &#60;b&#62;&#124;x | `cccccccccccc` | &#91;link&#93;(x) |',
    '| ✅ | good | `sha256:aaaaaaaaaaaa…` | `sha256:aaaaaaaaaaaa…` |',
  ]);
});
