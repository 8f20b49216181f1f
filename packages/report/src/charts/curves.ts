import { type Measured, numberOf } from '@mlops/core/record';
import { type Html, html } from '../html.ts';
import { extentOf, plane } from './plane.ts';

/** Points of lines by name. */
export type Series = Record<string, readonly { step: number; value: Measured }[]>;

interface Drawing {
  /** What the steps are. */
  axis?: string;
  /** What the line of a name says, for those who do not see it. */
  describe?: (name: string, points: Series[string]) => string;
  /** Lowest and highest value; default: those of the lines. */
  range?: readonly [number, number] | undefined;
}

/** Training curves: one line a series; what is not finite leaves a gap. */
export function curveChart(
  title: string,
  series: Series,
  {
    axis = 'step',
    describe = (name, points) => `${name} ends at ${points.at(-1)?.value}`,
    range,
  }: Drawing = {},
): Html {
  const lines = Object.entries(series).map(([name, points]) => ({
    name,
    points: points.map(({ step, value }) => [step, numberOf(value)] as const),
  }));
  const finite = lines.flatMap(({ points }) => points).filter(([, value]) => Number.isFinite(value));
  const [steps, values] = [
    extentOf(finite.map(([step]) => step)),
    extentOf(finite.map(([, value]) => value)),
  ];
  if (!steps || !values) return html`<p>${title}: no finite value</p>`;
  return plane({
    title,
    description: Object.entries(series)
      .map(([name, points]) => describe(name, points))
      .join(', '),
    x: { label: axis, range: steps, whole: axis === 'step' },
    y: { label: '', range: range ?? values, nice: true },
    height: 230,
    lines,
  });
}
