/// <reference lib="dom" />
import type { ModelSeries, RunTable, StageSeries } from '../data.ts';
import type { Charts } from './chart.ts';
import type { Elements } from './elements.ts';
import type { Chosen, Filter } from './filter.ts';
import type { Line, Point } from './shapes.ts';
import type { Weeks } from './weeks.ts';
import type { Words } from './words.ts';

interface Needs {
  runs: RunTable;
  filter: Filter;
  elements: Elements;
  words: Words;
  chart: Charts;
  weeks: Weeks;
  durationText: (milliseconds: number) => string;
  choose: (change: Partial<Chosen>) => void;
}

/** How long runs and stages take, and what the cache saves. */
export function makeDurationsView(needs: Needs) {
  const { runs, filter, elements, words, chart, weeks, durationText, choose } = needs;
  const { h, table } = elements;

  const duration = { format: durationText, tick: words.shortDuration, steps: words.durationSteps };
  const open = (row: number) => choose({ run: filter.nameOf(row) });
  const stagesDrawn = 12;

  function render(rows: number[], models: { name: string; series: ModelSeries }[]): HTMLElement {
    const among = new Set(rows);
    const ms = (row: number) => runs.durationMs[row] ?? 0;
    const each: Line = {
      name: 'each run',
      loose: true,
      points: rows.toReversed().map((row) => ({
        ...{ x: runs.started[row] ?? 0, y: ms(row), row },
        label: filter.labelOf(row),
      })),
    };
    const { unit, line: middle } = weeks('median', rows, (group) => quantile(group.map(ms), 0.5));
    const { line: cached } = weeks('cached', rows, (group) => {
      const hits = total(group, runs.stagesCached);
      const all = hits + total(group, runs.stagesRun);
      return all ? hits / all : null;
    });
    const { line: saved } = weeks('saved', rows, (group) => total(group, runs.savedMs));
    return h(
      'div',
      {},
      h('h2', {}, 'Durations'),
      h(
        'div',
        { class: 'charts' },
        chart({
          title: 'Duration of the runs',
          lines: [{ ...middle, name: `median of each ${unit}` }, each],
          ...duration,
          open,
        }),
        chart({
          ...{ title: `Stages from the cache, each ${unit}`, lines: [cached], kind: 'bars' },
          format: (share) => `${Math.round(share * 100)} %`,
        }),
        chart({
          ...{ title: `Time saved by the cache, each ${unit}`, lines: [saved], kind: 'bars' },
          ...duration,
        }),
      ),
      h('h2', {}, 'Stages'),
      table(
        'Stages',
        ['Model', 'Stage', '#Runs', '#From the cache', '#Median', '#9 of 10 within', '#Saved'],
        models.flatMap(({ name, series }) => series.stages.flatMap((stage) => stageRow(name, stage, among))),
      ),
      models.slice(0, 1).map(({ name, series }) => stageCharts(name, series.stages, among)),
    );
  }

  /** Of the model that was chosen, or of the most frequent. */
  function stageCharts(model: string, stages: StageSeries[], among: Set<number>): HTMLElement {
    const drawn = stages.filter(({ row }) => row.some((one) => among.has(one))).slice(0, stagesDrawn);
    return h(
      'div',
      {},
      h('h2', {}, `Stages of ${model}`),
      h(
        'div',
        { class: 'charts' },
        drawn.map((stage) => {
          const lines: Line[] = [
            { name: 'ran', points: pointsOf(stage, 0, among) },
            { name: 'from the cache: what it had taken', points: pointsOf(stage, 1, among), loose: true },
          ];
          return chart({
            ...{ title: stage.name, lines: lines.filter(({ points }) => points.length > 0), open },
            ...duration,
          });
        }),
      ),
    );
  }

  function pointsOf({ row, ms, cached }: StageSeries, wanted: 0 | 1, among: Set<number>): Point[] {
    return row
      .flatMap((one, i) =>
        cached[i] === wanted && among.has(one)
          ? [{ x: runs.started[one] ?? 0, y: ms[i] ?? 0, row: one, label: filter.labelOf(one) }]
          : [],
      )
      .reverse();
  }

  function stageRow(model: string, { name, row, ms, cached }: StageSeries, among: Set<number>): Node[][] {
    const ran: number[] = [];
    let [hits, saved] = [0, 0];
    row.forEach((one, i) => {
      if (!among.has(one)) return;
      if (cached[i]) [hits, saved] = [hits + 1, saved + (ms[i] ?? 0)];
      else ran.push(ms[i] ?? 0);
    });
    const all = hits + ran.length;
    if (all === 0) return [];
    const text = (value: string) => document.createTextNode(value);
    const took = (share: number) => (ran.length ? durationText(quantile(ran, share)) : '–');
    return [
      [
        ...[text(model), h('code', {}, name), text(words.count(all))],
        ...[text(`${Math.round((100 * hits) / all)} %`), text(took(0.5)), text(took(0.9))],
        text(durationText(saved)),
      ],
    ];
  }

  function total(rows: number[], column: number[]): number {
    return rows.reduce((sum, row) => sum + (column[row] ?? 0), 0);
  }

  /** The least value that this share of the values does not exceed. */
  function quantile(values: number[], share: number): number {
    const sorted = values.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  }

  return { render };
}
