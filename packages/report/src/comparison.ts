import {
  type GateRecord,
  type IntervalRecord,
  type Measured,
  numberOf,
  type TrainingRecord,
} from '@mlops/core/record';

/** A metric of the candidate beside the baseline's. */
export interface Comparison {
  metric: string;
  candidate: Measured | null;
  candidateInterval?: IntervalRecord | undefined;
  baseline: Measured | null;
  /** Candidate minus baseline. */
  change: Measured | null;
  changeInterval?: IntervalRecord | undefined;
  /** How it changed; undefined where there is nothing to compare. */
  tendency: Tendency | undefined;
}

export interface Tendency {
  arrow: '↑' | '↓' | '→';
  /** `higher` and `lower` where nobody said which is better. */
  outcome: 'better' | 'worse' | 'higher' | 'lower' | 'undecided' | 'unchanged';
  /** Whether an interval says so; else the numbers alone. */
  noiseKnown: boolean;
}

/**
 * What changed against the baseline: metrics with a rule first, as they are ruled, then those that changed beyond noise,
 * then the others. Metrics that only the training knows are not compared with anything.
 */
export function comparisons(gate: GateRecord, training?: TrainingRecord): Comparison[] {
  // In their order, which a set keeps.
  const ruled = new Map([...new Set(gate.rules.map(({ metric }) => metric))].map((name, i) => [name, i]));
  const known = gate.metrics ?? fromRules(gate);
  const names = new Set(known.map(({ name }) => name));
  const all: Comparison[] = [
    ...known.map(({ name, greaterIsBetter, ...values }) => ({
      ...{ metric: name, ...values },
      tendency: tendencyOf(values.change, values.changeInterval, greaterIsBetter),
    })),
    ...Object.entries(training?.metrics ?? {})
      .filter(([name]) => !names.has(name))
      .map(([metric, candidate]) => ({
        ...{ metric, candidate, baseline: null, change: null, tendency: undefined },
      })),
  ];
  const place = ({ metric, tendency }: Comparison) =>
    ruled.get(metric) ?? ruled.size + Number(!isDecided(tendency));
  return all
    .map((one) => ({ one, at: place(one) }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

/** Records of gates that did not list the metrics have those of their rules; of slices the numbers are the worst's. */
function fromRules({ rules }: GateRecord): NonNullable<GateRecord['metrics']> {
  const known = new Map<string, NonNullable<GateRecord['metrics']>[number]>();
  for (const { metric, candidate, baseline, greaterIsBetter } of rules.filter(
    ({ slices }) => !slices?.length,
  )) {
    const before = known.get(metric);
    const against = baseline ?? before?.baseline ?? null;
    const change = candidate === null || against === null ? null : numberOf(candidate) - numberOf(against);
    known.set(metric, {
      ...{ name: metric, greaterIsBetter, candidate, baseline: against },
      change: change === null || !Number.isFinite(change) ? null : change,
    });
  }
  return [...known.values()];
}

/** By the interval of the change where there is one, else by the number. */
export function tendencyOf(
  change: Measured | null,
  interval: IntervalRecord | undefined,
  greaterIsBetter: boolean | null,
): Tendency | undefined {
  const by = change === null ? Number.NaN : numberOf(change);
  if (Number.isNaN(by)) return undefined;
  const arrow = by > 0 ? '↑' : by < 0 ? '↓' : '→';
  const [low, high] = interval ? [numberOf(interval.low), numberOf(interval.high)] : [by, by];
  const noiseKnown = interval !== undefined && !Number.isNaN(low) && !Number.isNaN(high);
  const [from, to] = noiseKnown ? [low, high] : [by, by];
  if (from === 0 && to === 0) return { arrow, outcome: 'unchanged', noiseKnown };
  if (from <= 0 && to >= 0) return { arrow, outcome: 'undecided', noiseKnown };
  const isHigher = from > 0;
  if (greaterIsBetter === null) return { arrow, outcome: isHigher ? 'higher' : 'lower', noiseKnown };
  return { arrow, outcome: isHigher === greaterIsBetter ? 'better' : 'worse', noiseKnown };
}

function isDecided(tendency: Tendency | undefined): boolean {
  return tendency !== undefined && tendency.outcome !== 'undecided' && tendency.outcome !== 'unchanged';
}
