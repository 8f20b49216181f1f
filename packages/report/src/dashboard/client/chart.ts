/// <reference lib="dom" />
import type { Elements } from './elements.ts';
import type { Words } from './words.ts';

export type Charts = ReturnType<typeof makeCharts>;

export interface Point {
  /** Seconds since 1970. */
  x: number;
  y: number;
  low?: number | null;
  high?: number | null;
  /** Of the run that it stands for. */
  row?: number;
  /** What is told of it besides its value. */
  label: string;
}

export interface Line {
  name: string;
  /** Oldest first. */
  points: Point[];
  /** Without a line between the points. */
  loose?: boolean;
}

interface Drawing {
  title: string;
  lines: Line[];
  kind?: 'lines' | 'bars';
  /** Moments that matter: a dashed line each. */
  marks?: { x: number; label: string; kind: 'baseline' | 'promotion' }[];
  format: (value: number) => string;
  /** At the axis, where space is scarce; default: `format`. */
  tick?: (value: number) => string;
  /** Distances that ticks may have, ascending; default: round numbers. */
  steps?: readonly number[];
  /** Of a point that is clicked, or Enter pressed on. */
  open?: (row: number) => void;
  remark?: string;
}

/** Charts over time as SVG, with the value under the pointer or, by the arrow keys, of one point after the other. */
export function makeCharts({ h, s }: Elements, words: Words) {
  const [height, right, top, bottom] = [210, 14, 12, 26];
  const widthOfCharacter = 7;
  /** A line of more points is drawn by what it is in the middle of each stretch of time, and by least and most. */
  const mostPoints = 300;
  const stretches = 130;
  /** More marks than this are notches at the edge instead of lines over everything. */
  const mostMarks = 40;

  function chart(drawing: Drawing): HTMLElement {
    const { title, lines, kind = 'lines', marks = [], format, tick = format, steps, open, remark } = drawing;
    const points = lines.flatMap((line) => line.points).sort((a, b) => a.x - b.x);
    if (points.length === 0)
      return h('figure', {}, h('figcaption', {}, title), h('p', { class: 'soft' }, 'No values.'));
    const values = points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]);
    const [low, high] = extent(kind === 'bars' ? [0, ...values] : values, 0);
    const ticks = ticksOf(low, high, steps);
    const left = 12 + widthOfCharacter * Math.max(4, ...ticks.map((value) => tick(value).length));
    // In the reader's own pixels, so that letters are never smaller than elsewhere.
    const width = Math.max(300, Math.min(560, innerWidth - 30));
    const times = extent(
      points.map((point) => point.x),
      43_200,
    );
    // Half of a bar stands before its moment.
    const pad = kind === 'bars' ? (times[1] - times[0]) / points.length / 2 : 0;
    const x = scale([times[0] - pad, times[1] + pad], left, width - right);
    const y = scale(
      [Math.min(low, ticks[0] ?? low), Math.max(high, ticks.at(-1) ?? high)],
      height - bottom,
      top,
    );
    const cursor = s('g', { class: 'cursor' });
    const last = lines[0]?.points.at(-1) ?? points.at(-1);
    const described = `${title}: ${words.plural(points.length, kind === 'bars' ? 'bar' : 'run')}, between ${format(Math.min(...values))} and ${format(Math.max(...values))}${last ? `, last ${format(last.y)}` : ''}${marks.length ? `; ${marks.length} marked moments` : ''}`;
    const svg = s(
      'svg',
      { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': described },
      ticks.flatMap((value) => [
        s('line', { class: 'rule', x1: left, x2: width - right, y1: y(value), y2: y(value) }),
        s('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, tick(value)),
      ]),
      timeTicks(x, width).map(({ at, label }) =>
        s('text', { x: x(at), y: height - 8, 'text-anchor': 'middle' }, label),
      ),
      notches(marks, x),
      // The others' dots lie behind the lines that have a name.
      lines.toReversed().flatMap((line) => {
        const colour = colourOf(line, lines);
        return kind === 'bars' ? bars(line, colour, x, y) : curve(line, colour, x, y);
      }),
      cursor,
    );
    const told = h('p', { class: 'told', role: 'status' });
    const board = h(
      'div',
      { class: 'board', tabindex: 0, role: 'group', 'aria-label': `${title}, by arrow keys` },
      svg,
    );
    let at = -1;
    const tell = (place: number) => {
      at = place;
      const point = points[at];
      if (!point) return;
      told.textContent = wordsOf(point);
      cursor.replaceChildren(
        s('line', { x1: x(point.x), x2: x(point.x), y1: top, y2: height - bottom }),
        s('circle', { cx: x(point.x), cy: y(point.y), r: 4 }),
      );
    };
    const wordsOf = (point: Point): string => {
      const line = lines.find((one) => one.points.includes(point));
      const near = marks.filter((mark) => Math.abs(x(mark.x) - x(point.x)) < 3).slice(-2);
      const interval =
        point.low != null && point.high != null ? ` [${format(point.low)}, ${format(point.high)}]` : '';
      return [
        `${format(point.y)}${interval}`,
        point.label,
        lines.length > 1 && line?.name,
        ...new Set(near.map((mark) => mark.label)),
      ]
        .filter(Boolean)
        .join(' · ');
    };
    if (last) told.textContent = `last ${wordsOf(last)}`;
    const openAt = () => {
      const row = points[at]?.row;
      if (row !== undefined && open) open(row);
    };
    board.addEventListener('pointermove', (event) => {
      const box = svg.getBoundingClientRect();
      const px = ((event.clientX - box.left) / box.width) * width;
      const py = ((event.clientY - box.top) / box.height) * height;
      tell(nearest(points, px, py, x, y));
    });
    board.addEventListener('click', openAt);
    board.addEventListener('keydown', (event) => {
      const step = {
        ArrowLeft: -1,
        ArrowRight: 1,
        PageUp: -10,
        PageDown: 10,
        Home: -points.length,
        End: points.length,
      }[event.key];
      if (step === undefined && event.key !== 'Enter') return;
      event.preventDefault(); // Enter would press the button of the dialog that it opens.
      if (step === undefined) return openAt();
      tell(Math.max(0, Math.min(points.length - 1, (at < 0 ? points.length - 1 : at) + step)));
    });
    return h(
      'figure',
      {},
      h('figcaption', {}, h('strong', {}, title), remark && h('span', { class: 'soft' }, ` ${remark}`)),
      told,
      board,
      lines.length > 1 &&
        h(
          'ul',
          { class: 'legend' },
          lines.map((line) => h('li', {}, h('span', { class: `key ${colourOf(line, lines)}` }), line.name)),
        ),
    );
  }

  type Scale = ((value: number) => number) & { from: number; to: number };

  function scale([from, to]: [number, number], start: number, end: number): Scale {
    const map = (value: number) =>
      Math.round((start + ((value - from) / (to - from || 1)) * (end - start)) * 10) / 10;
    return Object.assign(map, { from, to });
  }

  function colourOf(line: Line, lines: Line[]): string {
    return line.loose ? 'other' : `k${lines.indexOf(line) % 6}`;
  }

  function notches(marks: NonNullable<Drawing['marks']>, x: Scale): SVGElement[] {
    const many = marks.length > mostMarks;
    return marks.map(({ kind, x: at }) => {
      const [from, to] = kind === 'baseline' ? [height - bottom - 7, height - bottom] : [top, top + 7];
      return s('line', {
        ...{ class: kind, x1: x(at), x2: x(at) },
        ...(many ? { y1: from, y2: to } : { y1: top, y2: height - bottom }),
      });
    });
  }

  function curve({ points, loose }: Line, colour: string, x: Scale, y: Scale): SVGElement[] {
    if (loose || points.length === 1) return [dots(points, colour, x, y)];
    const dense = points.length > mostPoints;
    const drawn = dense ? middles(points, x) : points;
    const known = drawn.filter(({ low, high }) => low != null && high != null);
    const at = (value: 'y' | 'low' | 'high') => (point: Point) => `${x(point.x)},${y(point[value] ?? 0)}`;
    const band = [...known.map(at('high')), ...known.map(at('low')).reverse()];
    return [
      ...(known.length > 1 ? [s('path', { class: `band ${colour}`, d: `M${band.join('L')}Z` })] : []),
      s('path', { class: `line ${colour}`, d: `M${drawn.map(at('y')).join('L')}` }),
      ...(dense ? [] : [dots(points, colour, x, y)]),
    ];
  }

  /** One path of all dots: thousands of elements would be slow. */
  function dots(points: Point[], colour: string, x: Scale, y: Scale): SVGElement {
    const r = points.length > mostPoints ? 1.2 : 2.4;
    const dot = `m-${r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 -${2 * r},0`;
    return s('path', {
      class: `dots ${colour}`,
      d: points.map((point) => `M${x(point.x)},${y(point.y)}${dot}`).join(''),
    });
  }

  /** Medians of stretches of time, with the least and the most there. */
  function middles(points: Point[], x: Scale): Point[] {
    const groups = new Map<number, Point[]>();
    for (const point of points) {
      const stretch = Math.floor(((point.x - x.from) / (x.to - x.from || 1)) * stretches);
      const group = groups.get(stretch);
      if (group) group.push(point);
      else groups.set(stretch, [point]);
    }
    return [...groups.values()].map((group) => {
      const values = group.map((point) => point.y).sort((a, b) => a - b);
      const half = group.length >> 1;
      return {
        x: group[half]?.x ?? 0,
        y: values[half] ?? 0,
        low: Math.min(...group.map((point) => point.low ?? point.y)),
        high: Math.max(...group.map((point) => point.high ?? point.y)),
        label: '',
      };
    });
  }

  function bars({ points }: Line, colour: string, x: Scale, y: Scale): SVGElement[] {
    const gaps = points.slice(1).map((point, i) => x(point.x) - x(points[i]?.x ?? 0));
    const wide = Math.max(1.5, Math.min(28, ...gaps) * 0.8);
    return points.map((point) =>
      s('rect', {
        class: `bar ${colour}`,
        x: x(point.x) - wide / 2,
        y: y(point.y),
        width: wide,
        height: Math.max(0, y(0) - y(point.y)),
      }),
    );
  }

  function nearest(points: Point[], px: number, py: number, x: Scale, y: Scale): number {
    let [best, distance] = [0, Number.POSITIVE_INFINITY];
    points.forEach((point, i) => {
      // Sideways counts more: the eye follows the time.
      const d = 4 * (x(point.x) - px) ** 2 + (y(point.y) - py) ** 2;
      if (d < distance) [best, distance] = [i, d];
    });
    return best;
  }

  function extent(values: number[], least: number): [number, number] {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const pad = least || Math.abs(high) * 0.05 || 1;
    return low === high ? [low - pad, high + pad] : [low, high];
  }

  /** About four round numbers. */
  function ticksOf(low: number, high: number, steps?: readonly number[]): number[] {
    const rough = (high - low) / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const decimal = [1, 2, 5, 10].map((factor) => factor * power);
    const step =
      (steps ?? decimal).find((one) => one >= rough) ?? decimal.find((one) => one >= rough) ?? rough;
    const first = Math.floor(low / step);
    const count = Math.ceil(high / step) - first;
    return Array.from({ length: count + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  function timeTicks(x: Scale, wide: number): { at: number; label: string }[] {
    const days = (x.to - x.from) / 86_400;
    const coarse = days > 300;
    const count = wide > 400 ? 5 : 3;
    return Array.from({ length: count }, (_, i) => x.from + ((i + 0.5) / count) * (x.to - x.from))
      .map((at) => ({ at, label: days < 3 ? words.time(at).slice(5) : words.shortDay(at, coarse) }))
      .filter(({ label }, i, all) => label !== all[i - 1]?.label);
  }

  return chart;
}
