/// <reference lib="dom" />
import type { MetricSeries, ModelSeries, RunTable } from '../data.ts';
import type { Charts } from './chart.ts';
import type { Elements } from './elements.ts';
import type { Chosen, Filter } from './filter.ts';
import type { Line, Point } from './shapes.ts';
import type { Words } from './words.ts';

interface Needs {
  runs: RunTable;
  filter: Filter;
  elements: Elements;
  words: Words;
  chart: Charts;
  choose: (change: Partial<Chosen>) => void;
}

export type MetricsView = ReturnType<typeof makeMetricsView>;

/** One chart for each metric of a model that was chosen, with a line for each branch. */
export function makeMetricsView({ runs, filter, elements, words, chart, choose }: Needs) {
  const { h } = elements;
  /** More branches than these, and those with fewer of the runs, are dots of one colour. */
  const branchesApart = 5;
  const shareApart = 0.05;
  const metricsFirst = 4;

  function render(rows: number[], chosen: Chosen, model: string, series: ModelSeries): HTMLElement {
    const wanted = chosenOf(series.metrics, chosen);
    const among = new Set(rows);
    return h(
      'div',
      {},
      h('h2', {}, `Metrics of ${model}`),
      h(
        'p',
        { class: 'soft' },
        chosen.model ? '' : runs.models.length > 1 ? 'The most frequent model; choose another above. ' : '',
        'Bands are the intervals of the gate, and with very many runs from the least to the most of those close together. Dashed lines, or notches below, mark another baseline; solid ones, or notches above, an alias that came to a run. Click a point, or press Enter on it, for its run.',
      ),
      picker(series, wanted),
      h(
        'div',
        { class: 'charts' },
        wanted.map((metric) =>
          chart({
            title: metric.name,
            remark: betterText(metric),
            lines: linesOf(metric, among),
            marks: marksOf(series, model, among),
            format: (value) => String(Number(value.toPrecision(4))),
            open: (row) => choose({ run: filter.nameOf(row) }),
          }),
        ),
      ),
    );
  }

  function betterText({ greaterIsBetter }: MetricSeries): string {
    if (greaterIsBetter === null) return '';
    return greaterIsBetter ? 'more is better' : 'less is better';
  }

  function chosenOf(metrics: MetricSeries[], { metrics: names }: Chosen): MetricSeries[] {
    const wanted = new Set(names.split('\n'));
    const found = metrics.filter(({ name }) => wanted.has(name));
    return found.length ? found : metrics.slice(0, metricsFirst);
  }

  function picker({ metrics, metricsLeftOut }: ModelSeries, wanted: MetricSeries[]): HTMLElement {
    const change = (name: string, on: boolean) => {
      const names = wanted.map((one) => one.name).filter((one) => one !== name);
      choose({ metrics: [...names, ...(on ? [name] : [])].join('\n') });
    };
    return h(
      'fieldset',
      { class: 'picker' },
      h('legend', {}, 'Metrics'),
      metrics.map((metric) =>
        h(
          'label',
          {},
          h('input', {
            type: 'checkbox',
            checked: wanted.includes(metric),
            'data-focus': `metric ${metric.name}`,
            change: (event: Event) => change(metric.name, (event.target as HTMLInputElement).checked),
          }),
          metric.name,
        ),
      ),
      metricsLeftOut > 0 &&
        h(
          'p',
          { class: 'soft' },
          `${words.plural(metricsLeftOut, 'more metric')} in the details of each run.`,
        ),
    );
  }

  function linesOf({ row: rows, value, low, high }: MetricSeries, among: Set<number>): Line[] {
    const byBranch = new Map<number, Point[]>();
    for (let i = rows.length - 1; i >= 0; i--) {
      const [row = -1, y] = [rows[i], value[i]];
      if (y == null || !among.has(row)) continue;
      const branch = runs.refText[row] ?? -1;
      const points = byBranch.get(branch) ?? [];
      byBranch.set(branch, points);
      points.push({
        x: runs.started[row] ?? 0,
        y,
        low: low?.[i] ?? null,
        high: high?.[i] ?? null,
        row,
        label: filter.labelOf(row),
      });
    }
    const branches = [...byBranch].sort((a, b) => b[1].length - a[1].length);
    const all = branches.reduce((sum, [, points]) => sum + points.length, 0);
    const large = branches.filter(([, points], i) => i === 0 || points.length >= shareApart * all).length;
    // One other branch has a name as well as a heap of one.
    const apart = branches.length <= branchesApart ? branches.length : Math.min(branchesApart, large);
    const lines: Line[] = branches
      .slice(0, apart)
      .map(([branch, points]) => ({ name: filter.text(branch), points }));
    const others = branches.slice(apart).flatMap(([, points]) => points);
    if (others.length)
      lines.push({
        name: words.plural(branches.length - apart, 'other branch', 'other branches'),
        points: others,
        loose: true,
      });
    return lines;
  }

  function marksOf({ baselines }: ModelSeries, model: string, among: Set<number>) {
    const at = (row: number) => runs.started[row] ?? 0;
    return [
      ...baselines
        .filter(({ row }) => among.has(row))
        .map(({ row, name }) => ({ x: at(row), label: `baseline ${name}`, kind: 'baseline' as const })),
      ...runs.aliases
        .filter(({ row, model: of }) => of === model && among.has(row))
        .map(({ row, alias }) => ({ x: at(row), label: `${alias} came here`, kind: 'promotion' as const })),
    ];
  }

  return { render, chosenOf };
}
