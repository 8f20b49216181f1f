import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { costOf, hasPrice, type Priced, rateOf } from '../../src/resources/cost.ts';
import { hostedPricePerHour } from '../../src/resources/hosted-prices.ts';
import { pricesSchema } from '../../src/resources/prices.ts';

const machine = (changes: Partial<Priced> & { isHosted?: boolean; name?: string } = {}): Priced => ({
  runner: {
    os: 'Linux',
    arch: 'X64',
    name: changes.name ?? 'gpu-box-1',
    isHosted: changes.isHosted ?? false,
  },
  cores: changes.cores ?? 4,
  gpus: changes.gpus ?? [],
});
const rate = (prices: object, of: Parameters<typeof machine>[0] = {}) =>
  rateOf(pricesSchema.parse(prices), machine(of));

describe("GitHub's prices", () => {
  test.each([
    ['Linux', 'X64', 2, false, 0.006],
    ['Linux', 'X64', 3, false, 0.012],
    ['Linux', 'X64', 64, false, 0.162],
    ['Linux', 'X64', 128, false, 0.252],
    ['Linux', 'ARM64', 4, false, 0.008],
    ['Linux', 'X64', 4, true, 0.052],
    ['Windows', 'X64', 2, false, 0.01],
    ['Windows', 'X64', 4, true, 0.102],
    ['macOS', 'ARM64', 3, false, 0.062],
    ['macOS', 'X64', 12, false, 0.077],
  ])('%s %s with %i cores, GPU %s: %d a minute', (os, arch, cores, hasGpu, perMinute) => {
    expect(hostedPricePerHour({ os, arch, cores, hasGpu })).toBeCloseTo(perMinute * 60, 9);
  });

  test('are none for a runner that GitHub does not have', () => {
    expect(hostedPricePerHour({ os: 'Linux', arch: 'ARM', cores: 4, hasGpu: false })).toBeUndefined();
  });
});

describe('the rate', () => {
  test("is GitHub's on its runners, energy included", () => {
    expect(rate({ kwh: 0.4 }, { isHosted: true })).toEqual({
      perHour: 0.72,
      perKwh: 0,
      currency: 'USD',
      basis: "GitHub's price for Linux X64, 4 cores",
    });
  });

  test('elsewhere is that of the energy, or nothing is known', () => {
    expect(rate({ currency: 'EUR', kwh: 0.4 })).toMatchObject({ perHour: 0, perKwh: 0.4, basis: 'energy' });
    const unknown = rate({});
    expect(unknown).toMatchObject({ perHour: 0, perKwh: 0, basis: 'no price is known' });
    expect(hasPrice(unknown)).toBe(false);
  });

  test("does not take GitHub's dollars for another currency", () => {
    expect(hasPrice(rate({ currency: 'EUR' }, { isHosted: true }))).toBe(false);
  });

  test('is what the user says, on every runner', () => {
    for (const isHosted of [true, false])
      expect(rate({ hour: 2.5, kwh: 0.4 }, { isHosted })).toMatchObject({
        perHour: 2.5,
        perKwh: 0.4,
        basis: 'time, energy',
      });
  });

  test('adds runner, cores and GPUs; the longest part of a name that fits decides', () => {
    const hour = {
      runner: { 'gpu-box': 1, 'gpu-box-1': 0.5 },
      'cpu-core': 0.01,
      gpu: { a100: 2, 'A100-SXM4-80GB': 3 },
    };
    const gpus = ['NVIDIA A100-SXM4-80GB', 'NVIDIA A100-SXM4-80GB', 'NVIDIA A100-PCIE-40GB'];
    expect(rate({ hour }, { gpus })).toMatchObject({
      perHour: 0.5 + 0.04 + 3 + 3 + 2,
      basis: "the runner 'gpu-box-1', 4 CPU cores, 2 × NVIDIA A100-SXM4-80GB, 1 × NVIDIA A100-PCIE-40GB",
    });
  });

  test('says what has no price', () => {
    const hour = { runner: { other: 1 }, gpu: { A100: 2 } };
    expect(rate({ hour }, { gpus: ['Tesla T4'] }).basis).toBe(
      "no price for the runner 'gpu-box-1', no price for 1 × Tesla T4",
    );
  });
});

test('the cost never falls as time and energy go on, and is linear in both', () => {
  const amount = fc.double({ min: 0, max: 1e4, noNaN: true });
  fc.assert(
    fc.property(amount, amount, amount, amount, amount, (hour, kwh, seconds, more, wh) => {
      const given = rate({ hour, kwh });
      const cost = (seconds: number, wh: number) => costOf(given, seconds, wh).amount;
      expect(cost(seconds + more, wh)).toBeGreaterThanOrEqual(cost(seconds, wh));
      expect(cost(seconds, wh)).toBeCloseTo(cost(seconds, 0) + cost(0, wh), 3);
      expect(cost(3600, 0)).toBeCloseTo(hour, 6);
      expect(cost(0, 1000)).toBeCloseTo(kwh, 6);
    }),
  );
});

test.each([
  [{ currency: 'euro' }, "a currency is three capital letters, such as 'EUR'"],
  [{ hour: -1 }, 'Too small'],
  [{ hours: 1 }, 'Unrecognized key: "hours"'],
  [{ hour: { cpu: 1 } }, 'Unrecognized key: "cpu"'],
])('%j is refused', (prices, message) => {
  const { error } = pricesSchema.safeParse(prices);
  expect(error?.issues.map((issue) => issue.message).join()).toContain(message);
});
