import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseWay,
  isNews,
  noTimings,
  parseTimings,
  type Sample,
  type Timings,
  withSample,
} from '../src/cache/timings.ts';

const day = 24 * 60 * 60 * 1000;

function samples(...seconds: number[]): Sample[] {
  return seconds.map((each, index) => ({ seconds: each, bytes: 300e6, at: index }));
}

function timings(install: Sample[], restore: Sample[]): Timings {
  return { install, restore, generation: 0 };
}

const anySample = fc.record({
  seconds: fc.double({ min: 0, max: 10_000, noNaN: true }),
  bytes: fc.integer({ min: 0, max: 20e9 }),
  at: fc.integer({ min: 0 }),
});
const anyTimings = fc.record({
  install: fc.array(anySample, { maxLength: 5 }),
  restore: fc.array(anySample, { maxLength: 5 }),
  generation: fc.nat(),
});

function median(of: readonly Sample[]): number {
  const sorted = of.map(({ seconds }) => seconds).sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

describe('the way an environment comes to be', () => {
  test.each([
    ['nothing is known', [], [], 'install', 'what it takes is not known yet'],
    ['installing is quick', [1.8], [], 'install', '1.8 s, restoring 300 MB would take 2.2 s or more'],
    ['a restore could pay', [8], [], 'restore', 'to compare it with installing, 8.0 s'],
    [
      'restoring is faster',
      [8, 9, 7],
      [3, 4],
      'restore',
      'restoring takes 3.5 s, installing 8.0 s (medians of 2 and 3)',
    ],
    [
      'restoring is slower',
      [22],
      [96],
      'install',
      'restoring takes 96.0 s, installing 22.0 s (medians of 1 and 1)',
    ],
    [
      'both are the same',
      [5],
      [5],
      'install',
      'restoring takes 5.0 s, installing 5.0 s (medians of 1 and 1)',
    ],
  ] as const)('when %s', (_, install, restore, way, why) => {
    expect(chooseWay(timings(samples(...install), samples(...restore)))).toEqual({ way, why });
  });

  test('of several gigabytes is not even tried to be restored where installing is as quick as unpacking', () => {
    const torch = [{ seconds: 22, bytes: 5.2e9, at: 0 }];
    expect(chooseWay(timings(torch, []))).toEqual({
      way: 'install',
      why: '22.0 s, restoring 5200 MB would take 21.8 s or more',
    });
  });

  test('is the one with the lower median once both are known', () => {
    fc.assert(
      fc.property(anyTimings, (known) => {
        fc.pre(known.install.length > 0 && known.restore.length > 0);
        const faster = median(known.restore) < median(known.install) ? 'restore' : 'install';
        expect(chooseWay(known).way).toBe(faster);
      }),
    );
  });

  test('is never a restore that cannot be faster', () => {
    fc.assert(
      fc.property(fc.array(anySample, { minLength: 1, maxLength: 5 }), (install) => {
        const bytes = install.map((each) => each.bytes).sort((a, b) => a - b);
        const least =
          1 + ((bytes[(bytes.length - 1) >> 1] ?? 0) + (bytes[bytes.length >> 1] ?? 0)) / 2 / 250e6;
        if (chooseWay(timings(install, [])).way === 'restore')
          expect(median(install)).toBeGreaterThanOrEqual(least + 1);
      }),
    );
  });

  test('does not turn to restoring because a restore was slow', () => {
    fc.assert(
      fc.property(anyTimings, fc.double({ min: 0, max: 1000, noNaN: true }), (known, more) => {
        fc.pre(known.restore.length > 0 && known.restore.length < 5);
        const slowest = Math.max(...known.restore.map(({ seconds }) => seconds));
        const next = withSample(known, 'restore', { seconds: slowest + more, bytes: 1, at: 1 });
        if (chooseWay(known).way === 'install') expect(chooseWay(next).way).toBe('install');
      }),
    );
  });
});

describe('what is known', () => {
  test('comes back from an entry as it was saved', () => {
    fc.assert(
      fc.property(anyTimings, (known) => {
        expect(parseTimings(JSON.stringify(known))).toEqual(known);
      }),
    );
  });

  test('is nothing where the entry holds something else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const { install, restore, generation } = parseTimings(text);
        for (const { seconds, bytes } of [...install, ...restore])
          expect(seconds >= 0 && bytes >= 0).toBe(true);
        expect(Number.isInteger(generation)).toBe(true);
      }),
    );
    expect(parseTimings('{"install":[{"seconds":"fast"},null,{"seconds":-1,"bytes":1,"at":1}]}')).toEqual(
      noTimings,
    );
  });

  test('forgets what is old', () => {
    const six = [1, 2, 3, 4, 5, 6].reduce(
      (known, seconds) => withSample(known, 'install', { seconds, bytes: 1, at: seconds }),
      noTimings,
    );
    expect(six.install.map(({ seconds }) => seconds)).toEqual([2, 3, 4, 5, 6]);
  });

  test('is saved while it is little, and later once a month', () => {
    expect(isNews(timings(samples(1, 1), []), 'install', 0)).toBe(true);
    expect(isNews(timings(samples(1, 1, 1), []), 'install', day)).toBe(false);
    expect(isNews(timings(samples(1, 1, 1), []), 'restore', day)).toBe(true);
    expect(isNews(timings(samples(1, 1, 1), []), 'install', 31 * day)).toBe(true);
  });
});
