import { type Measured, numberOf, type StageRecord } from '@mlops/core/record';
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { type Html, html } from './html.ts';
import { durationText } from './text.ts';

/** Points of lines by name. */
export type Series = Record<string, readonly { step: number; value: Measured }[]>;

interface Drawing {
  width: number;
  height: number;
  /** What the line of a name says, for those who do not see it. */
  describe: (name: string, points: Series[string]) => string;
  /** Lowest and highest value; default: those of the lines. */
  range?: readonly [number, number] | undefined;
}

const curve: Drawing = {
  ...{ width: 560, height: 220 },
  describe: (name, points) => `${name} ends at ${points.at(-1)?.value}`,
};

/** Training curves as inline SVG: one line a series; what is not finite leaves a gap. */
export function curveChart(title: string, series: Series, drawing: Drawing = curve): Html {
  const { width, height, describe, range } = drawing;
  const points = Object.values(series)
    .flat()
    .map(({ step, value }) => ({ step, value: numberOf(value) }));
  const finite = points.filter(({ value }) => Number.isFinite(value));
  if (finite.length === 0) return html`<p>${title}: no finite value</p>`;
  const [left, bottom] = [56, 28];
  const x = scaleLinear(extent(finite.map(({ step }) => step)), [left, width - 12]);
  const y = scaleLinear(range ?? extent(finite.map(({ value }) => value)), [height - bottom, 12]).nice();
  const path = line<{ step: number; value: Measured }>()
    .defined(({ value }) => Number.isFinite(numberOf(value)))
    .x(({ step }) => x(step))
    .y(({ value }) => y(numberOf(value)));
  const names = Object.keys(series);
  const described = names.map((name) => describe(name, series[name] ?? [])).join(', ');
  return html`<figure><figcaption>${title}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}: ${described}">
${y.ticks(4).map((tick) => html`<line class="grid" x1="${left}" x2="${width - 12}" y1="${y(tick)}" y2="${y(tick)}"/><text x="${left - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`)}
${x
  .ticks(6)
  .filter(Number.isInteger)
  .map((tick) => html`<text x="${x(tick)}" y="${height - 8}" text-anchor="middle">${tick}</text>`)}
${names.map((name, i) => html`<path class="series s${i % 6}" d="${path([...(series[name] ?? [])]) ?? ''}"/>`)}
</svg>
<ul class="legend">${names.map((name, i) => html`<li><span class="key s${i % 6}"></span>${name}</li>`)}</ul></figure>`;
}

/** The stages that ran, as bars over the time that the run took; nothing when none did. */
export function timeline(stages: readonly StageRecord[]): Html {
  const bars = stages.filter((stage) => stage.outcome === 'ran' || stage.outcome === 'failed');
  if (bars.length === 0) return html``;
  const starts = bars.map((stage) => Date.parse(stage.startedAt));
  const origin = Math.min(...starts);
  const end = Math.max(...bars.map((stage, i) => (starts[i] ?? 0) + stage.durationMs), origin + 1);
  const [width, row, left] = [720, 26, 130];
  const x = scaleLinear([0, end - origin], [left, width - 90]);
  const described = bars
    .map((stage) => `${stage.name} ${stage.outcome} in ${durationText(stage.durationMs)}`)
    .join(', ');
  return html`<svg viewBox="0 0 ${width} ${bars.length * row + 6}" role="img" aria-label="Timeline of the stages: ${described}">
${bars.map((stage, i) => {
  const from = x((starts[i] ?? 0) - origin);
  const to = Math.max(from + 3, x((starts[i] ?? 0) - origin + stage.durationMs));
  return html`<text x="${left - 8}" y="${i * row + 19}" text-anchor="end">${stage.name}</text><rect class="bar ${stage.outcome}" x="${from}" y="${i * row + 6}" width="${to - from}" height="${row - 9}" rx="3"/><text class="small" x="${to + 6}" y="${i * row + 19}">${durationText(stage.durationMs)}</text>`;
})}
</svg>`;
}

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low === high ? [low - 1, high + 1] : [low, high];
}
