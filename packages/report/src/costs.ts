import type { JobRecord } from '@mlops/core/record';

/** What a job used, as far as it is known. */
export interface Costs {
  durationMs: number;
  /** Null where no training of it measured that. */
  wattHours: number | null;
  co2Grams: number | null;
  /** By currency. */
  money: Record<string, number>;
  /** What stages that were not run again took when they ran. */
  savedMs: number;
}

export function costsOf(job: JobRecord): Costs {
  const used = job.trainings.flatMap(({ resources }) => (resources ? [resources] : []));
  const money: Record<string, number> = {};
  for (const { cost } of used) money[cost.currency] = (money[cost.currency] ?? 0) + cost.amount;
  return {
    durationMs: Math.max(0, Date.parse(job.finishedAt) - Date.parse(job.startedAt)),
    wattHours: sumOfKnown(used.map(({ energy }) => energy.wattHours)),
    co2Grams: sumOfKnown(used.map(({ energy }) => energy.co2Grams)),
    money,
    savedMs: job.trainings
      .flatMap(({ stages }) => stages)
      .reduce((sum, { outcome, savedMs }) => sum + (outcome === 'skipped' ? savedMs : 0), 0),
  };
}

export function totalOf(all: readonly Costs[]): Costs {
  const money: Record<string, number> = {};
  for (const one of all)
    for (const [currency, amount] of Object.entries(one.money))
      money[currency] = (money[currency] ?? 0) + amount;
  return {
    durationMs: all.reduce((sum, { durationMs }) => sum + durationMs, 0),
    wattHours: sumOfKnown(all.map(({ wattHours }) => wattHours)),
    co2Grams: sumOfKnown(all.map(({ co2Grams }) => co2Grams)),
    money,
    savedMs: all.reduce((sum, { savedMs }) => sum + savedMs, 0),
  };
}

function sumOfKnown(amounts: readonly (number | null)[]): number | null {
  const known = amounts.filter((amount) => amount !== null);
  return known.length ? known.reduce((sum, amount) => sum + amount, 0) : null;
}
