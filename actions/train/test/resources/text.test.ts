import type { ResourceRecord } from '@mlops/core/record';
import { describe, expect, test } from 'vitest';
import { resourcesText } from '../../src/resources/text.ts';

const record: ResourceRecord = {
  ...{ durationMs: 60_000, cores: 1.5, memoryBytes: 16e9, cpuMean: 0.984, memoryPeakBytes: 3.2e9 },
  ...{
    diskFreeLeastBytes: 40e9,
    processes: null,
    seconds: [5],
    cpu: [0.984],
    memory: [3.2e9],
    diskFree: [40e9],
  },
  gpus: [],
  energy: {
    wattHours: 12.34,
    cpuWattHours: 12.34,
    cpuSource: 'estimate',
    gpuWattHours: null,
    co2Grams: null,
  },
  cost: { amount: 0.054, currency: 'USD', basis: "GitHub's price for Linux X64, 4 cores" },
};
const gpu = {
  ...{ name: 'NVIDIA H100', memoryBytes: 80e9, utilisationMean: 0.87, memoryPeakBytes: 30e9 },
  ...{ utilisation: [0.87], memory: [30e9], watts: [412], celsius: [61] },
};

describe('what a run has used', () => {
  test('is one line', () => {
    expect(resourcesText(record)).toBe(
      "CPU 98 % of 1.5 cores on average, memory at most 3.2 GB of 16 GB, energy 12 Wh (estimated), cost 0.05 USD (GitHub's price for Linux X64, 4 cores)",
    );
  });

  test('has GPUs, and what is measured is not called an estimate', () => {
    const energy = {
      wattHours: 1234,
      cpuWattHours: 34,
      cpuSource: 'counters',
      gpuWattHours: 1200,
      co2Grams: 456,
    } as const;
    const text = resourcesText({
      ...record,
      gpus: [gpu, { ...gpu, utilisationMean: null, memoryPeakBytes: null }],
      energy,
    });
    expect(text).toContain(
      ', NVIDIA H100 87 % on average with at most 30 GB, NVIDIA H100, energy 1.2 kWh, 456 g CO₂, cost ',
    );
  });

  test('leaves out what is not known, and no cost is none', () => {
    expect(
      resourcesText({
        ...record,
        ...{ cpuMean: null, memoryPeakBytes: null },
        energy: { ...record.energy, wattHours: 0 },
        cost: { ...record.cost, amount: 0 },
      }),
    ).toBe('energy less than 0.01 Wh (estimated)');
  });

  test.each([
    [0.00001, 'less than 0.0001'],
    [0.00123, '0.0012'],
    [12.345, '12.35'],
  ])('a cost of %d is %s', (amount, text) => {
    expect(resourcesText({ ...record, cost: { ...record.cost, amount } })).toContain(`cost ${text} USD (`);
  });
});
