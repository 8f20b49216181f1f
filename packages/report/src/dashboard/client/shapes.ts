/// <reference lib="dom" />
import type { Scale } from './axes.ts';
import type { Elements } from './elements.ts';

export type Shapes = ReturnType<typeof makeShapes>;

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

/** A moment that matters. */
export interface Mark {
  x: number;
  label: string;
  kind: 'baseline' | 'promotion';
}

interface Place {
  colour: string;
  x: Scale;
  y: Scale;
}

/** Draws lines, dots, bars and marks of a chart. */
export function makeShapes({ s }: Elements) {
  /** A line of more points is drawn by what it is in the middle of each stretch of time, and by least and most. */
  const mostPoints = 300;
  const stretches = 130;
  /** More marks than this are notches at the edge instead of lines over everything. */
  const mostMarks = 40;
  const notch = 7;

  function marks(all: Mark[], x: Scale, top: number, bottom: number): SVGElement[] {
    const many = all.length > mostMarks;
    return all.map(({ kind, x: at }) => {
      const [y1, y2] = kind === 'baseline' ? [bottom - notch, bottom] : [top, top + notch];
      return s('line', {
        ...{ class: kind, x1: x(at), x2: x(at) },
        ...(many ? { y1, y2 } : { y1: top, y2: bottom }),
      });
    });
  }

  function curve({ points, loose }: Line, place: Place): SVGElement[] {
    if (loose || points.length === 1) return [dots(points, place)];
    const { colour, x, y } = place;
    const dense = points.length > mostPoints;
    const drawn = dense ? middles(points, x) : points;
    const known = drawn.filter(({ low, high }) => low != null && high != null);
    const at = (value: 'y' | 'low' | 'high') => (point: Point) => `${x(point.x)},${y(point[value] ?? 0)}`;
    const band = [...known.map(at('high')), ...known.map(at('low')).reverse()];
    return [
      ...(known.length > 1 ? [s('path', { class: `band ${colour}`, d: `M${band.join('L')}Z` })] : []),
      s('path', { class: `line ${colour}`, d: `M${drawn.map(at('y')).join('L')}` }),
      ...(dense ? [] : [dots(points, place)]),
    ];
  }

  /** One path of all dots: thousands of elements would be slow. */
  function dots(points: Point[], { colour, x, y }: Place): SVGElement {
    const r = points.length > mostPoints ? 1.2 : 2.4;
    const dot = `m-${r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 -${2 * r},0`;
    const d = points.map((point) => `M${x(point.x)},${y(point.y)}${dot}`).join('');
    return s('path', { class: `dots ${colour}`, d });
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
      const sorted = group.map((point) => point.y).sort((a, b) => a - b);
      const half = group.length >> 1;
      const [low, high] = [
        group.map((point) => point.low ?? point.y),
        group.map((point) => point.high ?? point.y),
      ];
      return {
        ...{ x: group[half]?.x ?? 0, y: sorted[half] ?? 0, label: '' },
        low: low.reduce((least, value) => Math.min(least, value)),
        high: high.reduce((most, value) => Math.max(most, value)),
      };
    });
  }

  function bars({ points }: Line, { colour, x, y }: Place): SVGElement[] {
    const gaps = points.slice(1).map((point, i) => x(point.x) - x(points[i]?.x ?? 0));
    const width = Math.max(1.5, Math.min(28, ...gaps) * 0.8);
    return points.map((point) =>
      s('rect', {
        ...{ class: `bar ${colour}`, x: x(point.x) - width / 2, y: y(point.y), width },
        height: Math.max(0, y(0) - y(point.y)),
      }),
    );
  }

  return { marks, curve, bars };
}
