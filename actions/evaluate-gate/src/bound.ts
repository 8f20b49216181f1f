import { type IntervalRecord, measuredOf, type RuleRecord } from '@mlops/core/record';
import { format, valueText } from '@mlops/metrics/quantity';
import type { Estimate } from '@mlops/stats';
import { examplesNeeded } from '@mlops/stats/estimate';
import type { BoundName } from './rules.ts';

/** What a bound makes of a metric. */
export type Finding = Pick<
  RuleRecord,
  'verdict' | 'explanation' | 'interval' | 'method' | 'pValue' | 'examples' | 'needed'
> & {
  /** Absolute or relative to the baseline, as the rule counts it; positive is better. */
  change?: number;
};

export interface Bound {
  metric: string;
  name: BoundName;
  bound: number;
  confidence: number;
  /** Of the candidate's value for a threshold, else of the change; undefined where no noise is known. */
  estimate: Estimate | undefined;
  /** What the estimate rests on. */
  of: 'seeds' | 'folds' | 'examples';
}

/** The bound in the direction of what is held against it: a margin is how far down a change may go. */
export function signedBound({ name, bound }: Pick<Bound, 'name' | 'bound'>): number {
  return name === 'non_inferiority_margin' ? -bound : bound;
}

interface Compared extends Bound {
  candidate: number;
  baseline?: number | undefined;
  greaterIsBetter: boolean;
}

/** Judges finite numbers: by the interval where noise is known, else as they are. */
export function judgeBound(compared: Compared): Finding {
  return compared.baseline === undefined
    ? againstThreshold(compared)
    : againstBaseline(compared, compared.baseline);
}

function againstThreshold({
  metric,
  bound,
  confidence,
  estimate,
  of,
  candidate,
  greaterIsBetter,
}: Compared): Finding {
  const shown = (value: number) => valueText(metric, value);
  const asked = `${greaterIsBetter ? 'at least' : 'at most'} ${shown(bound)}`;
  if (estimate)
    return byInterval({ estimate, of, bound, confidence, greaterIsBetter }, shown, (said, certain) =>
      certain === undefined
        ? `${said} may be ${asked}, or not`
        : `${said} is ${certain ? '' : 'not '}${asked}`,
    );
  const met = greaterIsBetter ? candidate >= bound : candidate <= bound;
  return {
    verdict: met ? 'pass' : 'fail',
    explanation: `${shown(candidate)} is ${met ? '' : 'not '}${asked}`,
  };
}

function againstBaseline(compared: Compared, baseline: number): Finding {
  const { metric, name, candidate, confidence, greaterIsBetter, estimate, of } = compared;
  const bound = signedBound(compared);
  const relative = name === 'min_relative_change';
  const gain = greaterIsBetter ? candidate - baseline : baseline - candidate;
  // The magnitude, so that metrics below zero (log-likelihood, negated errors) are not compared the wrong way round.
  const change = relative ? gain / Math.abs(baseline) : gain;
  const shown = (value: number) => (relative ? `${format(value * 100)} %` : valueText(metric, value));
  const wanted =
    bound < 0 || name === 'non_inferiority_margin'
      ? `at most ${shown(Math.abs(bound))} worse`
      : `at least ${shown(bound)} better`;
  if (estimate)
    return {
      ...byInterval(
        { estimate, of, bound, confidence, greaterIsBetter: true },
        shown,
        (said, certain) =>
          `the change for the better of ${said} ${certain === undefined ? 'may be enough, or not' : certain ? 'is enough' : 'is not enough'}; asked: ${wanted}`,
      ),
      change: estimate.value,
    };
  const needed = relative ? bound * Math.abs(baseline) : bound;
  const met = gain >= needed - rounding(candidate, baseline);
  const direction =
    change === 0 ? 'unchanged' : `${shown(change).replace('-', '')} ${change > 0 ? 'better' : 'worse'}`;
  return {
    verdict: met ? 'pass' : 'fail',
    explanation: `${valueText(metric, candidate)} is ${direction} ${change === 0 ? 'against' : 'than'} ${valueText(metric, baseline)}; asked: ${wanted}`,
    change,
  };
}

/**
 * Passes only what the whole interval clears, and fails only what it misses as a whole. On the very bound of a
 * 95 % interval, either is wrong in one of forty cases.
 */
function byInterval(
  {
    estimate,
    of,
    bound,
    confidence,
    greaterIsBetter,
  }: Omit<Bound, 'metric' | 'name' | 'estimate'> & {
    estimate: Estimate;
    greaterIsBetter: boolean;
  },
  shown: (value: number) => string,
  explain: (said: string, certain: boolean | undefined) => string,
): Finding {
  const [low, high] = estimate.interval(confidence);
  const cleared = greaterIsBetter ? low >= bound : high <= bound;
  const missed = greaterIsBetter ? high < bound : low > bound;
  const certain = cleared ? true : missed ? false : undefined;
  const needed = certain === undefined ? examplesNeeded(estimate, bound, confidence) : undefined;
  const said = `${shown(estimate.value)} (${format(confidence * 100)} % interval ${shown(low)} to ${shown(high)}, ${estimate.method})`;
  return {
    verdict: cleared ? 'pass' : missed ? 'fail' : 'inconclusive',
    explanation: `${explain(said, certain)}${needed === undefined ? '' : `; some ${needed} ${of} would have decided it`}`,
    interval: intervalRecord(low, high, confidence),
    method: estimate.method,
    pValue: estimate.value > bound ? estimate.pAbove(bound) : estimate.pBelow(bound),
    examples: estimate.size,
    ...(needed === undefined ? {} : { needed }),
  };
}

/** An interval as records hold it. */
export function intervalRecord(low: number, high: number, confidence: number): IntervalRecord {
  return { low: measuredOf(low), high: measuredOf(high), confidence };
}

/** What subtracting two doubles can be off by: 0.95 - 0.94 must count as 0.01. */
function rounding(candidate: number, baseline: number): number {
  return 4 * Number.EPSILON * Math.max(Math.abs(candidate), Math.abs(baseline));
}
