import { throwAll, UserError } from '@mlops/core';
import { type Measured, measuredOf, numberOf } from '@mlops/core/record';

type Metrics = Readonly<Record<string, Measured>>;

/**
 * The seeds to train with, in the order in which they are trained: the first one last, because what lies on the disk in
 * the end is its model. `[undefined]` where the training is not repeated.
 */
export function seedsOf({
  repeat,
  seeds,
}: {
  repeat: number | undefined;
  seeds: readonly string[] | undefined;
}): (string | undefined)[] {
  if (!seeds) return repeat === undefined ? [undefined] : [...Array(repeat).keys()].map(String).reverse();
  throwAll(seeds.flatMap((seed, i) => problemOf(seed, seeds.indexOf(seed) < i)));
  if (repeat !== undefined && repeat !== seeds.length)
    throw new UserError(`input seeds: it names ${seeds.length}, but the input 'repeat' asks for ${repeat}`, {
      advice: "Name as many, or leave 'repeat' away.",
    });
  return seeds.toReversed();
}

function problemOf(seed: string, isAgain: boolean): UserError[] {
  // NumPy and scikit-learn take 32 bits without a sign.
  const isSeed = /^\d+$/.test(seed) && Number(seed) < 2 ** 32;
  if (isSeed && !isAgain) return [];
  return [
    new UserError(
      `input seeds: '${seed}' ${isAgain ? 'stands there twice' : 'is not a whole number from 0 to 4294967295'}`,
      {
        advice: 'Name each seed once.',
      },
    ),
  ];
}

/** The mean of every metric over the seeds; NaN where a seed lacks it, so that a gate does not let it pass. */
export function means(repeats: readonly Metrics[]): Record<string, Measured> {
  return overSeeds(repeats, (values) => values.reduce((sum, value) => sum + value, 0) / values.length);
}

/** The sample standard deviation (divided by n − 1) of every metric; NaN for a single seed. */
export function spread(repeats: readonly Metrics[]): Record<string, Measured> {
  return overSeeds(repeats, (values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  });
}

function overSeeds(repeats: readonly Metrics[], of: (values: number[]) => number): Record<string, Measured> {
  const names = [...new Set(repeats.flatMap((metrics) => Object.keys(metrics)))];
  return Object.fromEntries(
    names.map((name) => [
      name,
      measuredOf(
        of(repeats.map((metrics) => (name in metrics ? numberOf(metrics[name] as Measured) : Number.NaN))),
      ),
    ]),
  );
}
