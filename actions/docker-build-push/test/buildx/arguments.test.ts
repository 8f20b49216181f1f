import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageOutput, layoutOutput, tolerant } from '../../src/buildx/arguments.ts';
import { formatAttributes, parseAttributes, unquoted } from '../../src/buildx/attributes.ts';

const push = { names: ['ghcr.io/acme/tumor'], push: true, byDigest: false, compression: 'gzip' };

describe('the output of an image', () => {
  it('is pushed as it is named by tags, or by its digest alone', () => {
    expect(imageOutput(push)).toBe('type=image,push=true');
    const two = imageOutput({ ...push, names: ['a/b', 'c/d'], byDigest: true });
    expect(parseAttributes(two)).toEqual(
      new Map([
        ...[['type', 'image'] as const, ['name', 'a/b,c/d'] as const],
        ...[['push-by-digest', 'true'] as const, ['name-canonical', 'true'] as const],
        ['push', 'true'] as const,
      ]),
    );
  });

  it('has every layer compressed anew where it is not gzip', () => {
    for (const compression of ['zstd', 'estargz', 'uncompressed'])
      expect(imageOutput({ ...push, compression })).toContain(
        `compression=${compression},force-compression=true,oci-mediatypes=true`,
      );
    expect(imageOutput({ ...push, compressionLevel: 9 })).toBe('type=image,push=true,compression-level=9');
    expect(layoutOutput('/tmp/a,b', { compression: 'gzip' })).toBe('type=oci,"dest=/tmp/a,b",tar=false');
  });
});

describe('a cache to write', () => {
  it('may fail, unless it says that it may not', () => {
    expect(tolerant('acme/tumor:cache')).toBe('type=registry,ref=acme/tumor:cache,ignore-error=true');
    for (const kept of ['type=inline', 'type=gha,ignore-error=false', 'type=unheard-of,a=b'])
      expect(tolerant(kept)).toBe(kept);
  });
});

describe('an item in quotes', () => {
  it('is what stands in them, and others are as they are', () => {
    const items = ['"A=1, 2"', '"B=say ""x"""', 'C="3"', '"name=a,b",push=true', '"D=1\n2"'];
    expect(unquoted('x', items)).toEqual(['A=1, 2', 'B=say "x"', 'C="3"', '"name=a,b",push=true', 'D=1\n2']);
  });

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const written = formatAttributes({ name: `${value}\n` });
        expect(unquoted('x', [written])).toEqual([`name=${value}\n`]);
      }),
    );
  });

  it('is refused without the end, and nothing of it is told', () => {
    const refused = () => unquoted('secrets', ['"token=s3cr3t']);
    expect(refused).toThrow(/'secrets' has a quote that is not closed/);
    expect(refused).not.toThrow(/s3cr3t/);
  });
});
