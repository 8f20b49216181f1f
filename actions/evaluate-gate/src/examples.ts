import type { GateRecord } from '@mlops/core/record';
import type { PredictionTable, pairUp } from '@mlops/predictions';
import type { Estimate, Predictions, Question } from '@mlops/stats';
import { isGreaterBetter } from './known-metrics.ts';
import { type BoundName, boundNames, type Rule, type Rules } from './rules.ts';

type Pair = ReturnType<typeof pairUp>;

export interface ExampleOptions {
  candidate: PredictionTable;
  baseline: PredictionTable | undefined;
  resamples: number;
  seed: number;
  /** Share of examples that may be without a partner, or have an id twice. */
  maxUnpaired: number;
  allowDifferentTestSet: boolean;
  ifSameAsBaseline: 'pass' | 'warn' | 'fail';
  signal: AbortSignal;
}

/** What the examples say of a bound: an estimate to judge it by, or why there is none. */
export type FromExamples = { candidate?: number; baseline?: number } & (
  | { estimate: Estimate }
  | { estimate?: undefined; verdict: GateRecord['verdict']; explanation: string }
);

/** What per-example predictions of one or two models say of the rules on built-in metrics. */
export interface Examples {
  /** Undefined for a metric that examples do not tell, or a change while there are no examples of a baseline. */
  of(metric: string, name: BoundName): FromExamples | undefined;
  /** The candidate's built-in metrics that rules ask for. */
  values: Readonly<Record<string, number>>;
  data: NonNullable<GateRecord['data']>;
}

/** Pairs the predictions, and estimates everything that the rules ask of them in one pass. */
export async function examineExamples(rules: Rules, options: ExampleOptions): Promise<Examples> {
  const { candidate, baseline } = options;
  const [stats, { pairUp }] = await Promise.all([import('@mlops/stats'), import('@mlops/predictions')]);
  const pair = baseline && pairUp(candidate, baseline);
  const known = new Map<string, FromExamples | Question>();
  const values: Record<string, number> = {};
  for (const [metric, rule] of Object.entries(rules)) {
    const definition = stats.metricNamed(metric);
    if (!definition) continue;
    if (!definition.problem(candidate.predictions))
      values[metric] = stats.evaluate(definition.statistic(candidate.predictions));
    for (const name of boundNames) {
      if (rule[name] === undefined || (name !== 'threshold' && !pair)) continue;
      const given = ask(name, { metric, rule, definition, candidate, pair, baseline, options });
      known.set(`${metric} ${name}`, given);
    }
  }
  // Of one pair, or of the candidate alone: examples differ where some have no partner.
  for (const kind of ['value', 'change'] as const) {
    const open = [...known].filter(
      (entry): entry is [string, Question] => 'kind' in entry[1] && entry[1].kind === kind,
    );
    const { resamples, seed, signal } = options;
    const found = await stats.estimates(
      open.map(([, question]) => question),
      { resamples, seed, signal },
    );
    for (const [i, [key, question]] of open.entries())
      known.set(key, valued(question, found[i] as Estimate, stats.evaluate));
  }
  return {
    of: (metric, name) => known.get(`${metric} ${name}`) as FromExamples | undefined,
    values,
    data: {
      candidate: candidate.record,
      baseline: baseline?.record ?? null,
      paired: pair?.rows ?? null,
      unpaired: pair ? { candidate: pair.unpaired.candidate, baseline: pair.unpaired.baseline } : null,
      differentLabels: pair?.differentLabels ?? null,
    },
  };
}

type Stats = typeof import('@mlops/stats');

interface Asked {
  metric: string;
  rule: Rule;
  definition: NonNullable<ReturnType<Stats['metricNamed']>>;
  candidate: PredictionTable;
  pair: Pair | undefined;
  baseline: PredictionTable | undefined;
  options: ExampleOptions;
}

/** What is to be estimated for a bound, or why it cannot be. */
function ask(
  name: BoundName,
  { metric, rule, definition, candidate, pair, baseline, options }: Asked,
): FromExamples | Question {
  const { range } = definition;
  const models = name === 'threshold' || !pair ? [candidate.predictions] : [pair.candidate, pair.baseline];
  const problem = models.map((one) => definition.problem(one)).find(Boolean);
  if (problem) return { verdict: 'fail', explanation: problem };
  const smallest = Math.min(...models.map(smallestClass));
  const repeated = tooManyRepeated(candidate, options) ?? (baseline && tooManyRepeated(baseline, options));
  if (name === 'threshold' || !pair) {
    if (repeated) return { verdict: 'inconclusive', explanation: repeated };
    return { kind: 'value', statistic: definition.statistic(candidate.predictions), range, smallest };
  }
  const incomparable = repeated ?? notComparable(pair, options);
  if (incomparable) return { verdict: 'inconclusive', explanation: incomparable };
  if (pair.samePredictions && pair.sameTestSet)
    return {
      verdict: options.ifSameAsBaseline,
      explanation:
        'candidate and baseline predict the same of every example: is this the same model, compared with itself?',
    };
  const greaterIsBetter = isGreaterBetter(metric, rule);
  return {
    ...{ kind: 'change', range, smallest, greaterIsBetter, relative: name === 'min_relative_change' },
    candidate: definition.statistic(pair.candidate),
    baseline: definition.statistic(pair.baseline),
  };
}

function valued(question: Question, estimate: Estimate, evaluate: Stats['evaluate']): FromExamples {
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
  { maxUnpaired }: ExampleOptions,
): string | undefined {
  const share = duplicates / (duplicates + examples);
  return share > maxUnpaired
    ? `${duplicates} of ${duplicates + examples} examples in ${files.map(({ path }) => path).join(', ')} have an id that another has, more than max-unpaired allows (${maxUnpaired})`
    : undefined;
}

function notComparable(
  pair: Pair,
  { allowDifferentTestSet, maxUnpaired }: ExampleOptions,
): string | undefined {
  const { rows, unpaired, differentLabels, sameTestSet } = pair;
  if (!sameTestSet && !allowDifferentTestSet)
    return `the baseline was tested on other examples: ${unpaired.candidate} of the candidate's and ${unpaired.baseline} of the baseline's have no partner, and ${differentLabels} have another label; 'allow-different-test-set: true' compares what both have`;
  const alone = unpaired.candidate + unpaired.baseline;
  const share = alone / (rows + alone);
  return share > maxUnpaired
    ? `${alone} of ${rows + alone} examples have no partner, such as '${unpaired.examples[0]}': more than max-unpaired allows (${maxUnpaired})`
    : undefined;
}
