import type { PlotsRecord } from '@mlops/core/record';
import { type Html, html } from '../html.ts';
import { extentOf, type Line, type Point, plane, type Scale, tenth } from './plane.ts';

/** A plot of the candidate, with the baseline's where there is one. */
interface Pair<T> {
  candidate: readonly T[];
  baseline?: readonly T[] | undefined;
}

type Bin = NonNullable<PlotsRecord['calibration']>['candidate'][number];

const share = [0, 1] as const;

/** Trade-off of true and false positives over all thresholds; the diagonal is a guess. */
export function rocPlot(roc: Pair<Point>): Html {
  return plane({
    title: 'ROC curve',
    description: described(roc, (points) => `area about ${rounded(area(points))}`),
    x: { label: 'false positive rate', range: share },
    y: { label: 'true positive rate', range: share },
    height: 320,
    lines: linesOf(roc),
    below: diagonal,
  });
}

export function precisionRecallPlot(curve: Pair<Point>): Html {
  return plane({
    title: 'Precision and recall',
    description: described(curve, (points) => `area about ${rounded(area(points))}`),
    x: { label: 'recall', range: share },
    y: { label: 'precision', range: share },
    height: 320,
    lines: linesOf(curve),
  });
}

/** Share of positives among examples of about the same score; on the diagonal scores are probabilities. */
export function calibrationPlot(calibration: Pair<Bin>): Html {
  const points = (bins: readonly Bin[]) =>
    bins.map(({ predicted, observed }) => [predicted, observed] as const);
  const { candidate, baseline } = calibration;
  return plane({
    title: 'Calibration',
    description: described(calibration, (bins) =>
      bins
        .map(
          ({ predicted, observed, examples }) =>
            `${rounded(observed)} at ${rounded(predicted)} (${examples} examples)`,
        )
        .join('; '),
    ),
    x: { label: 'mean score', range: share },
    y: { label: 'share of positives', range: share },
    height: 320,
    lines: linesOf({ candidate: points(candidate), baseline: baseline && points(baseline) }),
    below: (x, y) =>
      html`${diagonal(x, y)}${candidate.map(
        ({ predicted, observed }) =>
          html`<circle class="dot" cx="${tenth(x(predicted))}" cy="${tenth(y(observed))}" r="3"/>`,
      )}`,
  });
}

/** True value less prediction, over the prediction: no pattern and around 0 when nothing more can be learned. */
export function residualPlot({ candidate, baseline }: Pair<Point>): Html {
  const residuals = (points: readonly Point[]) =>
    points
      .map(([truth, predicted]): Point => [predicted, truth - predicted])
      .filter((point) => point.every(Number.isFinite));
  const [ours, theirs] = [residuals(candidate), residuals(baseline ?? [])];
  const all = [...ours, ...theirs];
  const [x, y] = [extentOf(all.map(([at]) => at)), extentOf(all.map(([, value]) => value))];
  if (!x || !y) return html`<p>Residuals: no finite value</p>`;
  const far = Math.max(Math.abs(y[0]), Math.abs(y[1]));
  return html`${plane({
    title: 'Residuals',
    description: described({ candidate: ours, baseline: baseline && theirs }, (points) => {
      const [low, high] = extentOf(points.map(([, value]) => value)) ?? [0, 0];
      const mean = points.reduce((sum, [, value]) => sum + value, 0) / points.length;
      return `${points.length} examples between ${rounded(low)} and ${rounded(high)}, on average ${rounded(mean)}`;
    }),
    x: { label: 'prediction', range: x, nice: true },
    y: { label: 'true value less prediction', range: [-far, far], nice: true },
    height: 320,
    below: (across, up) =>
      html`<line class="guide" x1="${tenth(across.range()[0] ?? 0)}" x2="${tenth(across.range()[1] ?? 0)}" y1="${tenth(up(0))}" y2="${tenth(up(0))}"/>
${theirs.map(([at, value]) => html`<path class="cross" d="M${tenth(across(at)) - 3} ${tenth(up(value)) - 3}l6 6m0-6l-6 6"/>`)}
${ours.map(([at, value]) => html`<circle class="dot" cx="${tenth(across(at))}" cy="${tenth(up(value))}" r="2.5"/>`)}`,
  })}<p class="soft">● candidate${baseline && ', × baseline'}</p>`;
}

function linesOf({ candidate, baseline }: Pair<Point>): Line[] {
  return [
    { name: 'candidate', points: candidate },
    ...(baseline ? [{ name: 'baseline', points: baseline }] : []),
  ];
}

function described<T>({ candidate, baseline }: Pair<T>, say: (points: readonly T[]) => string): string {
  return `candidate ${say(candidate)}${baseline ? `; baseline ${say(baseline)}` : ''}`;
}

function diagonal(x: Scale, y: Scale): Html {
  return html`<line class="guide" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>`;
}

/** Below a line, by trapezoids, whichever way it runs. */
function area(points: readonly Point[]): number {
  const sum = points.reduce((total, [x, y], i) => {
    const [x0, y0] = points[i - 1] ?? [x, y];
    return total + ((x - x0) * (y + y0)) / 2;
  }, 0);
  return Math.abs(sum);
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
