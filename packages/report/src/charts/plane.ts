import { type ScaleLinear, scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { type Html, html } from '../html.ts';

export type Point = readonly [x: number, y: number];

export interface Axis {
  label: string;
  /** Lowest and highest value; rounded up to whole ticks when `nice`. */
  range: readonly [number, number];
  nice?: boolean;
  /** Steps and epochs have no halves. */
  whole?: boolean;
}

export interface Plane {
  title: string;
  /** What the drawing shows, in words and numbers, for those who do not see it. */
  description: string;
  x: Axis;
  y: Axis;
  /** In units of the drawing, which is 400 wide. */
  height?: number;
  /** By name, in the order of colours and dashes; drawn as a line each. */
  lines?: readonly Line[];
  /** Drawn below the lines, such as points or a diagonal. */
  below?: (x: Scale, y: Scale) => Html;
}

export interface Line {
  name: string;
  points: readonly Point[];
}

export type Scale = ScaleLinear<number, number>;

const width = 400;
const [left, right, top, bottom] = [52, 12, 10, 40];

/** Lines and points between two axes, as a figure with its title and a legend. */
export function plane({ title, description, x, y, height = 250, lines = [], below }: Plane): Html {
  const across = scaleOf(x, left, width - right);
  const up = scaleOf(y, height - bottom, top);
  const path = line<Point>()
    .defined(([, value]) => Number.isFinite(value))
    .x(([at]) => tenth(across(at)))
    .y(([, value]) => tenth(up(value)));
  return html`<figure><figcaption>${title}</figcaption>
<svg class="plane" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}: ${description}">
${up.ticks(5).map((tick) => html`<line class="grid" x1="${left}" x2="${width - right}" y1="${tenth(up(tick))}" y2="${tenth(up(tick))}"/><text x="${left - 6}" y="${tenth(up(tick)) + 4}" text-anchor="end">${tick}</text>`)}
${across
  .ticks(5)
  .filter((tick) => !x.whole || Number.isInteger(tick))
  .map(
    (tick) =>
      html`<text x="${tenth(across(tick))}" y="${height - bottom + 16}" text-anchor="middle">${tick}</text>`,
  )}
<text class="small" x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">${x.label}</text>
${y.label && html`<text class="small" transform="rotate(-90)" x="${-(top + height - bottom) / 2}" y="11" text-anchor="middle">${y.label}</text>`}
${below?.(across, up)}
${lines.map(({ points }, i) => html`<path class="series s${i % 6}" d="${path([...points]) ?? ''}"/>`)}
</svg>
${lines.length > 0 && legend(lines.map(({ name }) => name))}</figure>`;
}

/** Names beside lines as they are drawn, told apart by their dashes as well as by their colours. */
function legend(names: readonly string[]): Html {
  return html`<ul class="legend">${names.map((name, i) => html`<li><svg class="sample" viewBox="0 0 28 8" aria-hidden="true"><path class="series s${i % 6}" d="M0 4H28"/></svg>${name}</li>`)}</ul>`;
}

function scaleOf({ range: [low, high], nice }: Axis, from: number, to: number): Scale {
  const scale = scaleLinear(low === high ? [low - 1, high + 1] : [low, high], [from, to]);
  return nice ? scale.nice(5) : scale;
}

/** Least and most of what is finite; undefined when nothing is. */
export function extentOf(values: Iterable<number>): [number, number] | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  return low > high ? undefined : [low, high];
}

/** A finer place than this is not seen, and makes the page larger. */
export function tenth(place: number): number {
  return Math.round(place * 10) / 10;
}
