import type { Outcome } from '../data.ts';

export type Words = ReturnType<typeof makeWords>;

/** How the dashboard words numbers, times and results. */
export function makeWords() {
  const labels: Record<Outcome, string> = {
    error: '✗ error',
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

  /** Durations at an axis: `30 s`, `5 min`, `1.5 h`, `2 d` */
  function shortDuration(milliseconds: number): string {
    const seconds = milliseconds / 1000;
    if (seconds < 60) return `${number(seconds)} s`;
    if (seconds < 3600) return `${number(seconds / 60)} min`;
    return seconds < 172_800 ? `${number(seconds / 3600)} h` : `${number(seconds / 86_400)} d`;
  }

  const [second, minute, hour, oneDay] = [1000, 60_000, 3_600_000, 86_400_000];
  /** Distances between durations at an axis. */
  const durationSteps = [
    ...[1, 2, 5, 10, 15, 30].map((count) => count * second),
    ...[1, 2, 5, 10, 15, 30].map((count) => count * minute),
    ...[1, 2, 3, 6, 12].map((count) => count * hour),
    ...[1, 2, 5, 10, 20, 50, 100].map((count) => count * oneDay),
  ];

  function count(value: number): string {
    return value.toLocaleString('en');
  }

  function plural(value: number, one: string, many = `${one}s`): string {
    return `${count(value)} ${value === 1 ? one : many}`;
  }

  return {
    time,
    day,
    shortDay,
    shortDuration,
    durationSteps,
    number,
    count,
    plural,
    result: (outcome: Outcome) => labels[outcome],
  };
}
