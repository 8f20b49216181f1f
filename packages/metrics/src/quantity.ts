/** What one unit is in the unit that the gate counts in. */
const units: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  bytes: {
    ...{ B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
    ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
  },
  seconds: { us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400 },
  'watt hours': { Wh: 1, kWh: 1e3, MWh: 1e6, J: 1 / 3600, kJ: 1 / 3.6, MJ: 1e3 / 3.6 },
  grams: { mg: 1e-3, g: 1, kg: 1e3, t: 1e6 },
};

/** What a metric is counted in, by the end of its name: in seconds, or in the unit that stands third. */
const kinds: readonly (readonly [RegExp, keyof typeof units, unit?: string])[] = [
  [/(^|\.)training_energy$/, 'watt hours'],
  [/(^|\.)training_co2$/, 'grams'],
  [/(?<!per)(_|\b)(ms|milliseconds)$/, 'seconds', 'ms'],
  [/(_|\b)(mb)$/i, 'bytes', 'MB'],
  [/(^|[._/-])(latency|duration|time)(_(mean|p[\d.]+))?$|(?<!per)(_|\b)(s|sec|seconds)$/, 'seconds'],
  [/(^|[._/-])((model|artifact|file|image|download)_size|memory)$|(_|\b)bytes$/, 'bytes'],
];

/** What a text means for a metric, in what that metric is counted in; `currency` where it names one. */
export type Quantity = { amount: number; currency?: string } | { problem: string };

/** Reads a number that may have a unit, such as `50 MB`, `200 ms`, `95 %` or `1.50 EUR`. */
export function quantity(metric: string, text: string): Quantity {
  const [, digits, unit = ''] = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(\S*)\s*$/i.exec(text) ?? [];
  if (!digits)
    return { problem: "neither a number, nor one with a unit such as '50 MB', '200 ms' or '95 %'" };
  const amount = Number(digits);
  if (unit === '') return { amount };
  if (unit === '%') return { amount: amount / 100 };
  if (isCost(metric) && /^[A-Z]{3}$/.test(unit)) return { amount, currency: unit };
  const [, kind, own] = kinds.find(([name]) => name.test(metric)) ?? [];
  if (kind === undefined)
    return { problem: `what '${metric}' is counted in is not known; write the number without '${unit}'` };
  const factors = units[kind] ?? {};
  const factor = Object.hasOwn(factors, unit) ? factors[unit] : undefined;
  if (factor === undefined)
    return {
      problem: `'${metric}' is counted in ${own ?? kind}, of which '${unit}' is no unit; allowed: ${Object.keys(factors).join(', ')}`,
    };
  const step = own === undefined ? 1 : (factors[own] as number);
  // Divided where the quotient is whole, so that 200 ms are 0.2 s to the last digit.
  return { amount: factor < step ? amount / (step / factor) : amount * (factor / step) };
}

/** Metrics that are measured here, so that it is sure what they are counted in. */
const measuredHere = /^(latency_\w+|model_size|training_(time|energy|co2))$/;

const noUnit = { unit: '', factor: 1 };

/** The unit that suits values of a metric; none where it is not sure what it is counted in. */
export function unitFor(metric: string, ...values: readonly number[]): { unit: string; factor: number } {
  if (!measuredHere.test(metric)) return noUnit;
  const [, kind] = kinds.find(([name]) => name.test(metric)) ?? [];
  const most = Math.max(...values.map(Math.abs).filter(Number.isFinite));
  if (kind === undefined || !(most > 0)) return noUnit;
  const known = (shownIn[kind] ?? []).map((unit) => ({ unit, factor: units[kind]?.[unit] ?? 1 }));
  return known.findLast(({ factor }) => most >= factor) ?? (known[0] as (typeof known)[number]);
}

/** A metric's value, as `175.658 kB` where its unit is sure, with six digits. */
export function valueText(metric: string, value: number): string {
  const { unit, factor } = unitFor(metric, value);
  return unit ? `${format(value / factor)} ${unit}` : format(value);
}

/** Units that numbers are shown in, the smallest first. */
const shownIn: Readonly<Record<keyof typeof units, readonly string[]>> = {
  bytes: ['B', 'kB', 'MB', 'GB', 'TB'],
  seconds: ['µs', 'ms', 's', 'min', 'h'],
  'watt hours': ['Wh', 'kWh', 'MWh'],
  grams: ['g', 'kg', 't'],
};

/** Six significant digits, as people compare metrics. */
export function format(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** What the money for a training is called. */
export function isCost(metric: string): boolean {
  return /(^|\.)training_cost$/.test(metric);
}
