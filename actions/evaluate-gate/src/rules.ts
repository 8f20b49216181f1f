import { quantity } from '@mlops/metrics/quantity';
import { isFairness } from '@mlops/stats/fairness';
import { methods } from '@mlops/stats/methods';
import * as z from 'zod';

/** A number, or one with a unit that is known of the metric, such as `50 MB`, `200 ms` or `95 %`. */
const amount = z.union([z.number(), z.string()]);
const name = z.string().min(1);
const names = z.array(name).min(1);

/** What a metric is held against, in the words of MLflow's MetricThreshold. */
const bounds = {
  threshold: amount
    .optional()
    .describe("The value that the metric must reach; it may have a unit: '50 MB', '200 ms', '95 %'."),
  min_absolute_change: amount
    .optional()
    .describe('How much better than the baseline the metric must be; negative tolerates as much worsening.'),
  min_relative_change: amount
    .optional()
    .describe("The same, as a fraction of the baseline's magnitude: 0.05 is 5 %."),
  non_inferiority_margin: amount
    .optional()
    .describe('How much worse than the baseline the metric may be: min_absolute_change with the other sign.'),
};

/** Of a slice or group, unless `min_size` says otherwise. */
const leastExamples = 30;
const minimum = z
  .int()
  .min(1)
  .default(leastExamples)
  .describe('Fewer examples than these are shown, and not judged.');

const slices = z.union([
  name,
  names,
  z.strictObject({
    columns: z.union([name, names]).describe('Columns of the predictions, each value of which is a slice.'),
    values: z
      .record(name, z.array(z.union([z.string(), z.number(), z.boolean()])).min(1))
      .default({})
      .describe('Column → the values that are judged, which must all be there. Default: all there are.'),
    min_size: minimum,
    ...bounds,
  }),
]);

const groups = z.union([
  name,
  names,
  z.strictObject({
    columns: z.union([name, names]).describe('Columns of the predictions, each value of which is a group.'),
    min_size: minimum,
  }),
]);

const rule = z.strictObject({
  ...bounds,
  greater_is_better: z
    .boolean()
    .optional()
    .describe(
      'The direction. Default: what is known of the name; false for errors, losses, times and costs, else true.',
    ),
  confidence: z
    .number()
    .min(0.5)
    .max(0.9999)
    .default(0.95)
    .describe('Of the interval that must clear the bound, where there is noise to know of.'),
  method: z
    .enum([...methods, 't', 'wilcoxon'])
    .default('auto')
    .describe('How the interval is found. Default: what fits the metric.'),
  severity: z
    .enum(['fail', 'warn'])
    .default('fail')
    .describe('What a rule that is not met makes of the verdict.'),
  slices: slices
    .optional()
    .describe(
      'Columns of the predictions: the rule is asked of each of their values as well, or, with bounds of their own, those are.',
    ),
  groups: groups
    .optional()
    .describe('Columns of the predictions between whose values a fairness metric finds the difference.'),
});

export const boundNames = [
  'threshold',
  'min_absolute_change',
  'min_relative_change',
  'non_inferiority_margin',
] as const;
export type BoundName = (typeof boundNames)[number];
export type Bounds = Partial<Record<BoundName, number>>;

/** Metric, or a pattern of metrics → what is asked of it; a number alone is a threshold. */
export const rulesSchema = z
  .record(z.string(), z.union([amount, rule]))
  .refine((rules) => Object.keys(rules).length > 0, {
    message: 'a gate without rules would let everything pass',
  })
  .transform((rules, context) =>
    Object.fromEntries(
      Object.entries(rules).map(([metric, written]) => {
        const problem = (message: string, ...path: string[]) =>
          context.addIssue({ code: 'custom', message, path: [metric, ...path] });
        return [metric, ruleOf(metric, written, problem)];
      }),
    ),
  );

/** Asked of every slice that has enough examples. */
export interface SliceRule {
  columns: readonly string[];
  /** By column: what is judged even if it is not there. */
  values: Readonly<Record<string, readonly string[]>>;
  minSize: number;
  /** Undefined where the rule's own are asked. */
  bounds: Bounds | undefined;
}

export interface Rule extends Bounds {
  /** As which it is written, where that is not its metric. */
  pattern?: string | undefined;
  greater_is_better?: boolean | undefined;
  /** Of a bound on money. */
  currency?: string | undefined;
  confidence: number;
  method: z.infer<typeof rule>['method'];
  severity: 'fail' | 'warn';
  slices?: SliceRule | undefined;
  groups?: { columns: readonly string[]; minSize: number } | undefined;
}

export type Rules = Readonly<Record<string, Rule>>;

/** One bound of a rule, of all examples or of every slice. */
export interface Asked {
  metric: string;
  rule: Rule;
  name: BoundName;
  bound: number;
  slices?: SliceRule | undefined;
}

/** Every bound of every rule, in the order they are written; those of slices follow the rule's own. */
export function askedOf(rules: Rules): Asked[] {
  return Object.entries(rules).flatMap(([metric, rule]) => {
    const { slices } = rule;
    const each = (given: Bounds, more: Pick<Asked, 'slices'> = {}): Asked[] =>
      boundNames.flatMap((name) => {
        const bound = given[name];
        return bound === undefined ? [] : [{ metric, rule, name, bound, ...more }];
      });
    return [...each(rule), ...(slices ? each(slices.bounds ?? rule, { slices }) : [])];
  });
}

/** Whether any rule compares with a baseline. */
export function needBaseline(rules: Rules): boolean {
  return askedOf(rules).some(({ name }) => name !== 'threshold');
}

/** The columns of the predictions whose values are slices or groups. */
export function columnsAsked(rules: Rules): string[] {
  return [
    ...new Set(
      Object.values(rules).flatMap(({ slices, groups }) => [
        ...(slices?.columns ?? []),
        ...(groups?.columns ?? []),
      ]),
    ),
  ];
}

type Problem = (message: string, ...path: string[]) => void;

function ruleOf(
  metric: string,
  written: z.infer<typeof amount> | z.infer<typeof rule>,
  problem: Problem,
): Rule {
  if (typeof written !== 'object')
    return ruleOf(metric, rule.parse({ threshold: written }), (message) => problem(message));
  const { slices: ofSlices, groups: ofGroups, ...rest } = written;
  const made: Rule = {
    ...withoutBounds(rest),
    ...boundsIn(metric, written, problem),
    ...(ofSlices === undefined ? {} : { slices: slicesOf(metric, ofSlices, problem) }),
    ...(ofGroups === undefined ? {} : { groups: groupsOf(ofGroups) }),
  };
  const hasBound = (given: object) => boundNames.some((one) => one in given);
  if (!hasBound(written) && !(typeof ofSlices === 'object' && hasBound(ofSlices)))
    problem(`a rule needs ${boundNames.slice(0, -1).join(', ')} or ${boundNames.at(-1)}`);
  if (made.groups && !isFairness(metric))
    problem(
      `only fairness metrics have groups; of '${metric}' ask it of every slice with 'slices'`,
      'groups',
    );
  if (made.slices && isFairness(metric))
    problem(`a fairness metric compares 'groups', and has no slices`, 'slices');
  if (made.groups && boundNames.some((one) => one !== 'threshold' && made[one] !== undefined))
    problem("a difference between groups is held against a 'threshold' alone");
  return made;
}

function withoutBounds<T extends Partial<Record<BoundName, unknown>>>(given: T): Omit<T, BoundName> {
  const { threshold, min_absolute_change, min_relative_change, non_inferiority_margin, ...rest } = given;
  return rest;
}

function boundsIn(
  metric: string,
  given: Partial<Record<BoundName, z.infer<typeof amount> | undefined>>,
  problem: Problem,
  ...within: string[]
): Bounds & { currency?: string } {
  const found: Bounds & { currency?: string } = {};
  for (const one of boundNames) {
    const value = given[one];
    if (value === undefined) continue;
    const meant = typeof value === 'number' ? { amount: value } : quantity(metric, value);
    if ('problem' in meant) problem(meant.problem, ...within, one);
    else if (one === 'non_inferiority_margin' && meant.amount < 0)
      problem('a margin is how much worse the metric may be, which is at least 0', ...within, one);
    else {
      found[one] = meant.amount;
      if (meant.currency) found.currency = meant.currency;
    }
  }
  return found;
}

function slicesOf(metric: string, written: z.infer<typeof slices>, problem: Problem): SliceRule {
  const given = typeof written === 'object' && !Array.isArray(written) ? written : undefined;
  const columns = [given?.columns ?? (written as string | string[])].flat();
  const values = Object.entries(given?.values ?? {});
  for (const [column] of values)
    if (!columns.includes(column))
      problem(`'${column}' is none of the columns ${columns.join(', ')}`, 'slices', 'values', column);
  const own = given && boundsIn(metric, given, problem, 'slices');
  return {
    columns,
    values: Object.fromEntries(values.map(([column, some]) => [column, some.map(String)])),
    minSize: given?.min_size ?? leastExamples,
    bounds: own && Object.keys(own).length ? own : undefined,
  };
}

function groupsOf(written: z.infer<typeof groups>): NonNullable<Rule['groups']> {
  if (typeof written === 'string' || Array.isArray(written))
    return { columns: [written].flat(), minSize: leastExamples };
  return { columns: [written.columns].flat(), minSize: written.min_size };
}
