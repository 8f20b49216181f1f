import type { PredictionTable } from '@mlops/predictions';
import { type Estimate, rateDifference } from '@mlops/stats';
import { type FairnessMetric, fairnessProblem, groupRates, type RateName } from '@mlops/stats/fairness';
import type { FromExamples } from './ask.ts';
import type { Rule } from './rules.ts';

/** How far apart two groups are in one rate. */
export interface GroupDifference {
  column: string;
  /** The group with the higher rate comes first. */
  groups: readonly [string, string];
  rate: RateName;
  /** Of the difference, which is not negative; NaN where a group has no example that the rate is of. */
  estimate: Estimate;
}

/** A group that has too few examples to be compared. */
export interface SmallGroup {
  column: string;
  value: string;
  examples: number;
}

export interface GroupDifferences {
  differences: GroupDifference[];
  leftOut: SmallGroup[];
}

/** The differences between any two groups that have enough examples, or why nothing can be said. */
export function groupDifferences(
  metric: FairnessMetric,
  { predictions, slices }: PredictionTable,
  { columns, minSize }: NonNullable<Rule['groups']>,
  obstacle: FromExamples | undefined,
): GroupDifferences | string {
  const problem = fairnessProblem(metric, predictions);
  if (problem) return problem;
  if (obstacle && !obstacle.estimate) return obstacle.explanation;
  const found: GroupDifferences = { differences: [], leftOut: [] };
  for (const column of columns) {
    const { values, index } = slices.get(column) ?? { values: [], index: new Int32Array() };
    const sizes = new Float64Array(values.length);
    for (const one of index) sizes[one] = (sizes[one] as number) + 1;
    const all = values
      .map((value, group) => ({ value, group, examples: sizes[group] as number }))
      .sort((a, b) => (a.value < b.value ? -1 : 1));
    const judged = all.filter(({ examples }) => examples >= minSize);
    for (const { value, examples } of all)
      if (examples < minSize) found.leftOut.push({ column, value, examples });
    if (judged.length < 2)
      return `the column '${column}' has ${judged.length === 1 ? 'one group' : 'no groups'} of at least ${minSize} examples, and two are needed; it has ${sizesText(values, sizes)}`;
    for (const { rate, groups } of groupRates(metric, predictions, index, values.length)) {
      const rates = judged.map(({ value, group }) => ({ value, ...(groups[group] as Share) }));
      for (const [i, one] of rates.entries())
        for (const other of rates.slice(i + 1)) found.differences.push(difference(column, rate, one, other));
    }
  }
  return found;
}

interface Share {
  successes: number;
  size: number;
}
interface GroupShare extends Share {
  value: string;
}

function difference(column: string, rate: RateName, one: GroupShare, other: GroupShare): GroupDifference {
  const [higher, lower] =
    one.successes / one.size < other.successes / other.size ? [other, one] : [one, other];
  return { column, rate, groups: [higher.value, lower.value], estimate: rateDifference(higher, lower) };
}

function sizesText(values: readonly string[], sizes: Float64Array): string {
  const shown = values.slice(0, 10).map((value, i) => `'${value}' (${sizes[i]})`);
  return `${shown.join(', ') || 'none'}${values.length > 10 ? `, and ${values.length - 10} more` : ''}`;
}
