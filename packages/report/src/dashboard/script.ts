import { bytesText, durationText, moneyText, wattHoursText } from '../text.ts';
import { makeAliasesView } from './client/aliases-view.ts';
import { makeApp } from './client/app.ts';
import { makeAxes } from './client/axes.ts';
import { makeBlocks } from './client/blocks.ts';
import { makeCharts } from './client/chart.ts';
import { makeCostsView } from './client/costs-view.ts';
import { makeCsv } from './client/csv.ts';
import { makeDurationsView } from './client/durations-view.ts';
import { makeElements } from './client/elements.ts';
import { makeFilter } from './client/filter.ts';
import { makeMetricsView } from './client/metrics-view.ts';
import { makeRunDialog } from './client/run-dialog.ts';
import { makeRunsView } from './client/runs-view.ts';
import { makeShapes } from './client/shapes.ts';
import { makeWeeks } from './client/weeks.ts';
import { makeWords } from './client/words.ts';
import { detailsPerBlock, outcomes } from './data.ts';

/**
 * What the page runs: the functions below as source text, which need nothing from outside of themselves but what they
 * are given here. So the page's code is checked, tested and bundled as all other code is, with no build of its own.
 */
export function clientScript(): string {
  return `'use strict';
const texts = { bytesText: ${bytesText}, durationText: ${durationText}, moneyText: ${moneyText}, wattHoursText: ${wattHoursText} };
const outcomes = ${JSON.stringify(outcomes)};
const elements = (${makeElements})();
const blocks = (${makeBlocks})({ detailsPerBlock: ${detailsPerBlock} });
const words = (${makeWords})();
const chart = (${makeCharts})({ elements, words, axes: (${makeAxes})(words), shapes: (${makeShapes})(elements) });
void (async () => {
  const runs = await blocks.runs();
  const filter = (${makeFilter})({ runs, outcomes, words });
  const weeks = (${makeWeeks})(runs.started, words);
  const csv = (${makeCsv})({ runs, outcomes, filter });
  const makeViews = (choose) => {
    const needs = { ...texts, outcomes, runs, blocks, filter, elements, words, chart, weeks, csv, choose, closed: () => app.closed() };
    return {
      runs: (${makeRunsView})(needs),
      metrics: (${makeMetricsView})(needs),
      aliases: (${makeAliasesView})(needs),
      durations: (${makeDurationsView})(needs),
      costs: (${makeCostsView})(needs),
      dialog: (${makeRunDialog})(needs),
    };
  };
  const app = (${makeApp})({ runs, blocks, filter, elements, words, makeViews });
  app.start();
})().catch((error) => {
  document.querySelector('main').textContent = 'The dashboard cannot be shown: ' + error;
  throw error;
});
`;
}
