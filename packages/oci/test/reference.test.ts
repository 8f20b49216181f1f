import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatReference, parseReference, type Reference, targetOf } from '../src/index.ts';

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const references: fc.Arbitrary<Reference> = fc
  .record({
    registry: fc.oneof(
      fc.constantFrom('docker.io', 'ghcr.io', 'localhost', 'localhost:5000', '[::1]:5000', 'Build:80'),
      fc
        .tuple(fc.domain(), fc.option(fc.integer({ min: 1, max: 65_535 })))
        .map(([host, port]) => host + (port ? `:${port}` : '')),
    ),
    repository: fc
      .array(fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/), {
        minLength: 2,
        maxLength: 4,
      })
      .map((parts) => parts.join('/')),
    tag: fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined }),
    digest: fc.option(
      fc.oneof(
        hex(64).map((text) => `sha256:${text}`),
        hex(128).map((text) => `sha512:${text}`),
      ),
      {
        nil: undefined,
      },
    ),
  })
  .map(({ tag, digest, ...name }) => ({ ...name, ...(tag && { tag }), ...(digest && { digest }) }));

describe('parseReference', () => {
  it('reads back what formatReference writes', () => {
    fc.assert(
      fc.property(references, (reference) => {
        expect(parseReference(formatReference(reference))).toEqual(reference);
      }),
    );
  });

  it('never fails otherwise than with an explanation', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(formatReference(parseReference(text))).toContain('/');
        } catch (error) {
          expect(error).toMatchObject({ name: 'UserError', advice: expect.any(String) });
        }
      }),
    );
  });

  it.each([
    ['ubuntu', { registry: 'docker.io', repository: 'library/ubuntu' }],
    ['ubuntu:22.04', { registry: 'docker.io', repository: 'library/ubuntu', tag: '22.04' }],
    ['org/model', { registry: 'docker.io', repository: 'org/model' }],
    ['index.docker.io/ubuntu', { registry: 'docker.io', repository: 'library/ubuntu' }],
    ['localhost/model', { registry: 'localhost', repository: 'model' }],
    ['localhost:5000/model:v1', { registry: 'localhost:5000', repository: 'model', tag: 'v1' }],
    ['ghcr.io/org/model', { registry: 'ghcr.io', repository: 'org/model' }],
    ['[::1]:5000/model', { registry: '[::1]:5000', repository: 'model' }],
  ])('takes %s as Docker does', (text, reference) => expect(parseReference(text)).toEqual(reference));

  it.each([
    ['ghcr.io/Org/model', /'Org\/model' is no repository/, /lower case only: 'org\/model'/],
    ['model:', /'' is no tag/, /up to 128/],
    ['model@sha256:abc', /'sha256:abc' is no digest/, /registry\/repository/],
    ['a/b@sha256:1@sha256:2', /more than one '@'/, /registry/],
    ['bad_host.io/a', /'bad_host.io' is no registry/, /registry/],
    [`ghcr.io/${'a'.repeat(300)}`, /longer than 255/, /registry/],
    ['', /'' is no repository/, /lower-case/],
    ['ghcr.io/../admin', /is no repository/, /lower-case/],
    ['https://ghcr.io/a', /'https:' is no registry/, /registry/],
  ])('says what is wrong with %s', (text, message, advice) => {
    let thrown: unknown;
    try {
      parseReference(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: 'UserError' });
    expect(String((thrown as Error).message)).toMatch(message);
    expect((thrown as { advice: string }).advice).toMatch(advice);
  });
});

it('prefers a digest to a tag, and a tag to latest', () => {
  expect(targetOf({ tag: 'v1', digest: 'sha256:1' })).toBe('sha256:1');
  expect(targetOf({ tag: 'v1' })).toBe('v1');
  expect(targetOf({})).toBe('latest');
});
