import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { planTags, type TagRequest } from '../src/tags.ts';

const plan = (
  setVersion: string,
  existingTags: string[] = [],
  actions = [{ name: 'train', version: '1.2.3' }],
) => planTags({ setVersion, actions, existingTags });

describe('planTags', () => {
  it('tags the set and each action, and moves their major tags', () => {
    expect(plan('1.4.0')).toEqual({
      immutable: ['v1.4.0', 'train/v1.2.3'],
      floating: [
        { tag: 'v1', target: 'v1.4.0' },
        { tag: 'train/v1', target: 'train/v1.2.3' },
      ],
    });
  });

  it('has the floating tag v0 before 1.0', () => {
    expect(plan('0.3.0', [], []).floating).toEqual([{ tag: 'v0', target: 'v0.3.0' }]);
  });

  it('does not tag an action again whose version is tagged', () => {
    expect(plan('1.5.0', ['v1.4.0', 'train/v1.2.3']).immutable).toEqual(['v1.5.0']);
  });

  it('moves no floating tag for a prerelease', () => {
    expect(plan('2.0.0-rc.1', [], []).floating).toEqual([]);
  });

  it('moves a major tag past prereleases of a later version', () => {
    expect(plan('1.4.0', ['v1.5.0-rc.1'], []).floating).toEqual([{ tag: 'v1', target: 'v1.4.0' }]);
  });

  it('leaves the major tag alone when an older minor version is patched', () => {
    expect(plan('1.3.5', ['v1.4.0', 'v1.3.4'], [])).toEqual({ immutable: ['v1.3.5'], floating: [] });
  });

  it('moves only its own line when an older major version is patched', () => {
    expect(plan('1.4.1', ['v1.4.0', 'v2.0.0', 'v1', 'v2'], []).floating).toEqual([
      { tag: 'v1', target: 'v1.4.1' },
    ]);
  });

  it.each(['1.2', 'v1.2.3', '1.2.3+build', '01.2.3', ''])("refuses the version '%s'", (version) => {
    expect(() => plan(version)).toThrow(`'${version}' is no version for a tag`);
  });

  it('refuses when a plain tag is in the way', () => {
    expect(() => plan('1.4.0', ['train'])).toThrow("the tag 'train' is in the way of 'train/v1.2.3'");
  });

  it('refuses a new action version under a set version that is released', () => {
    expect(() => plan('1.4.0', ['v1.4.0', 'train/v1.2.2'])).toThrow(
      "train/v1.2.3 would be new, but the set's v1.4.0 is released already",
    );
  });

  it('refuses a major version of an action within a major version of the set', () => {
    expect(() => plan('1.5.0', ['v1.4.0', 'train/v0.9.0'])).toThrow(
      "'train' goes from major version 0 to 1.2.3, but the set stays at 1.5.0",
    );
    expect(plan('2.0.0', ['v1.4.0', 'train/v0.9.0']).immutable).toEqual(['v2.0.0', 'train/v1.2.3']);
  });
});

const version = fc
  .record({ major: fc.nat(3), minor: fc.nat(3), patch: fc.nat(3), pre: fc.option(fc.nat(2), { freq: 3 }) })
  .map(({ major, minor, patch, pre }) => `${major}.${minor}.${patch}${pre === null ? '' : `-rc.${pre}`}`);
const names = ['train', 'report', 'setup-python-cuda'];

/** Releases one after the other, in any order of versions, each with some actions; refused ones change nothing. */
const history = fc.array(
  fc.record({
    setVersion: version,
    actions: fc
      .uniqueArray(fc.record({ name: fc.constantFrom(...names), version }), { selector: ({ name }) => name })
      .map((actions) => actions.toSorted((a, b) => (a.name < b.name ? -1 : 1))),
  }),
  { maxLength: 8 },
);

function release(request: Omit<TagRequest, 'existingTags'>, tags: Map<string, string>) {
  try {
    return planTags({ ...request, existingTags: [...tags.keys()] });
  } catch {
    return undefined;
  }
}

describe('any history of releases', () => {
  it('creates tags once, moves floating tags only forwards and within their major version, and is idempotent', () => {
    fc.assert(
      fc.property(history, (requests) => {
        // Floating tags by what they point at; immutable ones point at themselves.
        const tags = new Map<string, string>();
        for (const request of requests) {
          const made = release(request, tags);
          if (!made) continue;
          for (const tag of made.immutable) {
            expect(tags.has(tag)).toBe(false);
            expect(tag).toMatch(/^([a-z-]+\/)?v\d+\.\d+\.\d+(-rc\.\d+)?$/);
            tags.set(tag, tag);
          }
          for (const { tag, target } of made.floating) {
            const [to, from] = [target, tags.get(tag) ?? target].map((name) =>
              name.slice(name.indexOf('v', name.lastIndexOf('/') + 1) + 1),
            );
            expect(target.startsWith(`${tag}.`)).toBe(true);
            expect(semver.prerelease(to ?? '')).toBeNull();
            expect(semver.gte(to ?? '', from ?? '')).toBe(true);
            expect(tags.has(target)).toBe(true);
            tags.set(tag, target);
          }
          expect(release(request, tags)).toEqual({ immutable: [], floating: made.floating });
        }
        for (const name of names) expect(tags.has(name)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});
