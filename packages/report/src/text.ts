import { type JobRecord, type Measured, numberOf, type RunRecord } from '@mlops/core/record';

export { bytesText } from '@mlops/core';

/** How the report words numbers, times and verdicts, the same on the page and in the summary. */

/** For the page, which cannot count on an emoji font. */
export const marks = { pass: '✓', warn: '!', fail: '✗', inconclusive: '?' } as const;
/** For Markdown, which GitHub renders. */
export const signs = { pass: '✅', warn: '⚠️', fail: '❌', inconclusive: '❔' } as const;
export type Verdict = keyof typeof signs;

/** `950 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min` */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 60)
    return `${minutes} min ${String(Math.floor((milliseconds % 60_000) / 1000)).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** `87 %` */
export function percentText(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `0.05 USD`; of less than a cent two digits that count. */
export function moneyText(amount: number, currency: string): string {
  return `${amount < 0.01 ? Number(amount.toPrecision(2)) : amount.toFixed(2)} ${currency}`;
}

/** `12 Wh`, `1.2 kWh` */
export function wattHoursText(wattHours: number): string {
  const [amount, unit] = wattHours < 1000 ? [wattHours, 'Wh'] : [wattHours / 1000, 'kWh'];
  return `${Number(amount.toPrecision(3))} ${unit}`;
}

/** Six significant digits; what is no number is shown as such. */
export function measuredText(value: Measured | null): string {
  if (value === null) return '–';
  const number = numberOf(value);
  return Number.isFinite(number) ? String(Number(number.toPrecision(6))) : String(value);
}

/** `sha256:1a2b3c…` and `md5:1a2b3c…` without kind and tail */
export function digestText(digest: string | null | undefined): string {
  return digest ? digest.replace(/^\w+:/, '').slice(0, 12) : '–';
}

/** `2026-01-31 09:05 UTC` */
export function timeText(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

/** `train (size=small)` */
export function jobName({ job, matrix }: Pick<JobRecord, 'job' | 'matrix'>): string {
  const values = Object.entries(matrix ?? {}).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return values.length ? `${job} (${values.join(', ')})` : job;
}

/** `1 example`, `1,200 examples` */
export function countText(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** The run in one sentence: what failed, or the worst verdict; and what became of the model. */
export function headline(
  record: RunRecord,
  symbols: Readonly<Record<Verdict, string>>,
): { verdict: Verdict | 'none'; text: string } {
  const failed = record.jobs.flatMap((job) => job.steps).filter((step) => step.outcome !== 'success');
  const verdicts = record.jobs.flatMap((job) => job.gates.map((gate) => gate.verdict));
  const verdict = (['fail', 'inconclusive', 'warn', 'pass'] as const).find((one) => verdicts.includes(one));
  const deployments = record.jobs.flatMap((job) => job.deployments);
  const text = counted([
    ...failed.map(
      ({ action, outcome }) =>
        `${symbols.fail} ${action} ${outcome === 'cancelled' ? 'was cancelled' : 'failed'}`,
    ),
    verdict ? `${symbols[verdict]} Gate: ${verdict}` : 'No gate ran',
    ...deployments.map(
      ({ outcome, environment, url }) => `${outcome} to ${environment}${url ? ` at ${url}` : ''}`,
    ),
  ]).join(' · ');
  return { verdict: failed.length ? 'fail' : (verdict ?? 'none'), text };
}

/** Each text once, with how often it occurs: the legs of a matrix often fail alike. */
function counted(texts: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => (count > 1 ? `${text} (${count} times)` : text));
}
