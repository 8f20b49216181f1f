import { aucChangeEstimate, aucEstimate, hasBothClasses } from './delong.ts';
import { binomialCdf } from './distributions.ts';
import { type Estimate, withoutNoise } from './estimate.ts';
import { pairedProportionEstimate, proportionEstimate } from './proportion.ts';
import { bootstrapEstimate } from './resample/bootstrap.ts';
import { jackknife, sizeOf } from './resample/jackknife.ts';
import { replicates } from './resample/replicates.ts';
import type { Proportion, Quantile, Statistic } from './statistic.ts';
import { evaluate } from './value.ts';

/** `auto` takes what fits the metric: score intervals for shares, DeLong for areas, order statistics, else BCa. */
export type Method = 'auto' | 'bootstrap-bca' | 'bootstrap-percentile';

interface Asked {
  /** Lowest and highest value that the metric can have. */
  range: readonly [number, number];
  method?: Method | undefined;
  /** Examples of the smallest class; default: all examples. */
  smallest?: number | undefined;
}

export type Question =
  | (Asked & { kind: 'value'; statistic: Statistic })
  | (Asked & {
      kind: 'change';
      /** Both of the same metric, of the same examples in the same order. */
      candidate: Statistic;
      baseline: Statistic;
      /** Decides the sign: positive is better. */
      greaterIsBetter: boolean;
      /** As a fraction of the baseline's magnitude. */
      relative: boolean;
    });

export interface EstimateOptions {
  /** Default 10,000. */
  resamples?: number | undefined;
  /** Default 0; the same seed gives the same estimates on every machine. */
  seed?: number | undefined;
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Estimates of metrics and their changes, all of the same examples; one pass of resampling serves those that need it. */
export async function estimates(
  questions: readonly Question[],
  options: EstimateOptions = {},
): Promise<Estimate[]> {
  const { resamples = 10_000, seed = 0 } = options;
  const direct = questions.map((question) =>
    (question.method ?? 'auto') === 'auto' ? withoutResampling(question) : undefined,
  );
  const open = questions.filter((_, i) => !direct[i]);
  const statistics = [...new Set(open.flatMap(statisticsOf))];
  const drawn = statistics.length ? await replicates(statistics, { ...options, resamples, seed }) : [];
  const replicatesOf = (statistic: Statistic) => drawn[statistics.indexOf(statistic)] as Float64Array;
  return questions.map((question, i) => direct[i] ?? resampled(question, replicatesOf));
}

function statisticsOf(question: Question): Statistic[] {
  return question.kind === 'value' ? [question.statistic] : [question.candidate, question.baseline];
}

/** Where the distribution is known. */
function withoutResampling(question: Question): Estimate | undefined {
  if (question.kind === 'value') {
    const { statistic } = question;
    if (statistic.kind === 'proportion') return shareEstimate(statistic);
    if (statistic.kind === 'quantile') return quantileEstimate(statistic);
    return statistic.kind === 'auc' && !statistic.weight && hasBothClasses(statistic)
      ? aucEstimate(statistic)
      : undefined;
  }
  const { candidate, baseline, greaterIsBetter, relative } = question;
  if (relative) return undefined;
  const change =
    candidate.kind === 'proportion' && baseline.kind === 'proportion'
      ? shareChangeEstimate(candidate, baseline)
      : candidate.kind === 'auc' && baseline.kind === 'auc' && !candidate.weight && hasBothClasses(candidate)
        ? aucChangeEstimate(candidate, baseline)
        : undefined;
  return change && (greaterIsBetter ? change : turned(change));
}

function shareEstimate({ success, member }: Proportion): Estimate {
  const successes = success.reduce((sum, one) => sum + one, 0);
  const size = member ? member.reduce((sum, one) => sum + one, 0) : success.length;
  return size ? proportionEstimate(successes, size) : withoutNoise(Number.NaN, 0, 'there are no examples');
}

/** Undefined where the shares are of different examples, as precisions are. */
function shareChangeEstimate(candidate: Proportion, baseline: Proportion): Estimate | undefined {
  const same =
    candidate.member === baseline.member ||
    (candidate.member?.every((one, i) => one === baseline.member?.[i]) ?? false);
  if (!same) return undefined;
  let [size, gained, lost] = [0, 0, 0];
  for (let i = 0; i < candidate.success.length; i++) {
    if (candidate.member && !candidate.member[i]) continue;
    size++;
    if (candidate.success[i] === baseline.success[i]) continue;
    if (candidate.success[i]) gained++;
    else lost++;
  }
  return size
    ? pairedProportionEstimate({ size, gained, lost })
    : withoutNoise(Number.NaN, 0, 'there are no examples');
}

/** A quantile between order statistics, without any assumption (David and Nagaraja, Order Statistics, 7.1). */
function quantileEstimate(statistic: Quantile): Estimate {
  const { at } = statistic;
  const sorted = Float64Array.from(statistic.values).sort();
  const size = sorted.length;
  const count = (is: (value: number) => boolean) => sorted.reduce((sum, value) => sum + Number(is(value)), 0);
  return {
    ...{ value: evaluate(statistic), size, method: 'order statistics' },
    pBelow: (bound) => 1 - binomialCdf(count((value) => value < bound) - 1, size, at),
    pAbove: (bound) =>
      binomialCdf(
        count((value) => value <= bound),
        size,
        at,
      ),
    interval(confidence) {
      const tail = (1 - confidence) / 2;
      let low = 0;
      while (low < size && binomialCdf(low, size, at) <= tail) low++;
      let high = low;
      while (high < size && binomialCdf(high, size, at) < 1 - tail) high++;
      return [
        low === 0 ? Number.NEGATIVE_INFINITY : (sorted[low - 1] as number),
        high >= size ? Number.POSITIVE_INFINITY : (sorted[high] as number),
      ];
    },
  };
}

/** The same estimate of the opposite. */
function turned(estimate: Estimate): Estimate {
  return {
    ...estimate,
    value: -estimate.value,
    pBelow: (bound) => estimate.pAbove(-bound),
    pAbove: (bound) => estimate.pBelow(-bound),
    interval(confidence) {
      const [low, high] = estimate.interval(confidence);
      return [-high, -low];
    },
  };
}

function resampled(question: Question, replicatesOf: (statistic: Statistic) => Float64Array): Estimate {
  const { range, method = 'auto' } = question;
  const corrected = method !== 'bootstrap-percentile';
  if (question.kind === 'value') {
    const { statistic } = question;
    const size = sizeOf(statistic);
    return bootstrapEstimate({
      ...{ value: evaluate(statistic), replicates: replicatesOf(statistic), size, range, name: 'bootstrap' },
      jackknife: corrected ? jackknife(statistic) : undefined,
      smallest: question.smallest ?? size,
    });
  }
  const { candidate, baseline, greaterIsBetter, relative } = question;
  const size = sizeOf(candidate);
  const change = (a: number, b: number) => {
    const gain = greaterIsBetter ? a - b : b - a;
    return relative ? gain / Math.abs(b) : gain;
  };
  const changes = (a: Float64Array, b: Float64Array) => a.map((value, i) => change(value, b[i] as number));
  const width = range[1] - range[0];
  return bootstrapEstimate({
    ...{ size, name: 'paired bootstrap' },
    value: change(evaluate(candidate), evaluate(baseline)),
    replicates: changes(replicatesOf(candidate), replicatesOf(baseline)),
    jackknife: corrected ? changes(jackknife(candidate), jackknife(baseline)) : undefined,
    range: relative ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] : [-width, width],
    smallest: question.smallest ?? size,
  });
}
