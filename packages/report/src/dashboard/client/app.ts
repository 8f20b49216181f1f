/// <reference lib="dom" />
import type { MetricSeries, ModelSeries, Outcome, RunTable } from '../data.ts';
import type { Blocks } from './blocks.ts';
import type { Elements } from './elements.ts';
import type { Chosen, Filter } from './filter.ts';
import type { MetricsView } from './metrics-view.ts';
import type { RunsView } from './runs-view.ts';
import type { Words } from './words.ts';

interface Needs {
  runs: RunTable;
  blocks: Blocks;
  filter: Filter;
  elements: Elements;
  words: Words;
  makeViews: (choose: (change: Partial<Chosen>) => void) => {
    runs: RunsView;
    metrics: MetricsView;
    aliases: { render: (rows: number[], chosen: Chosen) => HTMLElement };
    durations: { render: (rows: number[], models: { name: string; series: ModelSeries }[]) => HTMLElement };
    costs: { render: (rows: number[]) => HTMLElement };
    dialog: { show: (row: number) => Promise<void> };
  };
}

/** The page's controls and what they choose; the address behind the # holds it all, so that a view can be shared. */
export function makeApp({ runs, blocks, filter, elements, words, makeViews }: Needs) {
  const { h } = elements;
  const nothing: Chosen = {
    ...{ view: 'runs', text: '', branch: '', event: '', result: '', model: '', from: '', to: '' },
    ...{ sort: '', up: '', page: '', metrics: '', run: '' },
  };
  const titles = {
    runs: 'Runs',
    metrics: 'Metrics',
    aliases: 'Aliases',
    durations: 'Durations',
    costs: 'Costs',
  };
  type View = keyof typeof titles;
  const branchesOffered = 300;
  const modelsAtOnce = 25;

  let chosen = fromAddress();
  let turn = 0;
  const views = makeViews(choose);
  const controls = makeControls();
  const tabs = h('nav', { class: 'tabs', 'aria-label': 'Views' });
  const count = h('p', { class: 'count', role: 'status' });
  const content = h('div', { class: 'content' });

  function start(): void {
    document
      .querySelector('main')
      ?.replaceChildren(
        h(
          'form',
          { class: 'filter', role: 'search', submit: (event: Event) => event.preventDefault() },
          controls.all,
        ),
        tabs,
        count,
        content,
      );
    addEventListener('hashchange', () => {
      chosen = fromAddress();
      controls.show(chosen);
      render();
    });
    controls.show(chosen);
    render();
  }

  function choose(change: Partial<Chosen>): void {
    const before = chosen;
    chosen = { ...chosen, ...change };
    const address = `#${toAddress(chosen)}`;
    // Only what one would go back to is a step of the history: not each key that was pressed.
    if (change.view !== undefined || change.run) history.pushState(null, '', address);
    else history.replaceState(null, '', address);
    const onlyRun = Object.keys(change).every((key) => key === 'run');
    if (onlyRun && before.view === chosen.view) void views.dialog.show(rowOf(chosen.run));
    else render();
  }

  function render(): void {
    const rows = filter.rows(chosen);
    count.textContent = `${words.count(rows.length)} of ${words.plural(runs.id.length, 'run')}`;
    tabs.replaceChildren(
      ...Object.entries(titles).map(([view, title]) =>
        h(
          'a',
          {
            href: `#${toAddress({ ...chosen, view, page: '' })}`,
            'aria-current': chosen.view === view && 'page',
          },
          title,
        ),
      ),
    );
    void renderView(rows, ++turn);
    void views.dialog.show(rowOf(chosen.run));
  }

  /** What is at hand is drawn at once; what has to be read first, unless something else was chosen meanwhile. */
  async function renderView(rows: number[], mine: number): Promise<void> {
    const view = chosen.view as View;
    if (view === 'runs' && !chosen.model) return put(views.runs.render(rows, chosen, []));
    if (view === 'aliases') return put(views.aliases.render(rows, chosen));
    if (view === 'costs') return put(views.costs.render(rows));
    const names = modelsOf(rows).slice(0, view === 'durations' ? modelsAtOnce : 1);
    const models = await Promise.all(
      names.map(async (name) => ({ name, series: await blocks.model(runs.models.indexOf(name)) })),
    );
    if (mine !== turn) return;
    const [first] = models;
    if (view === 'durations') put(views.durations.render(rows, models));
    else if (view === 'runs') put(views.runs.render(rows, chosen, metricColumns(first?.series)));
    else if (first) put(views.metrics.render(rows, chosen, first.name, first.series));
    else put(h('p', { class: 'soft' }, 'No run that fits has trained a model.'));
  }

  function metricColumns(series: ModelSeries | undefined): MetricSeries[] {
    return series ? views.metrics.chosenOf(series.metrics, chosen) : [];
  }

  /** The model that was chosen, else those of these runs, the most frequent first. */
  function modelsOf(rows: number[]): string[] {
    if (chosen.model) return runs.models.includes(chosen.model) ? [chosen.model] : [];
    const counts = new Map<number, number>();
    for (const row of rows)
      for (const model of runs.modelsOf[row] ?? []) counts.set(model, (counts.get(model) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]).flatMap(([model]) => runs.models[model] ?? []);
  }

  /** Draws; who was at a button goes on there, though it is another element now. */
  function put(element: HTMLElement): void {
    const focus = document.activeElement?.getAttribute('data-focus');
    content.replaceChildren(element);
    if (!focus) return;
    const same = [...content.querySelectorAll<HTMLElement>('[data-focus]')];
    same.find((one) => one.getAttribute('data-focus') === focus)?.focus({ preventScroll: true });
  }

  function makeControls() {
    const set = (name: keyof Chosen) => (event: Event) =>
      choose({ [name]: (event.target as HTMLInputElement).value, page: '' });
    const field = (name: keyof Chosen, label: string, type: string) =>
      labelled(label, h('input', { type, name, input: set(name), autocomplete: 'off' }));
    const select = (
      name: keyof Chosen,
      label: string,
      options: [string, number][],
      word = (one: string) => one,
    ) =>
      labelled(
        label,
        h(
          'select',
          { name, change: set(name) },
          h('option', { value: '' }, 'All'),
          options.map(([value, runs]) => h('option', { value }, `${word(value)} (${words.count(runs)})`)),
        ),
      );
    const all = [
      field('text', 'Search', 'search'),
      select('branch', 'Branch', filter.branches().slice(0, branchesOffered)),
      select('event', 'Event', filter.events()),
      select('result', 'Result', filter.results(), (one) => words.result(one as Outcome)),
      select('model', 'Model', filter.models()),
      field('from', 'From', 'date'),
      field('to', 'To', 'date'),
      h(
        'button',
        {
          type: 'button',
          click: () => {
            const { view, metrics } = chosen;
            choose({ ...nothing, view, metrics });
            controls.show(chosen);
          },
        },
        'Reset',
      ),
    ];
    return {
      all,
      show(state: Chosen): void {
        for (const label of all) {
          const control = label.querySelector<HTMLInputElement | HTMLSelectElement>('input, select');
          if (control) control.value = state[control.name as keyof Chosen];
        }
      },
    };
  }

  function labelled(label: string, control: HTMLElement): HTMLElement {
    return h('label', {}, h('span', {}, label), control);
  }

  function rowOf(run: string): number {
    return run ? runs.id.findIndex((_, row) => filter.nameOf(row) === run) : -1;
  }

  function fromAddress(): Chosen {
    const given = new URLSearchParams(location.hash.slice(1));
    const state = { ...nothing };
    for (const key of Object.keys(nothing) as (keyof Chosen)[]) state[key] = given.get(key) ?? nothing[key];
    if (!Object.hasOwn(titles, state.view)) state.view = 'runs';
    return state;
  }

  function toAddress(state: Chosen): string {
    const given = Object.entries(state).filter(([key, value]) => value !== nothing[key as keyof Chosen]);
    return new URLSearchParams(given).toString();
  }

  return { start, closed: () => chosen.run && choose({ run: '' }) };
}
