import type { MetricSeries, Outcome, RunTable } from '../data.ts';
import type { Filter } from './filter.ts';

type Cell = string | number | null | undefined;

/** The table of runs as CSV (RFC 4180), for whoever wants to count otherwise. */
export function makeCsv({
  runs,
  outcomes,
  filter,
}: {
  runs: RunTable;
  outcomes: readonly Outcome[];
  filter: Filter;
}) {
  const columns: [head: string, cell: (row: number) => Cell][] = [
    ['run', (row) => runs.id[row]],
    ['attempt', (row) => runs.attempt[row]],
    ['address', (row) => filter.addressOf(row)],
    ['commit', (row) => runs.commit[row]],
    ['message', (row) => runs.message[row]],
    ['branch', (row) => filter.text(runs.refText[row])],
    ['event', (row) => filter.text(runs.eventText[row])],
    ['workflow', (row) => filter.text(runs.workflowText[row])],
    ['actor', (row) => filter.text(runs.actorText[row])],
    ['started', (row) => new Date((runs.started[row] ?? 0) * 1000).toISOString()],
    ['duration_seconds', (row) => (runs.durationMs[row] ?? 0) / 1000],
    ['result', (row) => outcomes[runs.outcome[row] ?? -1]],
    ['models', (row) => (runs.modelsOf[row] ?? []).map((model) => runs.models[model]).join(' ')],
    ['stages_run', (row) => runs.stagesRun[row]],
    ['stages_cached', (row) => runs.stagesCached[row]],
    ['saved_seconds', (row) => (runs.savedMs[row] ?? 0) / 1000],
    ['watt_hours', (row) => runs.wattHours[row]],
    ['co2_grams', (row) => runs.co2Grams[row]],
    ...runs.costs.map(({ currency, amount }): [string, (row: number) => Cell] => [
      `cost_${currency}`,
      (row) => amount[row],
    ]),
  ];

  /** @param metrics of a model, a column each; empty where a run has none, or none that is finite */
  return (rows: readonly number[], metrics: readonly MetricSeries[]): string => {
    const all = [
      ...columns,
      ...metrics.map(({ name, row, value }): [string, (row: number) => Cell] => {
        const values = new Map(row.map((one, i) => [one, value[i]]));
        return [name, (one) => values.get(one)];
      }),
    ];
    const lines = [all.map(([head]) => head), ...rows.map((row) => all.map(([, cell]) => cell(row)))];
    return lines.map((cells) => `${cells.map(written).join(',')}\r\n`).join('');
  };

  function written(cell: Cell): string {
    if (typeof cell !== 'string') return cell == null ? '' : String(cell);
    // A spreadsheet would run what begins like a formula, and anybody can write a commit message.
    const harmless = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
    return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
  }
}
