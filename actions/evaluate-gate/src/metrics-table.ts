import { type GateRecord, type IntervalRecord, measuredOf } from '@mlops/core/record';
import type { Estimate } from '@mlops/stats';
import { intervalRecord } from './bound.ts';
import type { ExampleMetric } from './examples.ts';
import { valueIn } from './judge.ts';
import { isGreaterBetter, knownDirection } from './known-metrics.ts';
import type { Measurements } from './measurements.ts';
import type { Rules } from './rules.ts';
import { changeOver, valueOver } from './seeds.ts';

type Row = NonNullable<GateRecord['metrics']>[number];

interface Known {
  candidate: Measurements;
  baseline: Measurements | undefined;
  examples: readonly ExampleMetric[];
}

/** Every metric that is known of candidate or baseline, with a rule or without, and the noise of it. */
export function metricsTable(rules: Rules, { candidate, baseline, examples }: Known): Row[] {
  const confidenceOf = (name: string) => valueIn(rules, name)?.confidence ?? 0.95;
  const computed = new Set(examples.map(({ name }) => name));
  const names = [...new Set([...Object.keys(candidate.metrics), ...Object.keys(baseline?.metrics ?? {})])];
  return [
    ...examples.map((one) => exampleRow(one, confidenceOf(one.name), baseline)),
    ...names
      .filter((name) => !computed.has(name))
      .map((name) => measuredRow(name, { candidate, baseline }, rules, confidenceOf(name))),
  ];
}

function exampleRow(
  { name, greaterIsBetter, value, change }: ExampleMetric,
  confidence: number,
  measured: Measurements | undefined,
): Row {
  const baseline = change?.baseline ?? valueIn(measured?.metrics, name);
  const difference =
    change?.candidate !== undefined && change.baseline !== undefined
      ? change.candidate - change.baseline
      : differenceOf(value.candidate, baseline);
  return {
    ...row(name, greaterIsBetter, value.candidate, baseline, difference),
    ...intervalIn('candidateInterval', value.estimate, confidence),
    ...intervalIn('changeInterval', change?.estimate, confidence, greaterIsBetter ? 1 : -1),
  };
}

function measuredRow(
  name: string,
  { candidate: ours, baseline: theirs }: Omit<Known, 'examples'>,
  rules: Rules,
  confidence: number,
): Row {
  const [candidate, baseline] = [valueIn(ours.metrics, name), valueIn(theirs?.metrics, name)];
  const [samples, others] = [valueIn(ours.samples, name), valueIn(theirs?.samples, name)];
  const rule = valueIn(rules, name);
  const greaterIsBetter = rule ? isGreaterBetter(name, rule) : (knownDirection(name) ?? null);
  const value = samples && valueOver(samples, 'auto');
  const change =
    samples &&
    others &&
    changeOver(samples, others, { greaterIsBetter: true, relativeTo: 1, method: 'auto' });
  return {
    ...row(name, greaterIsBetter, candidate, baseline, differenceOf(candidate, baseline)),
    ...intervalIn('candidateInterval', value, confidence),
    ...intervalIn('changeInterval', change, confidence),
  };
}

function row(
  name: string,
  greaterIsBetter: boolean | null,
  ...[candidate, baseline, change]: (number | undefined)[]
): Row {
  const recorded = (value: number | undefined) => (value === undefined ? null : measuredOf(value));
  return {
    ...{ name, greaterIsBetter, candidate: recorded(candidate), baseline: recorded(baseline) },
    change: recorded(change),
  };
}

function differenceOf(candidate: number | undefined, baseline: number | undefined): number | undefined {
  if (candidate === undefined || baseline === undefined) return undefined;
  const difference = candidate - baseline;
  return Number.isFinite(difference) ? difference : undefined;
}

/** An interval under its name; `sign` turns that of a change for the better into one of the number. */
function intervalIn<Name extends string>(
  name: Name,
  estimate: Estimate | undefined,
  confidence: number,
  sign = 1,
): { [key in Name]?: IntervalRecord } {
  if (!estimate) return {};
  const [low, high] = estimate.interval(confidence);
  const ends = sign > 0 ? [low, high] : [-high, -low];
  return { [name]: intervalRecord(ends[0] as number, ends[1] as number, confidence) } as {
    [key in Name]?: IntervalRecord;
  };
}
