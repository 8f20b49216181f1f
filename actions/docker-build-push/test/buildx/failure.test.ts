import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainFailure, failedCaches } from '../../src/buildx/failure.ts';

/** By what buildx 0.38 and BuildKit 0.34 printed. */

const linesOf = (name: string) =>
  readFileSync(new URL(`failures/${name}.txt`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
const where = { workspace: '/repo', workingDirectory: '/repo', dockerfile: '/repo/docker/Dockerfile' };

describe('a build that failed', () => {
  it.each<[string, RegExp, { line?: number; isTransient?: boolean }]>([
    ['unknown-instruction', /cannot be read: unknown instruction: COPPY/, { line: 2 }],
    ['command-fails', /failed with exit code 3.*>>> RUN python3.*about to fail/s, { line: 2 }],
    ['killed', /was killed \(exit code 137\)/, { line: 2 }],
    ['not-in-context', /'\/model\.joblib' is not in the build context/, { line: 2 }],
    ['no-base', /the image 'registry\.example\.com:5000\/no-such-base:1' does not exist/, { line: 1 }],
    ['no-stage', /no stage 'serving'/, {}],
    ['no-secret', /needs the secret 'token'/, { line: 2 }],
    ['unauthorized', /the registry private\.example\.com does not know who asks \(401\)/, {}],
    ['denied', /the registry proxy\.example\.com does not allow it \(403\)/, {}],
    ['quota', /no room for this image: .*quota exceeded/, {}],
    ['too-large', /refuses a layer that large \(413\)/, {}],
    ['too-many-requests', /limits how often it is asked/, { isTransient: true }],
    ['unavailable', /the registry proxy\.example\.com failed: .*503/, { isTransient: true }],
    ['gone', /the network failed: .*connection refused/, { isTransient: true }],
    ['manifest-invalid', /manifest invalid: unknown layer media type/, {}],
  ])('is explained: %s', (name, message, { line, isTransient = false }) => {
    const failure = explainFailure(linesOf(name), 1, where);
    expect(failure.error.message).toMatch(message);
    expect(failure.isTransient).toBe(isTransient);
    expect(failure.error.place).toMatchObject({ file: 'docker/Dockerfile', ...(line && { line }) });
  });

  it('has no place in a Dockerfile that is not in the repository', () => {
    const { error } = explainFailure(linesOf('killed'), 1, { ...where, dockerfile: '/tmp/x/Dockerfile' });
    expect(error.place.file).toBeUndefined();
  });

  it('says something whatever was printed', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.constantFrom(1, 137, null), (lines, exitCode) => {
        const { error } = explainFailure(lines, exitCode, where);
        expect(error.message.length).toBeGreaterThan('the image was not built: '.length);
      }),
    );
  });
});

describe('a cache that was not written', () => {
  it('is told of with the reason', () => {
    expect(failedCaches(linesOf('cache-not-written'))).toEqual([
      'error writing manifest blob: denied: no caches here',
    ]);
    expect(failedCaches(linesOf('denied'))).toEqual([]);
  });
});
