import { measuredOf, type RuleRecord, type SliceRecord, sliceName } from '@mlops/core/record';
import { format } from '@mlops/metrics/quantity';
import type { Estimate } from '@mlops/stats';
import { examplesNeeded, holm } from '@mlops/stats/estimate';
import { type Finding, judgeBound, signedBound } from './bound.ts';
import type { SliceExamples } from './examples.ts';
import type { GroupDifference, GroupDifferences, SmallGroup } from './fairness.ts';
import { isGreaterBetter } from './known-metrics.ts';
import type { Asked } from './rules.ts';

/** What becomes of a rule that is asked of many parts; its numbers are those of the worst. */
export type Together = Pick<RuleRecord, 'candidate' | 'baseline' | 'change' | 'slices' | 'worstSlice'> &
  Omit<Finding, 'change'>;

interface Part {
  record: SliceRecord;
  /** How far it lies on the right side of the bound: the worst has the least. */
  distance: number;
  /** What the verdict rests on; undefined where no noise is known. */
  noise?: { estimate: Estimate; bound: number; pFails: number };
}

/** A bound that every slice must meet. */
export function judgeSlices(asked: Asked, slices: readonly SliceExamples[]): Together {
  const { columns = [], minSize = 0 } = asked.slices ?? {};
  return together(
    slices.map((one) => slicePart(asked, one)),
    asked,
    `no slice of ${columns.join(', ')} can be judged: each has fewer examples than 'min_size' asks for (${minSize}), or too few of some kind`,
  );
}

function slicePart(asked: Asked, { slice, size, told }: SliceExamples): Part {
  const { metric, rule, name, bound, slices } = asked;
  const about = { column: slice.column, value: slice.value, examples: size };
  const known = {
    candidate: told?.candidate === undefined ? null : measuredOf(told.candidate),
    baseline: told?.baseline === undefined || name === 'threshold' ? null : measuredOf(told.baseline),
    change: null,
  };
  const open = (verdict: SliceRecord['verdict'], explanation: string): Part => ({
    record: { ...about, ...known, verdict, explanation },
    distance: Number.NEGATIVE_INFINITY,
  });
  if (slice.examples === 0)
    return open('fail', 'no example has this value, so nothing says that the model is good at it');
  const least = slices?.minSize ?? 0;
  if (size < least)
    return open(
      slice.isNamed ? 'inconclusive' : 'too-small',
      `${size} examples are fewer than 'min_size' asks for, ${least}`,
    );
  if (!told?.estimate) {
    // Without a value there is nothing to judge, as without examples; with one, it is not known to be good enough.
    const isDefined = told?.candidate !== undefined && Number.isFinite(told.candidate);
    return open(
      slice.isNamed || isDefined ? 'inconclusive' : 'too-small',
      told?.explanation ?? 'nothing is known of it',
    );
  }
  const greaterIsBetter = isGreaterBetter(metric, rule);
  const { estimate, candidate = Number.NaN, baseline } = told;
  const { change, ...finding } = judgeBound({
    ...{ metric, name, bound, confidence: rule.confidence, estimate, of: 'examples' },
    ...{ candidate, greaterIsBetter },
    baseline: name === 'threshold' ? undefined : baseline,
  });
  const against = signedBound(asked);
  const isBelowBad = name !== 'threshold' || greaterIsBetter;
  const pFails = isBelowBad ? estimate.pBelow(against) : estimate.pAbove(against);
  return {
    record: {
      ...about,
      ...known,
      ...{ change: change === undefined ? null : measuredOf(change) },
      ...finding,
      verdict: finding.verdict as SliceRecord['verdict'],
    },
    distance: (estimate.value - against) * (isBelowBad ? 1 : -1),
    noise: { estimate, bound: against, pFails },
  };
}

/** A fairness metric's bound on the difference between any two groups. */
export function judgeGroups(asked: Asked, { differences, leftOut }: GroupDifferences): Together {
  return together(
    [...differences.map((one) => groupsPart(asked, one)), ...leftOut.map(leftOutPart)],
    asked,
    'there are no groups to compare',
  );
}

function leftOutPart({ column, value, examples }: SmallGroup): Part {
  return {
    record: {
      ...{ column, value, examples, candidate: null, baseline: null, change: null },
      ...{ verdict: 'too-small', explanation: `${examples} examples are fewer than 'min_size' asks for` },
    },
    distance: Number.NEGATIVE_INFINITY,
  };
}

function groupsPart({ bound, rule }: Asked, { column, groups, rate, estimate }: GroupDifference): Part {
  const [low, high] = estimate.interval(rule.confidence);
  const [first, second] = groups;
  const about = {
    ...{ column, value: `${first}, ${second}: ${rate}`, baseline: null, change: null },
    examples: Math.round(estimate.size),
  };
  if (Number.isNaN(low))
    return {
      record: {
        ...{ ...about, candidate: null, verdict: 'inconclusive' },
        explanation: `one of the groups has no example that the ${rate} is of`,
      },
      distance: Number.NEGATIVE_INFINITY,
    };
  const certain = high <= bound && low >= -bound ? true : low > bound ? false : undefined;
  const needed = certain === undefined ? examplesNeeded(estimate, bound, rule.confidence) : undefined;
  const interval = `${format(rule.confidence * 100)} % interval ${format(low)} to ${format(high)}, ${estimate.method}`;
  return {
    record: {
      ...{ ...about, candidate: estimate.value, interval: { low, high, confidence: rule.confidence } },
      ...{
        method: estimate.method,
        verdict: certain === undefined ? 'inconclusive' : certain ? 'pass' : 'fail',
      },
      explanation: `a difference of ${format(estimate.value)} (${interval}) ${certain === undefined ? 'may be' : certain ? 'is' : 'is not'} at most ${format(bound)}${certain === undefined ? ', or not' : ''}${neededText(needed)}`,
      ...(needed === undefined ? {} : { needed }),
    },
    distance: bound - estimate.value,
    // Either group may be ahead: differences as large in either direction count.
    noise: { estimate, bound, pFails: Math.min(1, estimate.pAbove(bound) + estimate.pAbove(-bound)) },
  };
}

/**
 * Passes only where every part does, each by its own interval: a test of all at once that needs no correction (Berger,
 * 1982). Fails where a part does after the correction for so many tests of Holm (1979), so that a model that is no worse
 * than its bounds is failed by mistake no more often than by one test.
 */
function together(parts: readonly Part[], { rule: { confidence } }: Asked, none: string): Together {
  const corrected = withCorrection(parts, confidence);
  const order = (part: Part) => {
    const { verdict, interval } = part.record;
    return ['fail', 'inconclusive', 'pass', 'too-small'].indexOf(verdict) + (interval ? 0.5 : 0);
  };
  const [worst] = corrected.toSorted((a, b) => order(a) - order(b) || a.distance - b.distance);
  const slices = corrected.map(({ record }) => record);
  if (!worst || worst.record.verdict === 'too-small')
    return {
      ...{ candidate: null, baseline: null, change: null, slices },
      ...{ verdict: 'inconclusive', explanation: none },
    };
  const { column, value, verdict, explanation, ...numbers } = worst.record;
  const name = sliceName(worst.record);
  const judged = slices.filter((one) => one.verdict !== 'too-small').length;
  return {
    ...numbers,
    verdict,
    explanation: `${verdict === 'pass' && judged > 1 ? 'the worst, ' : ''}${name}: ${explanation}`,
    slices,
    worstSlice: name,
  };
}

function withCorrection(parts: readonly Part[], confidence: number): Part[] {
  const tested = parts.filter(({ noise }) => noise);
  const adjusted = holm(tested.map(({ noise }) => noise?.pFails ?? 1));
  return parts.map((part) => {
    const { record, noise } = part;
    if (!noise) return part;
    if (record.verdict !== 'fail') return part;
    const pValue = adjusted[tested.indexOf(part)] as number;
    if (tested.length === 1 || pValue < (1 - confidence) / 2)
      return { ...part, record: { ...record, pValue } };
    const needed = examplesNeeded(noise.estimate, noise.bound, 1 - (1 - confidence) / tested.length);
    return {
      ...part,
      record: {
        ...{ ...record, pValue, verdict: 'inconclusive' },
        explanation: `${record.explanation}, but among ${tested.length} such tests that may be chance${neededText(needed)}`,
        ...(needed === undefined ? {} : { needed }),
      },
    };
  });
}

function neededText(needed: number | undefined): string {
  return needed === undefined ? '' : `; some ${needed} examples would have decided it`;
}
