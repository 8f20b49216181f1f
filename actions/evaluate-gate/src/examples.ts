import type { GateRecord } from '@mlops/core/record';
import { type PredictionTable, pairUp } from '@mlops/predictions';
import {
  type Estimate,
  estimates,
  evaluate,
  type MetricDefinition,
  metricNamed,
  metricsOf,
  plotsOf,
  type Question,
} from '@mlops/stats';
import { isFairness } from '@mlops/stats/fairness';
import { ask, type Comparable, type FromExamples, type Kind, kinds, obstaclesOf, told } from './ask.ts';
import { type GroupDifferences, groupDifferences } from './fairness.ts';
import { isGreaterBetter } from './known-metrics.ts';
import { type Part, type Population, type Slice, Slices, wholePart } from './parts.ts';
import { type Asked, askedOf, type Rule, type Rules } from './rules.ts';

export interface ExampleOptions extends Comparable {
  candidate: PredictionTable;
  baseline: PredictionTable | undefined;
  resamples: number;
  seed: number;
  /** Column whose values are the strata of resamples, or `label`. */
  stratify?: string | undefined;
  signal: AbortSignal;
}

/** What per-example predictions of one or two models say of the rules on built-in metrics. */
export interface Examples {
  /** Undefined for a metric that examples do not tell, or a change while there are no examples of a baseline. */
  of(asked: Asked): FromExamples | undefined;
  /** Why nothing can be said of any slice: of the metric at all, of these examples, or as compared with the baseline's. */
  obstacleTo(asked: Asked): FromExamples | undefined;
  /** The same of every slice of a rule that asks for them; undefined for a metric that examples do not tell. */
  slicesOf(asked: Asked): SliceExamples[] | undefined;
  /** Of a fairness rule, the differences between its groups; a text says why there are none. */
  groupsOf(asked: Asked): GroupDifferences | string | undefined;
  /** The candidate's built-in metrics, those that rules ask for and those usual of the task. */
  values: Readonly<Record<string, number>>;
  /** The same with the baseline's, as far as noise is known. */
  metrics: readonly ExampleMetric[];
  data: NonNullable<GateRecord['data']>;
  plots: NonNullable<GateRecord['plots']>;
}

export interface SliceExamples {
  slice: Slice;
  /** Examples, or pairs of them where models are compared. */
  size: number;
  told: FromExamples | undefined;
}

export interface ExampleMetric {
  name: string;
  greaterIsBetter: boolean;
  value: FromExamples;
  change: FromExamples | undefined;
}

/** Resamples times examples that are drawn to show the noise of a metric that no rule asks for. */
const mostShown = 20_000_000;
/** With fewer resamples, an interval shows little but their own noise. */
const fewestShown = 200;

/** Pairs the predictions, and estimates everything that the rules ask of them, and what else a reader wants to see. */
export async function examineExamples(rules: Rules, options: ExampleOptions): Promise<Examples> {
  const { candidate, baseline, stratify, resamples, seed, signal } = options;
  const pair = baseline && pairUp(candidate, baseline);
  const whole = wholePart(candidate, pair, stratify);
  const slices = new Slices(candidate, pair, whole);
  const obstacles = obstaclesOf(candidate, baseline, pair, options);
  const questions = new Questions();
  const asked = askedOf(rules).flatMap((one) => {
    const definition = metricNamed(one.metric);
    return definition ? [{ ...one, definition }] : [];
  });

  for (const { metric, rule, name, definition, slices: ofSlices } of asked) {
    const kind = kinds[name];
    const wanted = { definition, kind, method: rule.method, obstacles };
    const greaterIsBetter = isGreaterBetter(metric, rule);
    const parts = ofSlices ? slices.of(ofSlices).filter(({ examples }) => examples > 0) : [whole];
    for (const part of parts)
      questions.add(part, kind, keyOf(metric, rule, kind), () => ask(part, { ...wanted, greaterIsBetter }));
  }
  await questions.answer({ resamples, seed, signal });

  const shown = new Map(
    [...asked.map((one) => one.definition), ...metricsOf(candidate.predictions)].map((one) => [
      one.name,
      one,
    ]),
  );
  const affordable = Math.min(resamples, Math.floor(mostShown / Math.max(1, candidate.predictions.size)));
  const drawn = { resamples: affordable < fewestShown ? 0 : affordable, seed, signal };
  for (const definition of shown.values()) {
    for (const kind of ['value', 'change'] as const) {
      const greaterIsBetter = isGreaterBetter(definition.name, rules[definition.name]);
      const wanted = { definition, kind, method: 'auto', obstacles, greaterIsBetter } as const;
      questions.add(whole, kind, `${definition.name} ${kind} auto`, () => ask(whole, wanted));
    }
    // Where they share no resamples, the columns of many examples need not be held for all at once.
    if (drawn.resamples === 0) await questions.answer(drawn);
  }
  await questions.answer(drawn);

  const metrics = [...shown.values()].flatMap((definition) =>
    metricRow(definition, whole, questions, isGreaterBetter(definition.name, rules[definition.name])),
  );
  return {
    of: ({ metric, rule, name, slices: ofSlices }) =>
      ofSlices ? undefined : questions.told(whole, kinds[name], keyOf(metric, rule, kinds[name])),
    obstacleTo({ metric, name }) {
      const problem = metricNamed(metric)?.problem(candidate.predictions);
      if (problem) return { verdict: 'fail', explanation: problem };
      return name === 'threshold' ? obstacles.value : obstacles.change;
    },
    slicesOf({ metric, rule, name, slices: ofSlices }) {
      if (!ofSlices || !metricNamed(metric)) return undefined;
      const kind = kinds[name];
      return slices.of(ofSlices).map((slice) => ({
        slice,
        size: (kind === 'value' ? slice.alone : slice.paired)?.candidate.size ?? 0,
        told: questions.told(slice, kind, keyOf(metric, rule, kind)),
      }));
    },
    groupsOf: ({ metric, rule }) =>
      rule.groups && isFairness(metric)
        ? groupDifferences(metric, candidate, rule.groups, obstacles.value)
        : undefined,
    values: Object.fromEntries(metrics.map(({ name, value }) => [name, value.candidate ?? Number.NaN])),
    metrics,
    data: {
      candidate: candidate.record,
      baseline: baseline?.record ?? null,
      paired: pair?.rows ?? null,
      unpaired: pair ? { candidate: pair.unpaired.candidate, baseline: pair.unpaired.baseline } : null,
      differentLabels: pair?.differentLabels ?? null,
    },
    plots: pair ? plotsOf(pair.candidate, pair.baseline) : plotsOf(candidate.predictions),
  };
}

function keyOf(metric: string, { method }: Rule, kind: Kind): string {
  return `${metric} ${kind} ${method}`;
}

function metricRow(
  definition: MetricDefinition,
  whole: Part,
  questions: Questions,
  greaterIsBetter: boolean,
): ExampleMetric[] {
  const { name } = definition;
  const value = questions.told(whole, 'value', `${name} value auto`);
  if (!value || definition.problem(whole.alone.candidate)) return [];
  const known = value.candidate ?? evaluate(definition.statistic(whole.alone.candidate));
  const change = questions.told(whole, 'change', `${name} change auto`);
  return [{ name, greaterIsBetter, value: { ...value, candidate: known }, change }];
}

/** Questions about populations, each asked once, and estimated in one pass for each population. */
class Questions {
  readonly #told = new Map<Population, Map<string, FromExamples>>();
  #open = new Map<Population, Map<string, Question>>();

  add(part: Part, kind: Kind, key: string, asking: () => FromExamples | Question | undefined): void {
    const population = populationOf(part, kind);
    if (!population || this.#told.get(population)?.has(key) || this.#open.get(population)?.has(key)) return;
    const given = asking();
    if (!given) return;
    if ('kind' in given) entriesOf(this.#open, population).set(key, given);
    else entriesOf(this.#told, population).set(key, given);
  }

  async answer(options: { resamples: number; seed: number; signal: AbortSignal }): Promise<void> {
    const open = this.#open;
    this.#open = new Map();
    const all = [...open].flatMap(([population, questions]) =>
      [...questions].map(([key, question]) => ({ population, key, question })),
    );
    // Without strata, populations of equally many examples share their resamples.
    for (const [strata, some] of Map.groupBy(all, ({ population }) => population.strata)) {
      const found = await estimates(
        some.map(({ question }) => question),
        { ...options, strata },
      );
      for (const [i, { population, key, question }] of some.entries())
        entriesOf(this.#told, population).set(key, told(question, found[i] as Estimate));
    }
  }

  told(part: Part, kind: Kind, key: string): FromExamples | undefined {
    const population = populationOf(part, kind);
    return population && this.#told.get(population)?.get(key);
  }
}

function populationOf({ alone, paired }: Part, kind: Kind): Population | undefined {
  return kind === 'value' ? alone : paired;
}

function entriesOf<K, V>(maps: Map<K, Map<string, V>>, key: K): Map<string, V> {
  const found = maps.get(key) ?? new Map<string, V>();
  maps.set(key, found);
  return found;
}
