/// <reference lib="dom" />
import type { RunDetails, RunTable } from '../data.ts';
import type { Blocks } from './blocks.ts';
import type { Child, Elements } from './elements.ts';
import type { Filter } from './filter.ts';
import type { Words } from './words.ts';

interface Needs {
  runs: RunTable;
  blocks: Blocks;
  filter: Filter;
  elements: Elements;
  words: Words;
  durationText: (milliseconds: number) => string;
  bytesText: (bytes: number) => string;
  /** Is told when the reader has closed it. */
  closed: () => void;
}

interface Pairs {
  shown: [name: string, value: number | string][];
  more: number;
}

/** One run's details, in a dialog above the page. */
export function makeRunDialog(needs: Needs) {
  const { runs, blocks, filter, elements, words, durationText, bytesText, closed } = needs;
  const { h, link, table } = elements;
  // The event comes later than the closing; it may have been opened again by then.
  const dialog = h('dialog', { 'aria-labelledby': 'run-title', close: () => dialog.open || closed() });
  document.body.append(dialog);
  let shown = -1;

  async function show(row: number): Promise<void> {
    if (row < 0) {
      shown = -1;
      return dialog.close();
    }
    if (shown === row) return;
    shown = row;
    fill(row, h('p', { class: 'soft' }, 'Loading …'));
    if (!dialog.open) dialog.showModal();
    const before = rowBefore(row);
    const [details, earlier] = await Promise.all(
      [row, before].map((one) => blocks.details(runs.detail[one] ?? -1).catch(() => undefined)),
    );
    if (shown !== row) return;
    fill(
      row,
      details
        ? sections(details, earlier, before)
        : h('p', {}, "This run's details cannot be read from the page."),
    );
  }

  /** The run before on the same branch that trained one of its models; -1 where there is none. */
  function rowBefore(row: number): number {
    const models = runs.modelsOf[row] ?? [];
    return runs.id.findIndex(
      (_, other) =>
        other > row &&
        runs.refText[other] === runs.refText[row] &&
        runs.modelsOf[other]?.some((model) => models.includes(model)),
    );
  }

  function fill(row: number, content: Child | Child[]): void {
    const url = filter.addressOf(row);
    dialog.replaceChildren(
      h(
        'header',
        {},
        h('h2', { id: 'run-title' }, `Run #${runs.id[row]}`),
        h('button', { type: 'button', click: () => dialog.close() }, 'Close'),
      ),
      h('p', {}, runs.message[row] || 'No commit message'),
      h(
        'p',
        { class: 'soft' },
        `${filter.text(runs.refText[row])} · ${runs.commit[row]} · ${filter.text(runs.eventText[row])} by ${filter.text(runs.actorText[row])} · ${words.time(runs.started[row] ?? 0)} UTC · ${durationText(runs.durationMs[row] ?? 0)}`,
        url ? ' · ' : '',
        url ? link(url, 'run on GitHub') : '',
      ),
      h('div', {}, content),
    );
  }

  function sections(
    { run, gates, trainings, deployments, packages, jobs }: RunDetails,
    earlier: RunDetails | undefined,
    before: number,
  ): Child[] {
    const earlierOf = (name: string) => earlier?.trainings.find((training) => training.name === name);
    const head = before < 0 ? '' : `#Before, in run #${runs.id[before]}`;
    return [
      run.dirty && h('p', {}, 'The working tree differed from the commit.'),
      ...gates.flatMap((gate) => [
        h('h3', {}, `Gate of ${gate.name}: `, h('span', { class: `${gate.verdict}-text` }, gate.verdict)),
        gate.baseline && h('p', { class: 'soft' }, `against ${gate.baseline}`),
        table(
          `Rules of ${gate.name}`,
          ['Verdict', 'Metric', 'Rule', '#Candidate', '#Baseline', '#Interval', 'Why'],
          gate.rules.shown.map((rule) => [
            h('span', { class: `${rule.verdict}-text` }, rule.verdict),
            h('code', {}, rule.metric),
            `${rule.rule} ${words.number(rule.bound)}`,
            words.number(rule.candidate),
            words.number(rule.baseline),
            rule.interval ? `${words.number(rule.interval.low)} – ${words.number(rule.interval.high)}` : '–',
            rule.explanation,
          ]),
        ),
        more(gate.rules.more, 'rule'),
      ]),
      ...trainings.flatMap((training) => [
        h('h3', {}, `Training ${training.name}`),
        h(
          'p',
          { class: 'soft' },
          [
            training.outcome,
            durationText(training.durationMs),
            training.used,
            training.modelDigest && `model ${short(training.modelDigest)}`,
          ]
            .filter(Boolean)
            .join(' · '),
        ),
        pairs('Metrics', training.metrics, earlierOf(training.name)?.metrics, head),
        pairs('Parameters', training.parameters, earlierOf(training.name)?.parameters, head),
        table(
          `Stages of ${training.name}`,
          ['Stage', 'Outcome', '#Took', 'Why'],
          training.stages.shown.map((stage) => [
            h('code', {}, stage.name),
            stage.outcome === 'skipped' ? 'from the cache' : stage.outcome,
            stage.outcome === 'skipped'
              ? `saved ${durationText(stage.savedMs)}`
              : durationText(stage.durationMs),
            stage.reason,
          ]),
        ),
        more(training.stages.more, 'stage'),
      ]),
      deployments.length > 0 && h('h3', {}, 'Deployments'),
      deployments.length > 0 &&
        table(
          'Deployments',
          ['Environment', 'Target', 'Outcome', 'Revision', 'Address', 'Why'],
          deployments.map(({ environment, target, outcome, revision, url, reason }) => [
            ...[environment, target, outcome, h('code', {}, revision)],
            ...[url ? link(url, url) : '–', reason ?? ''],
          ]),
        ),
      packages.length > 0 && h('h3', {}, 'Packages'),
      packages.length > 0 &&
        table(
          'Packages',
          ['Package', 'Digest', '#Size'],
          packages.map(({ name, digest, bytes }) => [name, h('code', {}, short(digest)), bytesText(bytes)]),
        ),
      h('h3', {}, 'Jobs'),
      table(
        'Jobs',
        ['Job', 'Machine', 'Steps', '#Took'],
        jobs.map(({ job, matrix, machine, steps, durationMs }) => [
          matrix ? `${job} (${matrix})` : job,
          machine,
          steps.map(({ action, outcome, durationMs, error }) =>
            h(
              'div',
              {},
              `${action}: ${outcome}, ${durationText(durationMs)}`,
              error !== undefined && h('div', { class: 'fail-text' }, error),
            ),
          ),
          durationText(durationMs),
        ]),
      ),
    ];
  }

  /** Names with their values, beside those of the run before; what differs stands out. */
  function pairs(
    title: string,
    { shown, more: left }: Pairs,
    earlier: Pairs | undefined,
    head: string,
  ): Node {
    const before = earlier && new Map<string, number | string>(earlier.shown);
    const isChanged = shown.some(([name, value]) => before && before.get(name) !== value);
    return h(
      'details',
      { open: isChanged || title === 'Metrics' },
      h('summary', {}, `${title} (${shown.length + left})`),
      table(
        title,
        ['Name', '#Value', ...(before ? [head] : [])],
        shown.map(([name, value]) => {
          const old = before?.get(name);
          const text = words.number(value);
          return [
            h('code', {}, name),
            before && old !== value ? h('strong', {}, text) : text,
            ...(before ? [words.number(old)] : []),
          ];
        }),
      ),
      more(left, 'value'),
    );
  }

  function more(left: number, one: string): Child {
    return left > 0 && h('p', { class: 'soft' }, `${words.plural(left, `more ${one}`)} in the run's report.`);
  }

  function short(digest: string): string {
    return digest.replace('sha256:', '').slice(0, 12);
  }

  return { show };
}
