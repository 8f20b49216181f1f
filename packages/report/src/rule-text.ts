import { type IntervalRecord, type Measured, numberOf, type RuleRecord } from '@mlops/core/record';
import { unitFor, valueText as withUnit } from '@mlops/metrics/quantity';
import { measuredText } from './text.ts';

/** A metric's value, with its unit where it is known. */
export function valueText(metric: string, value: Measured | null): string {
  const number = value === null ? Number.NaN : numberOf(value);
  return Number.isFinite(number) ? withUnit(metric, number) : measuredText(value);
}

/** `+0.012`, `−0.003`, `+1.2 kB` of a metric whose unit is known; null is a dash. */
export function changeText(change: Measured | null, metric = ''): string {
  if (change === null) return '–';
  const number = numberOf(change);
  return `${number > 0 ? '+' : number < 0 ? '−' : ''}${valueText(metric, change).replace('-', '')}`;
}

/** `[0.951, 0.985]`, with as many digits as its width gives sense to. */
export function intervalText(interval: IntervalRecord, metric = ''): string {
  const ends = [numberOf(interval.low), numberOf(interval.high)] as const;
  const { unit, factor } = unitFor(metric, ...ends);
  const [low, high] = [ends[0] / factor, ends[1] / factor];
  const width = high - low;
  const digits =
    width > 0 && Number.isFinite(width) ? Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(width)))) : 6;
  const one = (end: number) => (Number.isFinite(end) ? String(Number(end.toFixed(digits))) : String(end));
  return `[${one(low)}, ${one(high)}] ${unit}`.trim().replaceAll('-', '−');
}

/** The bound in the units and with the sign of what is held against it: a margin is how far down one may go. */
export function boundOf({ rule, bound }: Pick<RuleRecord, 'rule' | 'bound'>): number {
  return rule === 'non_inferiority_margin' ? -bound : bound;
}

/** The bound as a number of the metric, or as a change for the better. */
export function boundText(rule: RuleRecord): string {
  return rule.rule === 'threshold'
    ? valueText(rule.metric, rule.bound)
    : changeText(boundOf(rule), metricOfChange(rule));
}

/** Whose unit a change has; none where it is a fraction. */
export function metricOfChange({ rule, metric }: Pick<RuleRecord, 'rule' | 'metric'>): string {
  return rule === 'min_relative_change' ? '' : metric;
}

/** Behind the metric: ` by site` where a rule is asked of slices or groups. */
export function byText({ columns }: RuleRecord): string {
  return columns?.length ? ` by ${columns.join(', ')}` : '';
}

/** Above the slices or groups of a rule: `By site`. */
export function slicesTitle({ columns }: RuleRecord): string {
  return columns?.length ? `By ${columns.join(', ')}` : 'Slices';
}

/** What a rule asks, in words. */
export function askedText(rule: RuleRecord): string {
  if (rule.rule === 'threshold')
    return `${rule.greaterIsBetter ? 'at least' : 'at most'} ${valueText(rule.metric, rule.bound)}`;
  const bound = boundOf(rule);
  const amount =
    rule.rule === 'min_relative_change'
      ? `${measuredText(Math.abs(bound) * 100)} %`
      : valueText(rule.metric, Math.abs(bound));
  if (rule.rule === 'non_inferiority_margin' || bound < 0)
    return bound === 0 ? 'not worse than the baseline' : `at most ${amount} worse than the baseline`;
  return bound === 0 ? 'not worse than the baseline' : `at least ${amount} better than the baseline`;
}
