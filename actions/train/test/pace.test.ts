import { expect, test } from 'vitest';
import { Pace } from '../src/checkpoints/pace.ts';

test('what has not changed from one look to the next is sealed', () => {
  const pace = new Pace(1000, 0);
  expect(pace.isTimeToSeal('a', 1000)).toBe(false);
  expect(pace.isTimeToSeal('b', 2000)).toBe(false);
  expect(pace.isTimeToSeal('b', 3000)).toBe(true);
});

test('what never rests is sealed after half a minute', () => {
  const pace = new Pace(1000, 0);
  const times = Array.from({ length: 31 }, (_, i) => i * 1000);
  expect(times.filter((now) => pace.isTimeToSeal(`state ${now}`, now))).toEqual([30_000]);
});

test('sealing takes a twentieth of the time at most, and looking a fiftieth', () => {
  const pace = new Pace(1000, 0);
  pace.sealed(10_000, 6000);
  expect(pace.isTimeToSeal('a', 100_000)).toBe(false);
  expect(pace.isTimeToSeal('a', 129_999)).toBe(false);
  expect(pace.isTimeToSeal('a', 130_000)).toBe(true);
  expect(pace.pauseMs).toBe(1000);
  pace.looked(200);
  expect(pace.pauseMs).toBe(10_000);
});
