import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { counted, EnergyCounters, estimatedWatts, PowerIntegral } from '../../src/resources/energy.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('power over time', () => {
  test('is energy: 360 W for 10 s are 1 Wh', () => {
    const power = new PowerIntegral(60_000);
    for (const second of [0, 1, 5, 10]) power.add(second * 1000, 360);
    expect(power.wattHours).toBeCloseTo(1, 12);
  });

  test('does not count what lies in a long gap, or next to an unknown reading', () => {
    const power = new PowerIntegral(10_000);
    power.add(0, 3600);
    power.add(10_001, 3600);
    power.add(11_001, undefined);
    power.add(12_001, 3600);
    expect(power.wattHours).toBe(0);
    power.add(13_001, 3600);
    expect(power.wattHours).toBeCloseTo(1, 12);
  });

  const gaps = fc.array(fc.double({ min: 0, max: 10_000, noNaN: true }), { minLength: 1, maxLength: 40 });

  test('of a straight line is the same however it is sampled', () => {
    fc.assert(
      fc.property(gaps, fc.nat(300), fc.nat(5), (gaps, watts, slope) => {
        const power = new PowerIntegral(10_000);
        let at = 0;
        for (const gap of [0, ...gaps]) {
          at += gap;
          power.add(at, watts + slope * (at / 1000));
        }
        const seconds = at / 1000;
        expect(power.wattHours * 3600).toBeCloseTo(watts * seconds + (slope * seconds ** 2) / 2, 4);
      }),
    );
  });

  test('lies between the least and the most power times the time', () => {
    const readings = fc.array(fc.tuple(fc.nat(9000), fc.nat(700)), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(readings, (readings) => {
        const power = new PowerIntegral(10_000);
        let [at, time] = [0, 0];
        for (const [i, [gap, watts]] of readings.entries()) {
          at += gap;
          if (i) time += gap;
          power.add(at, watts);
        }
        const watts = readings.map(([, watts]) => watts);
        const joules = power.wattHours * 3600;
        expect(joules).toBeGreaterThanOrEqual((Math.min(...watts) * time) / 1000 - 1e-6);
        expect(joules).toBeLessThanOrEqual((Math.max(...watts) * time) / 1000 + 1e-6);
      }),
    );
  });
});

describe('counters', () => {
  test('are told right over the point where they start again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), fc.nat(1e12), fc.nat(1e12), (range, start, used) => {
        const before = start % range;
        const now = (before + (used % range)) % range;
        expect(counted(before, now, range)).toBe(used % range);
      }),
    );
  });

  function zones(names: Record<string, string>): string {
    const folder = mkdtempSync(join(tmpdir(), 'mlops-powercap-'));
    folders.push(folder);
    for (const [zone, name] of Object.entries(names)) {
      mkdirSync(join(folder, zone));
      writeFileSync(join(folder, zone, 'name'), `${name}\n`);
      writeFileSync(join(folder, zone, 'max_energy_range_uj'), '262143328850\n');
      writeFileSync(join(folder, zone, 'energy_uj'), '262000000000\n');
    }
    return folder;
  }

  test('of every package and its memory are added, and none twice', () => {
    const folder = zones({
      'intel-rapl:0': 'package-0',
      'intel-rapl:0:0': 'core',
      'intel-rapl:0:1': 'dram',
      'intel-rapl:1': 'package-1',
      'intel-rapl:2': 'psys',
      'intel-rapl-mmio:0': 'package-0',
    });
    const counters = EnergyCounters.open(folder);
    expect(counters?.wattHours()).toBe(0);
    const set = (zone: string, microjoules: number) =>
      writeFileSync(join(folder, zone, 'energy_uj'), `${microjoules}\n`);
    set('intel-rapl:0', 262_000_000_000 + 36_000_000); // 0.01 Wh
    set('intel-rapl:0:0', 262_100_000_000);
    set('intel-rapl:0:1', 262_000_000_000 + 72_000_000); // 0.02 Wh
    set('intel-rapl:1', 3_600_000_000 - 143_328_850); // 1 Wh, over the end
    set('intel-rapl:2', 262_100_000_000);
    set('intel-rapl-mmio:0', 262_100_000_000);
    expect(counters?.wattHours()).toBeCloseTo(1.03, 9);
    expect(counters?.wattHours()).toBeCloseTo(1.03, 9);
  });

  test('that are not there, or may not be read, are none', () => {
    expect(EnergyCounters.open('/no/such/folder')).toBeUndefined();
    expect(EnergyCounters.open(zones({ 'intel-rapl:2': 'psys' }))).toBeUndefined();
    const folder = zones({ 'intel-rapl:0': 'package-0' });
    rmSync(join(folder, 'intel-rapl:0/energy_uj'));
    expect(EnergyCounters.open(folder)).toBeUndefined();
  });
});

test('the estimate grows with cores, load and memory', () => {
  expect(estimatedWatts(2, 0, 0)).toBeCloseTo(1.48);
  expect(estimatedWatts(2, 1, 0)).toBeCloseTo(7.08);
  expect(estimatedWatts(2, 1, 10e9)).toBeCloseTo(11);
});
