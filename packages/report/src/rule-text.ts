import { type IntervalRecord, type Measured, numberOf, type RuleRecord } from '@mlops/core/record';
import { bytesText, durationText, measuredText, wattHoursText } from './text.ts';

/** Metrics that are amounts of something, which read better with its unit. */
const units: Readonly<Record<string, (amount: number) => string>> = {
  model_size: bytesText,
  training_time: (seconds) => durationText(seconds * 1000),
  training_energy: wattHoursText,
  training_co2: (grams) => `${measuredText(grams)} g`,
};

/** A metric's value, with its unit where it is known. */
export function valueText(metric: string, value: Measured | null): string {
  const unit = Object.hasOwn(units, metric) ? units[metric] : undefined;
  const number = value === null ? Number.NaN : numberOf(value);
  return unit && Number.isFinite(number) && number >= 0 ? unit(number) : measuredText(value);
}

/** `+0.012`, `−0.003`; null is a dash. */
export function changeText(change: Measured | null): string {
  if (change === null) return '–';
  const number = numberOf(change);
  return `${number > 0 ? '+' : number < 0 ? '−' : ''}${measuredText(change).replace('-', '')}`;
}

/** `[0.951, 0.985]`, with as many digits as its width gives sense to. */
export function intervalText({ low, high }: IntervalRecord): string {
  const width = numberOf(high) - numberOf(low);
  const digits =
    width > 0 && Number.isFinite(width) ? Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(width)))) : 6;
  const one = (end: Measured) =>
    Number.isFinite(numberOf(end)) ? String(Number(numberOf(end).toFixed(digits))) : String(end);
  return `[${one(low)}, ${one(high)}]`.replaceAll('-', '−');
}

/** The bound in the units and with the sign of what is held against it: a margin is how far down one may go. */
export function boundOf({ rule, bound }: Pick<RuleRecord, 'rule' | 'bound'>): number {
  return rule === 'non_inferiority_margin' ? -bound : bound;
}

/** The bound as a number of the metric, or as a change for the better. */
export function boundText(rule: RuleRecord): string {
  return rule.rule === 'threshold' ? valueText(rule.metric, rule.bound) : changeText(boundOf(rule));
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
      : measuredText(Math.abs(bound));
  if (rule.rule === 'non_inferiority_margin' || bound < 0)
    return bound === 0 ? 'not worse than the baseline' : `at most ${amount} worse than the baseline`;
  return bound === 0 ? 'not worse than the baseline' : `at least ${amount} better than the baseline`;
}
