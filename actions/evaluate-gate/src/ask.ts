import { UserError } from '@mlops/core';
import type { GateRecord } from '@mlops/core/record';
import type { PredictionTable } from '@mlops/predictions';
import {
  type Estimate,
  evaluate,
  type Method,
  type MetricDefinition,
  methodProblem,
  type Predictions,
  type Question,
} from '@mlops/stats';
import type { Pair, Part } from './parts.ts';
import type { BoundName, Rule } from './rules.ts';

export interface Comparable {
  /** Share of examples that may be without a partner, or have an id twice. */
  maxUnpaired: number;
  allowDifferentTestSet: boolean;
  ifSameAsBaseline: 'pass' | 'warn' | 'fail';
}

/** What the examples say of a bound: an estimate to judge it by, or why there is none. */
export type FromExamples = { candidate?: number; baseline?: number } & (
  | { estimate: Estimate }
  | { estimate?: undefined; verdict: GateRecord['verdict']; explanation: string }
);

/** What is estimated for a bound; bounds of one kind share an estimate. */
export const kinds = {
  threshold: 'value',
  min_absolute_change: 'change',
  non_inferiority_margin: 'change',
  min_relative_change: 'relative change',
} as const satisfies Record<BoundName, string>;
export type Kind = (typeof kinds)[BoundName];

/** Why examples decide nothing: of a value, or of a change. */
export interface Obstacles {
  value: FromExamples | undefined;
  change: FromExamples | undefined;
}

export function obstaclesOf(
  candidate: PredictionTable,
  baseline: PredictionTable | undefined,
  pair: Pair | undefined,
  options: Comparable,
): Obstacles {
  const inconclusive = (explanation: string | undefined): FromExamples | undefined =>
    explanation === undefined ? undefined : { verdict: 'inconclusive', explanation };
  const value = inconclusive(tooManyRepeated(candidate, options));
  const same: FromExamples | undefined =
    pair?.samePredictions && pair.sameTestSet
      ? {
          verdict: options.ifSameAsBaseline,
          explanation:
            'candidate and baseline predict the same of every example: is this the same model, compared with itself?',
        }
      : undefined;
  return {
    value,
    change:
      value ??
      inconclusive(baseline && tooManyRepeated(baseline, options)) ??
      inconclusive(pair && notComparable(pair, options)) ??
      same,
  };
}

interface Wanted {
  definition: MetricDefinition;
  kind: Kind;
  method: Rule['method'];
  greaterIsBetter: boolean;
  obstacles: Obstacles;
}

/** What is to be estimated of a part, or why it cannot be; undefined for a change without a baseline's examples. */
export function ask(
  { alone, paired }: Part,
  { definition, kind, method, greaterIsBetter, obstacles }: Wanted,
): FromExamples | Question | undefined {
  const { range } = definition;
  const candidate = kind === 'value' ? alone.candidate : paired?.candidate;
  if (!candidate) return undefined;
  const problem = definition.problem(candidate);
  if (problem) return { verdict: 'fail', explanation: problem };
  const ofBaseline = kind !== 'value' && paired ? definition.problem(paired.baseline) : undefined;
  if (ofBaseline)
    return {
      verdict: 'inconclusive',
      explanation: `nothing can be compared: of the baseline, ${ofBaseline}`,
    };
  const obstacle = kind === 'value' ? obstacles.value : obstacles.change;
  if (obstacle) return obstacle;
  const about = { range, smallest: smallestClass(candidate), method: methodOf(method, kind, definition) };
  const question: Question =
    kind === 'value' || !paired
      ? { ...about, kind: 'value', statistic: definition.statistic(candidate) }
      : {
          ...{ ...about, kind: 'change', relative: kind === 'relative change', greaterIsBetter },
          candidate: definition.statistic(candidate),
          baseline: definition.statistic(paired.baseline),
        };
  const unfit = methodProblem(question);
  if (unfit)
    throw new UserError(`the rule for '${definition.name}' says 'method: ${method}', but ${unfit}`, {
      advice: "Leave 'method' out to take what fits.",
    });
  return question;
}

/** A rule may have bounds on the value and on the change; what compares two models says nothing of one. */
function methodOf(method: Rule['method'], kind: Kind, { name }: MetricDefinition): Method {
  if (method === 't' || method === 'wilcoxon')
    throw new UserError(
      `the rule for '${name}' says 'method: ${method}', which is of seeds and folds, but predictions are given`,
      { advice: "Leave 'method' out to take what fits." },
    );
  return kind === 'value' && (method === 'mcnemar' || method === 'permutation') ? 'auto' : method;
}

/** What an estimate says of a question. */
export function told(question: Question, estimate: Estimate): FromExamples {
  const numbers =
    question.kind === 'value'
      ? { candidate: evaluate(question.statistic) }
      : { candidate: evaluate(question.candidate), baseline: evaluate(question.baseline) };
  if (!Number.isFinite(numbers.candidate))
    return { ...numbers, verdict: 'fail', explanation: estimate.method };
  return estimate.interval(0.5).some(Number.isNaN)
    ? {
        ...numbers,
        verdict: 'inconclusive',
        explanation: `nothing is known of its noise: ${estimate.method}`,
      }
    : { ...numbers, estimate };
}

function smallestClass({ task, size, classes, label }: Predictions): number {
  if (task !== 'binary' && task !== 'multiclass') return size;
  const counts = new Float64Array(classes.length);
  for (const one of label) counts[one] = (counts[one] as number) + 1;
  return Math.min(...counts.filter((count) => count > 0));
}

function tooManyRepeated(
  { record: { duplicates, examples, files } }: PredictionTable,
  { maxUnpaired }: Comparable,
): string | undefined {
  const share = duplicates / (duplicates + examples);
  return share > maxUnpaired
    ? `${duplicates} of ${duplicates + examples} examples in ${files.map(({ path }) => path).join(', ')} have an id that another has, more than max-unpaired allows (${maxUnpaired})`
    : undefined;
}

function notComparable(pair: Pair, { allowDifferentTestSet, maxUnpaired }: Comparable): string | undefined {
  const { rows, unpaired, differentLabels, sameTestSet } = pair;
  if (!sameTestSet && !allowDifferentTestSet)
    return `the baseline was tested on other examples: ${unpaired.candidate} of the candidate's and ${unpaired.baseline} of the baseline's have no partner, and ${differentLabels} have another label; 'allow-different-test-set: true' compares what both have`;
  const alone = unpaired.candidate + unpaired.baseline;
  const share = alone / (rows + alone);
  return share > maxUnpaired
    ? `${alone} of ${rows + alone} examples have no partner, such as '${unpaired.examples[0]}': more than max-unpaired allows (${maxUnpaired})`
    : undefined;
}
