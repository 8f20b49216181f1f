/// <reference lib="dom" />
import type { Axes, Scale } from './axes.ts';
import type { Elements } from './elements.ts';
import type { Line, Mark, Point, Shapes } from './shapes.ts';
import type { Words } from './words.ts';

export type Charts = ReturnType<typeof makeCharts>;

interface Drawing {
  title: string;
  remark?: string;
  lines: Line[];
  kind?: 'lines' | 'bars';
  marks?: Mark[];
  format: (value: number) => string;
  /** At the axis, where space is scarce; default: `format`. */
  tick?: (value: number) => string;
  /** Distances that ticks may have, ascending; default: round numbers. */
  steps?: readonly number[];
  /** Of a point that is clicked, or Enter pressed on. */
  open?: (row: number) => void;
}

interface Needs {
  elements: Elements;
  words: Words;
  axes: Axes;
  shapes: Shapes;
}

/** Charts over time as SVG, with the value under the pointer or, by the arrow keys, of one point after the other. */
export function makeCharts({ elements: { h, s }, words, axes, shapes }: Needs) {
  const [height, right, top, bottom] = [210, 14, 12, 184];
  const [widthOfCharacter, leastWidth, mostWidth] = [7, 300, 560];
  const halfADay = 43_200;

  function chart(drawing: Drawing): HTMLElement {
    const { title, remark, lines } = drawing;
    const points = lines.flatMap((line) => line.points).sort((a, b) => a.x - b.x);
    const caption = h(
      'figcaption',
      {},
      h('strong', {}, title),
      remark && h('span', { class: 'soft' }, ` ${remark}`),
    );
    if (points.length === 0) return h('figure', {}, caption, h('p', { class: 'soft' }, 'No values.'));
    return h(
      'figure',
      {},
      caption,
      board(drawing, points),
      lines.length > 1 &&
        h(
          'ul',
          { class: 'legend' },
          lines.map((line) => h('li', {}, h('span', { class: `key ${colourOf(line, lines)}` }), line.name)),
        ),
    );
  }

  /** The drawing itself, and above it what is told of a point: at first of the last. */
  function board(drawing: Drawing, points: Point[]): HTMLElement[] {
    const { title, lines, kind = 'lines', marks = [], format, tick = format, steps } = drawing;
    const range = axes.extent([
      ...(kind === 'bars' ? [0] : []),
      ...points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]),
    ]);
    const [low, high] = axes.roomy(range, Math.abs(range[1]) * 0.05 || 1);
    const ticks = axes.ticks([low, high], steps);
    const left = 12 + widthOfCharacter * Math.max(4, ...ticks.map((value) => tick(value).length));
    // In the reader's own pixels, so that letters are never smaller than elsewhere.
    const width = Math.max(leastWidth, Math.min(mostWidth, innerWidth - 30));
    const times = axes.roomy(axes.extent(points.map((point) => point.x)), halfADay);
    // Half of a bar stands before its moment.
    const pad = kind === 'bars' ? (times[1] - times[0]) / points.length / 2 : 0;
    const x = axes.scale([times[0] - pad, times[1] + pad], left, width - right);
    const y = axes.scale(axes.extent([low, high, ...ticks]), bottom, top);
    const last = lines[0]?.points.at(-1);
    const described = [
      `${title}: ${words.plural(points.length, kind === 'bars' ? 'bar' : 'run')}`,
      `between ${format(range[0])} and ${format(range[1])}`,
      ...(last ? [`last ${format(last.y)}`] : []),
      ...(marks.length ? [words.plural(marks.length, 'marked moment')] : []),
    ].join(', ');
    const cursor = s('g', { class: 'cursor' });
    const svg = s(
      'svg',
      { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': described },
      ticks.flatMap((value) => [
        s('line', { class: 'rule', x1: left, x2: width - right, y1: y(value), y2: y(value) }),
        s('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, tick(value)),
      ]),
      axes
        .times(x, width)
        .map(({ at, label }) => s('text', { x: x(at), y: height - 8, 'text-anchor': 'middle' }, label)),
      shapes.marks(marks, x, top, bottom),
      // The others' dots lie behind the lines that have a name.
      lines.toReversed().flatMap((line) => {
        const place = { colour: colourOf(line, lines), x, y };
        return kind === 'bars' ? shapes.bars(line, place) : shapes.curve(line, place);
      }),
      cursor,
    );
    const told = h('p', { class: 'told', role: 'status' }, last && `last ${wordsOf(last, drawing, x)}`);
    const tell = (point: Point) => {
      told.textContent = wordsOf(point, drawing, x);
      cursor.replaceChildren(
        s('line', { x1: x(point.x), x2: x(point.x), y1: top, y2: bottom }),
        s('circle', { cx: x(point.x), cy: y(point.y), r: 4 }),
      );
    };
    const label = `${title}, by arrow keys`;
    const area = h('div', { class: 'board', tabindex: 0, role: 'group', 'aria-label': label }, svg);
    const find = (event: MouseEvent) => {
      const box = svg.getBoundingClientRect();
      const px = ((event.clientX - box.left) / box.width) * width;
      const py = ((event.clientY - box.top) / box.height) * height;
      return nearest(points, px, py, x, y);
    };
    listen(area, points, find, tell, drawing.open);
    return [told, area];
  }

  /** Tells of points by pointer and keys, and opens the one that was told of last. */
  function listen(
    area: HTMLElement,
    points: Point[],
    find: (event: MouseEvent) => number,
    tell: (point: Point) => void,
    open: Drawing['open'],
  ): void {
    let at = -1;
    const move = (place: number) => {
      at = Math.max(0, Math.min(points.length - 1, place));
      const point = points[at];
      if (point) tell(point);
    };
    const openAt = () => {
      const row = points[at]?.row;
      if (row !== undefined) open?.(row);
    };
    area.addEventListener('pointermove', (event) => move(find(event)));
    area.addEventListener('click', (event) => {
      move(find(event)); // A finger taps without having moved.
      openAt();
    });
    const end = points.length;
    const steps: Record<string, number> = {
      ...{ ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -end, End: end },
    };
    area.addEventListener('keydown', (event) => {
      const step = steps[event.key];
      if (step === undefined && event.key !== 'Enter') return;
      event.preventDefault(); // Enter would press the button of the dialog that it opens.
      if (step === undefined) openAt();
      else move((at < 0 ? end - 1 : at) + step);
    });
  }

  function wordsOf(point: Point, { lines, marks = [], format }: Drawing, x: Scale): string {
    const { low, high } = point;
    const line = lines.length > 1 ? lines.find((one) => one.points.includes(point)) : undefined;
    const near = marks.filter((mark) => Math.abs(x(mark.x) - x(point.x)) < 3).slice(-2);
    const interval = low != null && high != null ? ` [${format(low)}, ${format(high)}]` : '';
    return [
      ...[`${format(point.y)}${interval}`, point.label, line?.name],
      ...new Set(near.map((mark) => mark.label)),
    ]
      .filter(Boolean)
      .join(' · ');
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

  function colourOf(line: Line, lines: Line[]): string {
    return line.loose ? 'other' : `k${lines.indexOf(line) % 6}`;
  }

  return chart;
}
