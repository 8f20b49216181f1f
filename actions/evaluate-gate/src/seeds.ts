import { UserError } from '@mlops/core';
import { numberOf, type TrainingRecord } from '@mlops/core/record';
import type { Estimate } from '@mlops/stats';
import { independentSamples, type Repeats, type SampleMethod, sampleEstimate } from '@mlops/stats/samples';
import type { Rule } from './rules.ts';

/** Values of one metric by seed, or by fold. */
export interface Repeated {
  over: Repeats;
  values: Readonly<Record<string, number>>;
}
export type Samples = Readonly<Record<string, Repeated>>;

/** What each seed of a training gave, or each fold that a metric has a value of. */
export function samplesOf({ repeats = [], lists = {} }: TrainingRecord): Samples {
  const bySeed: Record<string, Record<string, number>> = {};
  if (repeats.length > 1)
    for (const { seed, metrics } of repeats)
      for (const [metric, value] of Object.entries(metrics))
        bySeed[metric] = { ...bySeed[metric], [seed]: Number(value) };
  const seeds = Object.entries(bySeed).map(([metric, values]): [string, Repeated] => [
    metric,
    { over: 'seeds', values },
  ]);
  const numbers = Object.entries(lists).map(([metric, values]): [string, number[]] => [
    metric,
    values.map(numberOf),
  ]);
  return { ...Object.fromEntries(seeds), ...samplesIn(numbers) };
}

/** Lists of a metrics file as values by fold. */
export function samplesIn(lists: Iterable<readonly [string, readonly number[]]>): Samples {
  return Object.fromEntries(
    [...lists].map(([metric, values]) => [
      metric,
      { over: 'folds', values: Object.fromEntries(values.map((value, i) => [String(i + 1), value])) },
    ]),
  );
}

/** How the interval of a metric over seeds or folds is found, as its rule says. */
export function sampleMethod(metric: string, method: Rule['method']): SampleMethod {
  if (method === 'auto' || method === 't' || method === 'wilcoxon') return method;
  throw new UserError(
    `the rule for '${metric}' says 'method: ${method}', which is of examples, but only its values are known`,
    { advice: "Give 'predictions', or leave 'method' out to take what fits." },
  );
}

/** A metric over seeds or folds; undefined where there are none to tell noise from. */
export function valueOver({ values, over }: Repeated, method: SampleMethod): Estimate | undefined {
  return noisy(Object.values(values), (all) => sampleEstimate(all, { what: over, method }));
}

/** How much better the candidate is, seed by seed where both have the same, as a fraction of `relativeTo`. */
export function changeOver(
  { values: candidate, over }: Repeated,
  { values: baseline, over: otherwise }: Repeated,
  {
    greaterIsBetter,
    relativeTo,
    method,
  }: { greaterIsBetter: boolean; relativeTo: number; method: SampleMethod },
): Estimate | undefined {
  const sign = (greaterIsBetter ? 1 : -1) / relativeTo;
  const signed = (values: readonly number[]) => values.map((value) => value * sign);
  const keys = Object.keys(candidate);
  const paired =
    over === otherwise &&
    keys.length === Object.keys(baseline).length &&
    keys.every((key) => Object.hasOwn(baseline, key));
  if (paired) {
    const gains = keys.map((key) => ((candidate[key] as number) - (baseline[key] as number)) * sign);
    return noisy(gains, (values) => sampleEstimate(values, { paired: true, what: over, method }));
  }
  return noisy(Object.values(baseline), (others) =>
    noisy(Object.values(candidate), (values) => independentSamples(signed(values), signed(others), over)),
  );
}

/** The estimate, if there are several finite values and they differ. */
function noisy(
  values: readonly number[],
  estimate: (values: readonly number[]) => Estimate | undefined,
): Estimate | undefined {
  if (values.length < 2 || !values.every(Number.isFinite)) return undefined;
  const found = estimate(values);
  return found?.interval(0.5).every((end) => !Number.isNaN(end)) ? found : undefined;
}
