import { aucChangeEstimate, aucEstimate, hasBothClasses } from './delong.ts';
import { type Estimate, turned, withoutNoise } from './estimate.ts';
import type { Method } from './methods.ts';
import { picking, sizeOf } from './pick.ts';
import { hasSameMembers, shareChangeEstimate, shareEstimate } from './proportion.ts';
import { quantileEstimate } from './quantile.ts';
import { bootstrapEstimate } from './resample/bootstrap.ts';
import { jackknife } from './resample/jackknife.ts';
import { differencesOf, signFlipEstimate } from './resample/permutation.ts';
import { replicates } from './resample/replicates.ts';
import type { Statistic } from './statistic.ts';
import { evaluate } from './value.ts';

interface Asked {
  /** Lowest and highest value that the metric can have. */
  range: readonly [number, number];
  method?: Method | undefined;
  /** Examples of the smallest class; default: all examples. */
  smallest?: number | undefined;
}

export interface ValueQuestion extends Asked {
  kind: 'value';
  statistic: Statistic;
}

export interface ChangeQuestion extends Asked {
  kind: 'change';
  /** Both of the same metric, of the same examples in the same order. */
  candidate: Statistic;
  baseline: Statistic;
  /** Decides the sign: positive is better. */
  greaterIsBetter: boolean;
  /** As a fraction of the baseline's magnitude. */
  relative: boolean;
}

export type Question = ValueQuestion | ChangeQuestion;

export interface EstimateOptions {
  /** Default 10,000; with 0, what only the bootstrap could tell has no interval. */
  resamples?: number | undefined;
  /** Default 0; the same seed gives the same estimates on every machine. */
  seed?: number | undefined;
  /** Each example's stratum: resamples then have as many of each as there are, and no other method is `auto`. */
  strata?: Int32Array | undefined;
  /** Default: as many as there are cores where there is much to do. They change no estimate. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** With fewer examples the bootstrap is too sure of a mean. */
const fewExamples = 50;

/**
 * Estimates of metrics and their changes; one pass of resampling serves those of equally many examples. A method that
 * does not fit a question (`methodProblem`) gives an estimate without an interval that says so.
 */
export async function estimates(
  questions: readonly Question[],
  { resamples = 10_000, seed = 0, strata, ...options }: EstimateOptions = {},
): Promise<Estimate[]> {
  const found = questions.map((question) => withoutBootstrap(question, { resamples, seed, strata }));
  const open = questions.flatMap((_, i) => (found[i] ? [] : [i]));
  const bySize = Map.groupBy(open, (i) => sizeOf(statisticsOf(questions[i] as Question)[0]));
  for (const [size, indices] of bySize) {
    const arranged = arrangement(size, strata);
    const groups = indices.map((i) => statisticsOf(questions[i] as Question).map(arranged.statistic));
    const drawn = await replicates(groups, arranged.strata, { resamples, seed, ...options });
    for (const [at, i] of indices.entries())
      found[i] = bootstrapped(
        questions[i] as Question,
        groups[at] as Statistic[],
        drawn[at] as Float64Array[],
        arranged.strata,
      );
  }
  return found as Estimate[];
}

/** Why a method says nothing about what is asked; undefined where it does. */
export function methodProblem(question: Question): string | undefined {
  const { method = 'auto' } = question;
  if (method === 'delong')
    return withAreas(question)
      ? undefined
      : 'DeLong is of the area under the ROC curve of both classes, without weights';
  if (question.kind === 'change' && question.relative && (method === 'mcnemar' || method === 'permutation'))
    return `a relative change has no ${method} method; take bootstrap`;
  if (method === 'mcnemar')
    return question.kind === 'change' && sharesOf(question)
      ? undefined
      : "McNemar's test is of changes of a share of the same examples, such as of accuracy or recall";
  if (method === 'permutation')
    return question.kind === 'change' && differencesOf(question.candidate, question.baseline)
      ? undefined
      : 'the permutation test is of changes of a mean over all examples, such as of accuracy, MAE or log loss';
  return undefined;
}

function statisticsOf(question: Question): [Statistic, ...Statistic[]] {
  return question.kind === 'value' ? [question.statistic] : [question.candidate, question.baseline];
}

interface Draws {
  resamples: number;
  seed: number;
  strata: Int32Array | undefined;
}

/** Where the distribution is known, or the method does not fit; undefined where it takes the bootstrap. */
function withoutBootstrap(question: Question, draws: Draws): Estimate | undefined {
  const { method = 'auto' } = question;
  const problem = methodProblem(question);
  if (problem) {
    const [first, second] = statisticsOf(question);
    const values = [first, ...(second ? [second] : [])].map(evaluate);
    return withoutNoise(combine(question, values), sizeOf(first), problem);
  }
  const known =
    method.startsWith('bootstrap') || (method === 'auto' && draws.strata)
      ? undefined
      : question.kind === 'value'
        ? ofValue(question)
        : ofChange(question, draws);
  if (known || draws.resamples > 0) return known;
  const values = statisticsOf(question).map(evaluate);
  return withoutNoise(combine(question, values), sizeOf(statisticsOf(question)[0]), 'it was not resampled');
}

function ofValue(question: ValueQuestion): Estimate | undefined {
  const { statistic, range } = question;
  if (statistic.kind === 'proportion') return shareEstimate(statistic);
  if (statistic.kind === 'quantile') return quantileEstimate(statistic, range);
  return statistic.kind === 'auc' && withAreas(question) ? aucEstimate(statistic) : undefined;
}

function ofChange(question: ChangeQuestion, draws: Draws): Estimate | undefined {
  const { candidate, baseline, greaterIsBetter, relative, method = 'auto', range, smallest } = question;
  if (relative && method !== 'delong') return undefined;
  const size = sizeOf(candidate);
  const shares = method !== 'permutation' && sharesOf(question);
  let change: Estimate | undefined;
  if (shares) change = shareChangeEstimate(...shares);
  else if (candidate.kind === 'auc' && baseline.kind === 'auc' && withAreas(question))
    change = aucChangeEstimate(candidate, baseline);
  else if (method === 'permutation' || size < fewExamples) {
    const differences = differencesOf(candidate, baseline);
    const width = range[1] - range[0];
    change =
      differences &&
      signFlipEstimate(differences, {
        ...draws,
        ...{ range: [-width, width], width, smallest: smallest ?? size },
      });
  }
  return change && (greaterIsBetter ? change : turned(change));
}

function withAreas(question: Question): boolean {
  return (
    statisticsOf(question).every((one) => one.kind === 'auc' && !one.weight && hasBothClasses(one)) &&
    !(question.kind === 'change' && question.relative)
  );
}

/** Both shares of a change, where they are of the same examples, which those of precision are not. */
function sharesOf({ candidate, baseline }: ChangeQuestion) {
  return candidate.kind === 'proportion' &&
    baseline.kind === 'proportion' &&
    hasSameMembers(candidate, baseline)
    ? ([candidate, baseline] as const)
    : undefined;
}

/** Brings examples of a stratum together. */
function arrangement(size: number, strata: Int32Array | undefined) {
  if (!strata) return { strata: [size], statistic: (one: Statistic) => one };
  if (strata.length !== size)
    throw new RangeError(`there are strata of ${strata.length} examples, and ${size} examples`);
  const order = Uint32Array.from({ length: size }, (_, i) => i).sort(
    (a, b) => (strata[a] as number) - (strata[b] as number) || a - b,
  );
  const pick = picking(order);
  const made = new Map<Statistic, Statistic>();
  return {
    strata: [...Map.groupBy(order, (i) => strata[i] as number).values()].map(({ length }) => length),
    statistic(one: Statistic) {
      const picked = made.get(one) ?? pick(one);
      made.set(one, picked);
      return picked;
    },
  };
}

function bootstrapped(
  question: Question,
  statistics: readonly Statistic[],
  drawn: readonly Float64Array[],
  strata: readonly number[],
): Estimate {
  const { range, method = 'auto', smallest } = question;
  const size = sizeOf(statisticsOf(question)[0]);
  const combined = ([first, second]: readonly Float64Array[]) =>
    (first as Float64Array).map((one, i) => combine(question, second ? [one, second[i] as number] : [one]));
  const width = range[1] - range[0];
  const relative = question.kind === 'change' && question.relative;
  return bootstrapEstimate({
    ...{ size, strata, smallest: smallest ?? size },
    name: `${strata.length > 1 ? 'stratified ' : ''}${question.kind === 'value' ? '' : 'paired '}bootstrap`,
    value: combine(question, statistics.map(evaluate)),
    replicates: combined(drawn),
    jackknife: method === 'bootstrap-percentile' ? undefined : combined(jackknife(statistics)),
    // The jackknife says nothing of quantiles, which do not change smoothly (Efron, 1982).
    noNarrower: !method.startsWith('bootstrap-') && statistics.every(({ kind }) => kind !== 'quantile'),
    width: relative ? Number.POSITIVE_INFINITY : width,
    range: question.kind === 'value' ? range : relative ? everywhere : [-width, width],
  });
}

const everywhere = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** The value, or the change for the better, of one or two metrics. */
function combine(question: Question, [first = Number.NaN, second = Number.NaN]: readonly number[]): number {
  if (question.kind === 'value') return first;
  const gain = question.greaterIsBetter ? first - second : second - first;
  return question.relative ? gain / Math.abs(second) : gain;
}
