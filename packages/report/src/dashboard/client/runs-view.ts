/// <reference lib="dom" />
import type { MetricSeries, Outcome, RunTable } from '../data.ts';
import type { Child, Elements } from './elements.ts';
import type { Chosen, Filter } from './filter.ts';
import type { Words } from './words.ts';

interface Needs {
  runs: RunTable;
  outcomes: readonly Outcome[];
  filter: Filter;
  elements: Elements;
  words: Words;
  durationText: (milliseconds: number) => string;
  moneyText: (amount: number, currency: string) => string;
  csv: (rows: readonly number[], metrics: readonly MetricSeries[]) => string;
  choose: (change: Partial<Chosen>) => void;
}

interface Column {
  key: string;
  title: string;
  cell: (row: number) => Child | Child[];
  /** What it is sorted by; nothing last. */
  value: (row: number) => number | string | null | undefined;
  numeric?: boolean;
}

export type RunsView = ReturnType<typeof makeRunsView>;

/** All chosen runs as a table, page by page; a head that is pressed sorts. */
export function makeRunsView(needs: Needs) {
  const { runs, outcomes, filter, elements, words, durationText, moneyText, csv, choose } = needs;
  const { h, link } = elements;
  const rowsAPage = 100;
  const metricsAt = 3;
  const collator = new Intl.Collator('en', { numeric: true });
  const ranks = ranked(runs.texts);

  const columns: Column[] = [
    { key: 'result', title: 'Result', cell: result, value: (row) => runs.outcome[row] },
    { key: 'run', title: 'Run', cell: name, value: (row) => Number(runs.id[row]) || runs.id[row] },
    text('branch', 'Branch', runs.refText),
    text('event', 'Event', runs.eventText),
    text('actor', 'By', runs.actorText),
    {
      key: 'started',
      title: 'Started, UTC',
      cell: (row) => h('span', { class: 'nowrap' }, words.time(runs.started[row] ?? 0)),
      value: (row) => runs.started[row],
    },
    {
      key: 'duration',
      title: 'Took',
      numeric: true,
      cell: (row) => durationText(runs.durationMs[row] ?? 0),
      value: (row) => runs.durationMs[row],
    },
    {
      key: 'cached',
      title: 'Cached',
      numeric: true,
      cell: (row) => {
        const all = (runs.stagesRun[row] ?? 0) + (runs.stagesCached[row] ?? 0);
        return all ? `${runs.stagesCached[row]} of ${all}` : '–';
      },
      value: (row) => runs.stagesCached[row],
    },
    ...runs.costs.map(
      ({ currency, amount }): Column => ({
        key: `cost ${currency}`,
        title: `Cost, ${currency}`,
        numeric: true,
        cell: (row) => (amount[row] == null ? '–' : moneyText(amount[row], '').trim()),
        value: (row) => amount[row],
      }),
    ),
  ];

  /** @param metrics shown as columns of their own */
  function render(rows: number[], chosen: Chosen, metrics: MetricSeries[]): HTMLElement {
    const all = columns.toSpliced(metricsAt, 0, ...metrics.map(metricColumn));
    const sorted = inOrder(rows, all, chosen);
    const pages = Math.max(1, Math.ceil(sorted.length / rowsAPage));
    const page = Math.min(pages - 1, Math.max(0, Number(chosen.page) || 0));
    const shown = sorted.slice(page * rowsAPage, (page + 1) * rowsAPage);
    return h(
      'div',
      {},
      h(
        'div',
        { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Runs' },
        h(
          'table',
          { class: 'runs' },
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              all.map((column) => head(column, chosen)),
            ),
          ),
          h(
            'tbody',
            {},
            shown.map((row) =>
              h(
                'tr',
                {},
                all.map((column) => h('td', { class: column.numeric && 'number' }, column.cell(row))),
              ),
            ),
          ),
        ),
      ),
      sorted.length === 0 && h('p', { class: 'soft' }, 'No run fits.'),
      h(
        'div',
        { class: 'below' },
        pages > 1 && pager(page, pages),
        sorted.length > 0 &&
          h(
            'button',
            { type: 'button', click: () => download(csv(sorted, metrics)) },
            `Download ${words.plural(sorted.length, 'run')} as CSV`,
          ),
      ),
    );
  }

  function head({ key, title, numeric }: Column, chosen: Chosen): HTMLElement {
    const active = (chosen.sort || 'started') === key;
    const up = chosen.up === 'yes';
    return h(
      'th',
      {
        scope: 'col',
        class: numeric && 'number',
        'aria-sort': active && (up ? 'ascending' : 'descending'),
      },
      h(
        'button',
        {
          type: 'button',
          class: 'sort',
          'data-focus': `sort ${key}`,
          click: () => choose({ sort: key, up: active && !up ? 'yes' : '', page: '' }),
        },
        title,
        h('span', { 'aria-hidden': 'true' }, active ? (up ? ' ↑' : ' ↓') : ''),
      ),
    );
  }

  function pager(page: number, pages: number): HTMLElement {
    const to = (label: string, target: number) =>
      h(
        'button',
        {
          type: 'button',
          'data-focus': label,
          disabled: target < 0 || target >= pages || target === page,
          click: () => choose({ page: String(target) }),
        },
        label,
      );
    return h(
      'nav',
      { class: 'pager', 'aria-label': 'Pages' },
      to('First', 0),
      to('Previous', page - 1),
      h('span', {}, `Page ${page + 1} of ${pages}`),
      to('Next', page + 1),
      to('Last', pages - 1),
    );
  }

  function download(text: string): void {
    // Spreadsheets take a file without this mark for one of another encoding.
    const address = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv' }));
    h('a', { href: address, download: 'runs.csv' }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  function result(row: number): Node {
    const outcome = outcomes[runs.outcome[row] ?? -1] ?? 'none';
    return h('span', { class: `nowrap ${outcome}-text` }, words.result(outcome));
  }

  function name(row: number): Child[] {
    const message = runs.message[row] || 'No commit message';
    return [
      h(
        'button',
        {
          type: 'button',
          class: 'open',
          'data-focus': `run ${filter.nameOf(row)}`,
          click: () => choose({ run: filter.nameOf(row) }),
        },
        message,
      ),
      h(
        'span',
        { class: 'soft small' },
        link(filter.addressOf(row), `#${runs.id[row]}`),
        (runs.attempt[row] ?? 1) > 1 && `, attempt ${runs.attempt[row]}`,
        ` · ${runs.commit[row]?.slice(0, 7)} · ${filter.text(runs.workflowText[row])}`,
      ),
    ];
  }

  function text(key: string, title: string, places: number[]): Column {
    return {
      ...{ key, title },
      cell: (row) => h('span', { class: 'cut', title: filter.text(places[row]) }, filter.text(places[row])),
      value: (row) => ranks[places[row] ?? -1],
    };
  }

  function metricColumn({ name, row: rows, value }: MetricSeries): Column {
    const values = new Map(rows.map((row, i) => [row, value[i] ?? null]));
    return {
      ...{ key: `metric ${name}`, title: name, numeric: true },
      cell: (row) => (values.has(row) ? words.number(values.get(row) ?? 'not finite') : '–'),
      value: (row) => values.get(row),
    };
  }

  function inOrder(rows: number[], all: Column[], { sort, up }: Chosen): number[] {
    const column = all.find(({ key }) => key === (sort || 'started'));
    if (!column || (column.key === 'started' && up !== 'yes')) return rows;
    const values = new Map(rows.map((row) => [row, column.value(row)]));
    const sign = up === 'yes' ? 1 : -1;
    return rows.toSorted((a, b) => {
      const [x, y] = [values.get(a), values.get(b)];
      if (x == null || y == null) return Number(x == null) - Number(y == null) || a - b;
      if (typeof x === 'number' && typeof y === 'number') return sign * (x - y) || a - b;
      return sign * collator.compare(String(x), String(y)) || a - b;
    });
  }

  /** The place of each text in the order of all: comparing numbers is what is fast. */
  function ranked(texts: string[]): number[] {
    const ranks = new Array<number>(texts.length);
    const order = texts.map((_, i) => i).sort((a, b) => collator.compare(texts[a] ?? '', texts[b] ?? ''));
    order.forEach((place, rank) => {
      ranks[place] = rank;
    });
    return ranks;
  }

  return { render };
}
