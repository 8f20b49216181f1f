import { describe, expect, it } from 'vitest';
import { attestationsOf } from '../../src/buildx/attestations.ts';

const plain = { attests: [], isPrivate: false, runUrl: undefined, canHold: true, byDefault: true };

describe('the attestations of a build', () => {
  it('are provenance, which tells less of private repositories', () => {
    expect(attestationsOf(plain)).toEqual(['type=provenance,mode=max']);
    expect(attestationsOf({ ...plain, isPrivate: true })).toEqual(['type=provenance,mode=min']);
    expect(attestationsOf({ ...plain, provenance: 'true', byDefault: false, isPrivate: true })).toEqual([
      'type=provenance,mode=min',
    ]);
  });

  it('are none by default where they are not wanted, and none at all where they cannot be held', () => {
    expect(attestationsOf({ ...plain, byDefault: false })).toEqual([]);
    expect(attestationsOf({ ...plain, byDefault: false, sbom: 'true' })).toEqual(['type=sbom']);
    expect(attestationsOf({ ...plain, canHold: false, sbom: 'true', attests: ['type=sbom'] })).toEqual([]);
  });

  it('name the run, unless they name something else or are off', () => {
    const run = { ...plain, runUrl: 'https://github.com/acme/model/actions/runs/1' };
    expect(attestationsOf(run)).toEqual([`type=provenance,mode=max,builder-id=${run.runUrl}`]);
    for (const provenance of ['builder-id=mine', 'false'])
      expect(attestationsOf({ ...run, provenance }).join()).not.toContain(run.runUrl);
    expect(attestationsOf({ ...run, attests: ['type=provenance,disabled=true'] })).toEqual([
      'type=provenance,disabled=true',
    ]);
  });

  it('are those of the list before those of single inputs', () => {
    const attests = ['type=sbom,"generator=a,b"', 'type=provenance,mode=min'];
    expect(attestationsOf({ ...plain, attests, sbom: 'false', provenance: 'mode=max' })).toEqual(attests);
  });
});
