import { type Html, html } from '../html.ts';

/** When something ran, as a bar within the time that is shown, in per cent of its place. */
export interface Span {
  /** Milliseconds since the start of what is shown. */
  from: number;
  durationMs: number;
  kind: 'job' | 'success' | 'cached' | 'failure';
  label: string;
}

export function span({ from, durationMs, kind, label }: Span, totalMs: number): Html {
  const place = (time: number) =>
    Math.round(Math.min(100, Math.max(0, (time / Math.max(1, totalMs)) * 100)) * 100) / 100;
  // What was over at once is still to be seen.
  const width = Math.max(0.6, place(from + durationMs) - place(from));
  return html`<svg class="span" role="img" aria-label="${label}"><rect class="bar ${kind}" x="${Math.min(place(from), 100 - width)}%" width="${width}%" y="2" height="12" rx="2"/></svg>`;
}
