import type { Outcome } from '../data.ts';

export type Words = ReturnType<typeof makeWords>;

/** How the dashboard words numbers, times and results. */
export function makeWords() {
  const labels: Record<Outcome, string> = {
    error: '✗ a step failed',
    fail: '✗ fail',
    inconclusive: '? inconclusive',
    warn: '! warn',
    pass: '✓ pass',
    none: '– no gate',
  };
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

  /** `2026-01-31 09:05` in UTC */
  function time(seconds: number): string {
    return iso(seconds).slice(0, 16).replace('T', ' ');
  }

  function day(seconds: number): string {
    return iso(seconds).slice(0, 10);
  }

  function iso(seconds: number): string {
    return Number.isFinite(seconds) && Math.abs(seconds) < 8.6e12
      ? new Date(seconds * 1000).toISOString()
      : '–';
  }

  /** `31 Jan`, or `Jan 2026` where `coarse` */
  function shortDay(seconds: number, coarse: boolean): string {
    const date = new Date(seconds * 1000);
    const month = months[date.getUTCMonth()] ?? '';
    return coarse ? `${month} ${date.getUTCFullYear()}` : `${date.getUTCDate()} ${month}`;
  }

  /** Six digits that count. */
  function number(value: number | string | null | undefined): string {
    if (value === null || value === undefined) return '–';
    return typeof value === 'number' ? String(Number(value.toPrecision(6))) : value;
  }

  function count(value: number): string {
    return value.toLocaleString('en');
  }

  function plural(value: number, one: string, many = `${one}s`): string {
    return `${count(value)} ${value === 1 ? one : many}`;
  }

  return { time, day, shortDay, number, count, plural, result: (outcome: Outcome) => labels[outcome] };
}
