import type { GateRecord } from '@mlops/core/record';
import { comparisons } from '../comparison.ts';
import { type Html, html } from '../html.ts';
import type { Model } from '../models.ts';
import { table } from '../table.ts';
import { digestText, durationText, marks, measuredText, moneyText } from '../text.ts';
import { measuredWithInterval, tendencyHtml } from './changes.ts';

/** More columns than these are wider than any page. */
const mostMetrics = 6;

/** All trainings of the run in a table, so that legs of a matrix can be compared. */
export function overviewPart(models: readonly Model[]): Html {
  const metrics = mainMetrics(models);
  return table(
    ['Training', 'Gate', ...metrics.map((name) => `#${name}`), '#Time', '#Cost', 'Model'],
    models.map(({ label, training, gates }) => {
      const known = gates.flatMap((gate) => comparisons(gate, training));
      return [
        label,
        worst(gates),
        ...metrics.map((metric) => {
          const found = known.find((one) => one.metric === metric);
          if (!found) return measuredText(training.metrics[metric] ?? null);
          return html`${measuredWithInterval(found)}${found.tendency && html`<small>${tendencyHtml(found.tendency)}</small>`}`;
        }),
        durationText(training.durationMs),
        training.resources
          ? moneyText(training.resources.cost.amount, training.resources.cost.currency)
          : '–',
        html`<code>${digestText(training.model?.digest ?? null)}</code>`,
      ];
    }),
  );
}

/** Those that rules are about, else the first. */
function mainMetrics(models: readonly Model[]): string[] {
  const ruled = models.flatMap(({ gates }) =>
    gates.flatMap(({ rules }) => rules.map(({ metric }) => metric)),
  );
  const measured = models.flatMap(({ training }) => Object.keys(training.metrics));
  return [...new Set(ruled.length ? ruled : measured)].slice(0, mostMetrics);
}

function worst(gates: readonly GateRecord[]): Html | string {
  const verdict = (['fail', 'inconclusive', 'warn', 'pass'] as const).find((one) =>
    gates.some((gate) => gate.verdict === one),
  );
  return verdict ? html`<span class="${verdict}-text nowrap">${marks[verdict]} ${verdict}</span>` : '–';
}
