import type { GateRecord } from '@mlops/core/record';
import type { PredictionTable, pairUp } from '@mlops/predictions';
import type { Estimate, Predictions, Question, Statistic } from '@mlops/stats';
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

/** What is estimated for a bound; bounds of one kind share an estimate. */
const kinds = {
  threshold: 'value',
  min_absolute_change: 'change',
  non_inferiority_margin: 'change',
  min_relative_change: 'relative change',
} as const satisfies Record<BoundName, string>;
type Kind = (typeof kinds)[BoundName];

/** Pairs the predictions, and estimates everything that the rules ask of them in one pass. */
export async function examineExamples(rules: Rules, options: ExampleOptions): Promise<Examples> {
  const { candidate, baseline, resamples, seed, signal } = options;
  const [stats, { pairUp }] = await Promise.all([import('@mlops/stats'), import('@mlops/predictions')]);
  const pair = baseline && pairUp(candidate, baseline);
  const obstacles = obstaclesOf(candidate, baseline, pair, options);
  const told = new Map<string, FromExamples>();
  const open = new Map<string, Question>();
  const values: Record<string, number> = {};
  for (const [metric, rule] of Object.entries(rules)) {
    const definition = stats.metricNamed(metric);
    if (!definition) continue;
    const alone = definition.problem(candidate.predictions) ?? definition.statistic(candidate.predictions);
    if (typeof alone !== 'string') values[metric] = stats.evaluate(alone);
    const asked = boundNames.filter((name) => rule[name] !== undefined).map((name) => kinds[name]);
    for (const kind of new Set(asked)) {
      const given =
        kind === 'value'
          ? askValue(definition, candidate, alone, obstacles)
          : pair && askChange(definition, pair, { metric, rule, kind, obstacles });
      if (!given) continue;
      if ('kind' in given) open.set(`${metric} ${kind}`, given);
      else told.set(`${metric} ${kind}`, given);
    }
  }
  const found = await stats.estimates([...open.values()], { resamples, seed, signal });
  for (const [i, [key, question]] of [...open].entries())
    told.set(key, valued(question, found[i] as Estimate, stats.evaluate));
  return {
    of: (metric, name) => told.get(`${metric} ${kinds[name]}`),
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
type Definition = NonNullable<ReturnType<Stats['metricNamed']>>;

/** Why examples decide nothing: of a value, or of a change. */
interface Obstacles {
  value: FromExamples | undefined;
  change: FromExamples | undefined;
}

function obstaclesOf(
  candidate: PredictionTable,
  baseline: PredictionTable | undefined,
  pair: Pair | undefined,
  options: ExampleOptions,
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

function askValue(
  { range }: Definition,
  { predictions }: PredictionTable,
  statistic: Statistic | string,
  { value }: Obstacles,
): FromExamples | Question {
  if (typeof statistic === 'string') return { verdict: 'fail', explanation: statistic };
  return value ?? { kind: 'value', statistic, range, smallest: smallestClass(predictions) };
}

function askChange(
  definition: Definition,
  pair: Pair,
  { metric, rule, kind, obstacles }: { metric: string; rule: Rule; kind: Kind; obstacles: Obstacles },
): FromExamples | Question {
  const problem = definition.problem(pair.candidate);
  if (problem) return { verdict: 'fail', explanation: problem };
  const ofBaseline = definition.problem(pair.baseline);
  if (ofBaseline)
    return {
      verdict: 'inconclusive',
      explanation: `nothing can be compared: of the baseline, ${ofBaseline}`,
    };
  return (
    obstacles.change ?? {
      ...{ kind: 'change', range: definition.range, relative: kind === 'relative change' },
      greaterIsBetter: isGreaterBetter(metric, rule),
      candidate: definition.statistic(pair.candidate),
      baseline: definition.statistic(pair.baseline),
      smallest: smallestClass(pair.candidate),
    }
  );
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
