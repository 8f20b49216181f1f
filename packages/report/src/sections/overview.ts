import type { GateRecord } from '@mlops/core/record';
import { comparisons } from '../comparison.ts';
import { type Html, html } from '../html.ts';
import { type Model, mainMetrics, worstVerdict } from '../models.ts';
import { table } from '../table.ts';
import { digestText, durationText, marks, measuredText, moneyText } from '../text.ts';
import { measuredWithInterval, tendencyHtml } from './changes.ts';

/**
 * All trainings of the run in a table, so that legs of a matrix can be compared.
 *
 * @param idOf The section of a training, by its place among them
 */
export function overviewPart(models: readonly Model[], idOf: (model: number) => string): Html {
  const metrics = mainMetrics(models);
  return table(
    ['Training', 'Gate', ...metrics.map((name) => `#${name}`), '#Time', '#Cost', 'Model'],
    models.map(({ label, training, gates }, i) => {
      const known = gates.flatMap((gate) => comparisons(gate, training));
      return [
        html`<a href="#${idOf(i)}">${label}</a>`,
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

function worst(gates: readonly GateRecord[]): Html | string {
  const verdict = worstVerdict(gates);
  return verdict ? html`<span class="${verdict}-text nowrap">${marks[verdict]} ${verdict}</span>` : '–';
}
