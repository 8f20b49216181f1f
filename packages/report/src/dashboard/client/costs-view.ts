/// <reference lib="dom" />
import type { RunTable } from '../data.ts';
import type { Charts } from './chart.ts';
import type { Elements } from './elements.ts';
import type { Filter } from './filter.ts';
import type { Weeks } from './weeks.ts';
import type { Words } from './words.ts';

interface Needs {
  runs: RunTable;
  filter: Filter;
  elements: Elements;
  words: Words;
  chart: Charts;
  weeks: Weeks;
  moneyText: (amount: number, currency: string) => string;
  wattHoursText: (wattHours: number) => string;
}

interface Quantity {
  title: string;
  amount: (number | null)[];
  format: (value: number) => string;
  tick?: (value: number) => string;
}

/** Money, energy and CO₂: each week, in all, and by branch and person. */
export function makeCostsView(needs: Needs) {
  const { runs, filter, elements, words, chart, weeks, moneyText, wattHoursText } = needs;
  const { h, table } = elements;
  const spendersShown = 15;
  const quantities: Quantity[] = [
    ...runs.costs.map(({ currency, amount }) => ({
      ...{ title: `Cost, ${currency}`, amount },
      format: (value: number) => moneyText(value, currency),
      tick: (value: number) => words.number(value),
    })),
    { title: 'Energy', amount: runs.wattHours, format: wattHoursText },
    { title: 'CO₂', amount: runs.co2Grams, format: co2Text },
  ];

  function render(rows: number[]): HTMLElement {
    const known = quantities.filter(({ amount }) => rows.some((row) => amount[row] != null));
    if (known.length === 0)
      return h(
        'div',
        {},
        h('h2', {}, 'Costs'),
        h('p', { class: 'soft' }, 'Nothing was measured in these runs.'),
      );
    return h(
      'div',
      {},
      h('h2', {}, 'Costs'),
      h(
        'dl',
        { class: 'tiles' },
        known.map((quantity) =>
          h('div', {}, h('dt', {}, quantity.title), h('dd', {}, quantity.format(total(rows, quantity)))),
        ),
      ),
      h(
        'p',
        { class: 'soft' },
        `Of ${words.plural(rows.filter((row) => known.some(({ amount }) => amount[row] != null)).length, 'run')} in which training was measured; what other jobs cost is not counted.`,
      ),
      h(
        'div',
        { class: 'charts' },
        known.map((quantity) => {
          const { unit, line } = weeks(quantity.title, rows, (group) => total(group, quantity));
          return chart({
            ...{
              title: `${quantity.title}, each ${unit}`,
              lines: [line],
              kind: 'bars',
              format: quantity.format,
              ...(quantity.tick && { tick: quantity.tick }),
            },
          });
        }),
      ),
      spenders('By branch', rows, runs.refText, known),
      spenders('By person', rows, runs.actorText, known),
    );
  }

  function spenders(title: string, rows: number[], places: number[], known: Quantity[]): HTMLElement {
    const groups = new Map<number, number[]>();
    for (const row of rows) {
      const place = places[row] ?? -1;
      const group = groups.get(place);
      if (group) group.push(row);
      else groups.set(place, [row]);
    }
    const first = known[0];
    const sorted = [...groups]
      .map(([place, group]) => ({ place, group, most: first ? total(group, first) : 0 }))
      .sort((a, b) => b.most - a.most);
    return h(
      'div',
      {},
      h('h2', {}, title),
      table(
        title,
        ['Name', '#Runs', ...known.map((quantity) => `#${quantity.title}`)],
        sorted
          .slice(0, spendersShown)
          .map(({ place, group }) => [
            filter.text(place),
            words.count(group.length),
            ...known.map((quantity) => quantity.format(total(group, quantity))),
          ]),
      ),
      sorted.length > spendersShown &&
        h('p', { class: 'soft' }, `${words.count(sorted.length - spendersShown)} more spent less.`),
    );
  }

  function total(rows: number[], { amount }: Quantity): number {
    return rows.reduce((sum, row) => sum + (amount[row] ?? 0), 0);
  }

  function co2Text(grams: number): string {
    return grams < 1000 ? `${Number(grams.toPrecision(3))} g` : `${Number((grams / 1000).toPrecision(3))} kg`;
  }

  return { render };
}
