import { estimates, metricNamed, type Predictions, type Question, type Statistic } from '@mlops/stats';
import { normal, random } from '@mlops/testkit/random';
import { predictions } from './predictions.ts';

function statistic(name: string, given: Predictions): Statistic {
  const definition = metricNamed(name);
  if (!definition) throw new Error(`there is no metric ${name}`);
  return definition.statistic(given);
}

const rangeOf = (name: string) => metricNamed(name)?.range ?? [0, 1];

export const value = (name: string, given: Predictions, method?: Question['method']): Question => ({
  ...{ kind: 'value', statistic: statistic(name, given), range: rangeOf(name), method },
});

export const change = (
  name: string,
  a: Predictions,
  b: Predictions,
  rest: Partial<Question> = {},
): Question =>
  ({
    ...{ kind: 'change', candidate: statistic(name, a), baseline: statistic(name, b), range: rangeOf(name) },
    ...{ greaterIsBetter: metricNamed(name)?.greaterIsBetter ?? true, relative: false },
    ...rest,
  }) as Question;

/** Two models' predictions of the same numbers. */
export function regressions(
  size: number,
  seed: number,
  spread: readonly [number, number] = [1, 1],
): [Predictions, Predictions] {
  const uniform = random(seed);
  const label = Array.from({ length: size }, () => 5 * normal(uniform));
  const model = (sigma: number) =>
    predictions('regression', { label, prediction: label.map((one) => one + sigma * normal(uniform)) });
  return [model(spread[0]), model(spread[1])];
}

/** Two models' scores of the same classes, which overlap. */
export function classifications(size: number, seed: number): [Predictions, Predictions] {
  const uniform = random(seed);
  const label = Array.from({ length: size }, (_, i) => Number(i % 2 === 0));
  const hardness = label.map(() => normal(uniform));
  const model = () => {
    const score = label.map(
      (one, i) => 1 / (1 + Math.exp(-(2.5 * (one - 0.5) + (hardness[i] as number) + 0.7 * normal(uniform)))),
    );
    return predictions('binary', { label, score, prediction: score.map((one) => Number(one >= 0.5)) });
  };
  return [model(), model()];
}

export const simulated = ['accuracy', 'roc_auc', 'rmse'] as const;

/** Of how many data sets the 95 % interval of a metric does what. */
export interface Counts {
  /** Holds the metric's true value. */
  covered: number;
  /** Holds 0, of the change between two models that are equally good. */
  same: number;
  /** Says that one of them is worse, or better; they are alike, so that both happen equally often. */
  worse: number;
  better: number;
}

/** Estimates each metric, and its change between equally good models, on `rounds` data sets of `size` examples. */
export async function simulate({
  size,
  rounds,
  resamples,
  first = 0,
}: {
  size: number;
  rounds: number;
  resamples: number;
  /** Number of the first data set. */
  first?: number;
}): Promise<Record<(typeof simulated)[number], Counts>> {
  // What a metric is on more examples than matter.
  const [many] = classifications(1_000_000, 77);
  const [accuracy, area] = await estimates([value('accuracy', many), value('roc_auc', many)]);
  const truth = { accuracy: accuracy?.value ?? Number.NaN, roc_auc: area?.value ?? Number.NaN, rmse: 1 };
  const none = (): Counts => ({ covered: 0, same: 0, worse: 0, better: 0 });
  const counts = { accuracy: none(), roc_auc: none(), rmse: none() };
  for (let round = first; round < first + rounds; round++) {
    const classes = classifications(size, 1_000_000 + round);
    const numbers = regressions(size, 5_000_000 + round);
    for (const name of simulated) {
      const [a, b] = name === 'rmse' ? numbers : classes;
      const options = { resamples, seed: round, threads: 1 };
      const found = await estimates([value(name, a), change(name, a, b)], options);
      const ends = found.map((one) => one.interval(0.95));
      const [[low = Number.NaN, high = Number.NaN] = [], [lowest = 0, highest = 0] = []] = ends;
      const count = counts[name];
      count.covered += Number(low <= truth[name] && truth[name] <= high);
      count.same += Number(lowest <= 0 && 0 <= highest);
      count.worse += Number(highest < 0);
      count.better += Number(lowest > 0);
    }
  }
  return counts;
}
