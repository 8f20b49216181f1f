import type { RunRecord } from '@mlops/core/record';
import { type Costs, costsOf, totalOf } from '../costs.ts';
import { type Html, html } from '../html.ts';
import { type Cell, table } from '../table.ts';
import { durationText, jobName, measuredText, moneyText, wattHoursText } from '../text.ts';

/** Time, energy, carbon and money by job and in all, beside the baseline's where that is known. */
export function costsPart({ jobs }: RunRecord): Html {
  const costs = jobs.map(costsOf);
  const baselines = jobs
    .flatMap(({ gates }) => gates)
    .flatMap(({ baseline }) => (baseline?.durationMs !== undefined || baseline?.cost ? [baseline] : []));
  // Legs of a matrix may share one.
  const before = [
    ...new Map(baselines.map((one) => [JSON.stringify([one.ref, one.durationMs, one.cost]), one])).values(),
  ];
  return html`${table(
    ['Job', '#Time', '#Energy', '#CO₂', '#Money', '#Saved by caches'],
    [
      ...jobs.map((job, i) => [jobName(job), ...cellsOf(costs[i] as Costs)]),
      ...(jobs.length > 1 ? [[html`<strong>All jobs</strong>`, ...cellsOf(totalOf(costs))]] : []),
    ],
  )}${before.map(
    ({ ref, durationMs, cost }) =>
      html`<p>The training of the baseline <code>${ref}</code> took ${durationMs === undefined ? 'a time that is not known' : durationText(durationMs)}${cost && ` and cost ${moneyText(cost.amount, cost.currency)}`}.</p>`,
  )}<p class="soft">Energy, CO₂ and money are those of trainings.${jobs.length > 1 && ' Jobs may run beside each other, so that the run took less than all of them.'}</p>`;
}

function cellsOf({ durationMs, wattHours, co2Grams, money, savedMs }: Costs): Cell[] {
  const amounts = Object.entries(money).map(([currency, amount]) => moneyText(amount, currency));
  return [
    durationText(durationMs),
    wattHours === null ? '–' : wattHoursText(wattHours),
    co2Grams === null ? '–' : `${measuredText(Number(co2Grams.toPrecision(3)))} g`,
    amounts.join(' + ') || '–',
    savedMs > 0 ? durationText(savedMs) : '–',
  ];
}
