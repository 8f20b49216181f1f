import type { TrainingRecord } from '@mlops/core/record';
import type { Estimate } from '@mlops/stats';
import { independentSamples, sampleEstimate } from '@mlops/stats/samples';

/** Values by metric and seed. */
export type Samples = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What each seed of a training gave; undefined for a training with one. */
export function samplesOf({ repeats = [] }: TrainingRecord): Samples | undefined {
  if (repeats.length < 2) return undefined;
  const samples: Record<string, Record<string, number>> = {};
  for (const { seed, metrics } of repeats)
    for (const [metric, value] of Object.entries(metrics))
      samples[metric] = { ...samples[metric], [seed]: Number(value) };
  return samples;
}

/** A metric over the seeds; undefined where there are none to tell noise from. */
export function valueOverSeeds(samples: Samples[string]): Estimate | undefined {
  return noisy(Object.values(samples), (values) => sampleEstimate(values));
}

/** How much better the candidate is, seed by seed where both have the same, as a fraction of `relativeTo`. */
export function changeOverSeeds(
  candidate: Samples[string],
  baseline: Samples[string],
  { greaterIsBetter, relativeTo }: { greaterIsBetter: boolean; relativeTo: number },
): Estimate | undefined {
  const sign = (greaterIsBetter ? 1 : -1) / relativeTo;
  const signed = (values: readonly number[]) => values.map((value) => value * sign);
  const seeds = Object.keys(candidate);
  const paired =
    seeds.length === Object.keys(baseline).length && seeds.every((seed) => Object.hasOwn(baseline, seed));
  if (paired) {
    const gains = seeds.map((seed) => ((candidate[seed] as number) - (baseline[seed] as number)) * sign);
    return noisy(gains, (values) => sampleEstimate(values, { paired: true }));
  }
  return noisy(Object.values(baseline), (others) =>
    noisy(Object.values(candidate), (values) => independentSamples(signed(values), signed(others))),
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
