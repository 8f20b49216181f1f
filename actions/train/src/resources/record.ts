import type { ResourceRecord } from '@mlops/core/record';
import type { EnergySpent } from './energy.ts';
import type { History, Shown } from './history.ts';
import type { Spent } from './meter.ts';
import type { TreeUsage } from './process-tree.ts';
import type { GpuSample, Sample } from './sample.ts';

/** A sample's values by the names of the history's columns. */
export function columnsOf(sample: Sample): Record<string, number | undefined> {
  const gpus = sample.gpus.flatMap((gpu, i) => [
    [`gpu${i}.utilisation`, gpu.utilisation],
    [`gpu${i}.memory`, gpu.memoryUsedBytes],
    [`gpu${i}.watts`, gpu.watts],
    [`gpu${i}.celsius`, gpu.celsius],
  ]);
  return {
    cpu: sample.cpuShare,
    memory: sample.memoryUsedBytes,
    diskFree: sample.diskFreeBytes,
    ...Object.fromEntries(gpus),
  };
}

export interface Seen {
  spent: Spent;
  history: History;
  machine: { cores: number; memoryBytes: number };
  processes: TreeUsage | undefined;
  gpus: readonly GpuSample[];
  energy: EnergySpent;
  /** Grams of CO₂ for a kilowatt hour. */
  co2PerKwh: number | undefined;
}

/** What was seen of a run, as its record keeps it. */
export function resourceRecord(seen: Seen): ResourceRecord {
  const { spent, history, machine, processes, gpus, energy, co2PerKwh } = seen;
  const shares = (name: string) => history.column(name, 'mean').map((value) => rounded(value, 3));
  const whole = (name: string, shown: Shown) => history.column(name, shown).map((value) => rounded(value, 0));
  return {
    durationMs: Math.round(spent.seconds * 1000),
    cores: machine.cores,
    memoryBytes: machine.memoryBytes,
    cpuMean: rounded(history.overall('cpu', 'mean'), 3),
    memoryPeakBytes: rounded(history.overall('memory', 'highest'), 0),
    diskFreeLeastBytes: rounded(history.overall('diskFree', 'lowest'), 0),
    processes: processes
      ? {
          cpuSeconds: rounded(processes.cpuSeconds, 2),
          memoryPeakBytes: processes.peakMemoryBytes,
          writtenBytes: processes.writtenBytes,
        }
      : null,
    seconds: history.seconds.map((seconds) => rounded(seconds, 1)),
    cpu: shares('cpu'),
    memory: whole('memory', 'highest'),
    diskFree: whole('diskFree', 'lowest'),
    gpus: gpus.map(({ name, memoryBytes }, i) => ({
      name,
      memoryBytes: memoryBytes ?? null,
      utilisationMean: rounded(history.overall(`gpu${i}.utilisation`, 'mean'), 3),
      memoryPeakBytes: rounded(history.overall(`gpu${i}.memory`, 'highest'), 0),
      utilisation: shares(`gpu${i}.utilisation`),
      memory: whole(`gpu${i}.memory`, 'highest'),
      watts: whole(`gpu${i}.watts`, 'mean'),
      celsius: whole(`gpu${i}.celsius`, 'highest'),
    })),
    energy: {
      wattHours: significant(spent.energyWh),
      cpuWattHours: significant(energy.cpuWh),
      cpuSource: energy.cpuSource,
      gpuWattHours: energy.gpuWh === undefined ? null : significant(energy.gpuWh),
      co2Grams: co2PerKwh === undefined ? null : significant((co2PerKwh * spent.energyWh) / 1000),
    },
    cost: { ...spent.cost, amount: significant(spent.cost.amount) },
  };
}

function rounded<T extends number | null>(value: T, digits: number): T {
  return value === null ? value : (Number(value.toFixed(digits)) as T);
}

function significant(value: number): number {
  return Number(value.toPrecision(4));
}
