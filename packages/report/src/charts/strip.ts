import { type Html, html } from '../html.ts';
import { extentOf } from './plane.ts';

/** A point with its interval on a line, in front of what a rule lets pass. */
export interface Strip {
  point: number;
  /** Ends may be infinite. */
  interval?: readonly [low: number, high: number] | undefined;
  bound?: { at: number; passes: 'above' | 'below' } | undefined;
  /** What it shows, in words and numbers. */
  label: string;
  /** Which colour it has. */
  kind: 'pass' | 'warn' | 'fail' | 'inconclusive' | 'none';
}

export type Domain = readonly [low: number, high: number];

/** The least and most of all strips that are to be compared, with room at both ends; undefined where nothing is finite. */
export function domainOf(strips: readonly Omit<Strip, 'label' | 'kind'>[]): Domain | undefined {
  const extent = extentOf(
    strips.flatMap(({ point, interval, bound }) => [
      point,
      ...(interval ?? []),
      ...(bound ? [bound.at] : []),
    ]),
  );
  if (!extent) return undefined;
  const [low, high] = extent;
  const room = high > low ? (high - low) * 0.08 : Math.abs(low) * 0.1 || 1;
  return [low - room, high + room];
}

/** Drawn in per cent of its place, so that it is as sharp in a narrow column as in a wide one. */
export function strip({ point, interval, bound, label, kind }: Strip, [low, high]: Domain): Html {
  const place = (value: number) =>
    Math.round(Math.min(100, Math.max(0, ((value - low) / (high - low)) * 100)) * 100) / 100;
  const at = bound && place(bound.at);
  return html`<svg class="strip ${kind}" role="img" aria-label="${label}">${
    bound &&
    at !== undefined &&
    html`<rect class="zone" x="${bound.passes === 'above' ? at : 0}%" width="${bound.passes === 'above' ? 100 - at : at}%" y="0" height="100%"/><line class="bound" x1="${at}%" x2="${at}%" y1="0" y2="100%"/>`
  }${
    interval &&
    !interval.some(Number.isNaN) &&
    html`<line class="whisker" x1="${place(interval[0])}%" x2="${place(interval[1])}%" y1="50%" y2="50%"/>${interval
      .filter(Number.isFinite)
      .map((end) => html`<line class="whisker" x1="${place(end)}%" x2="${place(end)}%" y1="25%" y2="75%"/>`)}`
  }${Number.isFinite(point) && html`<circle class="point" cx="${place(point)}%" cy="50%" r="4"/>`}</svg>`;
}
