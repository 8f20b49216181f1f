import type { Outcome, RunTable } from '../data.ts';
import type { Words } from './words.ts';

export type Filter = ReturnType<typeof makeFilter>;

/** What the reader has chosen; empty where everything is wanted. It stands in the page's address, behind the #. */
export interface Chosen {
  view: string;
  text: string;
  branch: string;
  event: string;
  result: string;
  model: string;
  /** Days, `2026-01-31`, both included, in UTC. */
  from: string;
  to: string;
  sort: string;
  /** Ascending. */
  up: string;
  page: string;
  /** Names of metrics, one a line. */
  metrics: string;
  /** Of the run whose details are open: id and attempt. */
  run: string;
}

interface Needs {
  runs: RunTable;
  outcomes: readonly Outcome[];
  words: Words;
}

/** Finds the runs that were chosen. */
export function makeFilter({ runs, outcomes, words: { day } }: Needs) {
  const count = runs.id.length;
  const text = (place: number | undefined) => runs.texts[place ?? -1] ?? '';
  const searched = runs.id.map((id, row) =>
    [
      ...[id, runs.commit[row], runs.message[row], text(runs.refText[row]), text(runs.eventText[row])],
      ...[text(runs.workflowText[row]), text(runs.actorText[row]), outcomes[runs.outcome[row] ?? -1]],
      ...(runs.modelsOf[row] ?? []).map((model) => runs.models[model]),
    ]
      .join('\n')
      .toLowerCase(),
  );

  /** Rows that fit, newest first. Of a text every word must occur, and none that begins with `-`. */
  function rows(chosen: Chosen): number[] {
    const words = chosen.text.toLowerCase().split(/\s+/).filter(Boolean);
    const without = words.filter((word) => word.length > 1 && word[0] === '-').map((word) => word.slice(1));
    const wanted = words.filter((word) => word[0] !== '-');
    const branch = runs.texts.indexOf(chosen.branch);
    const event = runs.texts.indexOf(chosen.event);
    const outcome = outcomes.indexOf(chosen.result as Outcome);
    const model = runs.models.indexOf(chosen.model);
    const from = dayOf(chosen.from) ?? Number.NEGATIVE_INFINITY;
    const to = (dayOf(chosen.to) ?? Number.POSITIVE_INFINITY) + 86_400;
    const found: number[] = [];
    for (let row = 0; row < count; row++) {
      if (chosen.branch && runs.refText[row] !== branch) continue;
      if (chosen.event && runs.eventText[row] !== event) continue;
      if (chosen.result && runs.outcome[row] !== outcome) continue;
      if (chosen.model && !runs.modelsOf[row]?.includes(model)) continue;
      const started = runs.started[row] ?? 0;
      if (started < from || started >= to) continue;
      const all = searched[row] ?? '';
      if (wanted.every((word) => all.includes(word)) && !without.some((word) => all.includes(word)))
        found.push(row);
    }
    return found;
  }

  function dayOf(day: string): number | undefined {
    const time = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) / 1000 : Number.NaN;
    return Number.isNaN(time) ? undefined : time;
  }

  /** Texts of a column with how often they occur, the most frequent first. */
  function frequent(places: readonly number[], names: readonly string[]): [name: string, runs: number][] {
    const counts = new Map<number, number>();
    for (const place of places) counts.set(place, (counts.get(place) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]).map(([place, runs]) => [names[place] ?? '', runs]);
  }

  return {
    rows,
    text,
    branches: () => frequent(runs.refText, runs.texts),
    events: () => frequent(runs.eventText, runs.texts),
    results: () => frequent(runs.outcome, outcomes),
    models: () => frequent(runs.modelsOf.flat(), runs.models),
    addressOf: (row: number) =>
      runs.urlText[row] === -1 ? null : text(runs.urlText[row]).replace('{id}', runs.id[row] ?? ''),
    labelOf: (row: number) =>
      `#${runs.id[row]} ${day(runs.started[row] ?? 0)} ${(runs.message[row] ?? '').slice(0, 60)}`,
    nameOf: (row: number) => `${runs.id[row]}-${runs.attempt[row]}`,
    isFiltered: ({ text, branch, event, result, model, from, to }: Chosen) =>
      Boolean(text || branch || event || result || model || from || to),
  };
}
