import { UserError } from '@mlops/core';
import type { TrainingRecord } from '@mlops/core/record';
import { isCost } from '@mlops/metrics/quantity';
import type { Rules } from './rules.ts';

/**
 * What a training took and left, as metrics that rules can bound: bytes, seconds, money, watt hours and grams. Time is
 * that of all stages, also of those that were not run again; the others are of this run.
 */
export function budgetsOf({ model, stages, durationMs, resources }: TrainingRecord): Record<string, number> {
  const saved = stages.reduce((sum, { outcome, savedMs }) => sum + (outcome === 'skipped' ? savedMs : 0), 0);
  const { cost, energy } = resources ?? {};
  return {
    ...(model && { model_size: model.bytes }),
    training_time: (durationMs + saved) / 1000,
    ...(cost && { training_cost: cost.amount }),
    ...(energy && { training_energy: energy.wattHours }),
    ...(energy && energy.co2Grams !== null && { training_co2: energy.co2Grams }),
  };
}

/** Refuses bounds in another currency than costs are counted in. */
export function checkCurrency(rules: Rules, training: TrainingRecord | undefined): void {
  const counted = training?.resources?.cost.currency;
  for (const [metric, { currency }] of Object.entries(rules))
    if (isCost(metric) && currency && counted && currency !== counted)
      throw new UserError(`the rule for '${metric}' is in ${currency}, but costs are counted in ${counted}`, {
        advice: `Give the bound in ${counted}, or prices in ${currency} to the input 'prices' of train.`,
      });
}
