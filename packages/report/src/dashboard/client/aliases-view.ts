/// <reference lib="dom" />
import type { AliasMoved, RunTable } from '../data.ts';
import type { Child, Elements } from './elements.ts';
import type { Chosen, Filter } from './filter.ts';
import type { Words } from './words.ts';

interface Needs {
  runs: RunTable;
  filter: Filter;
  elements: Elements;
  words: Words;
  choose: (change: Partial<Chosen>) => void;
}

/** Where each alias points now, and who moved it when. */
export function makeAliasesView({ runs, filter, elements, words, choose }: Needs) {
  const { h, table } = elements;
  const movesShown = 200;
  const key = ({ model, alias }: AliasMoved) => `${model}\n${alias}`;
  const newest = new Map<string, AliasMoved>();
  /** Each move with the one before of the same alias. */
  const moves = runs.aliases.map((move) => {
    const before = newest.get(key(move));
    newest.set(key(move), move);
    return { move, before };
  });

  function render(rows: number[], chosen: Chosen): HTMLElement {
    const among = new Set(rows);
    const isChosen = ({ model }: AliasMoved) => !chosen.model || model === chosen.model;
    const fits = (move: AliasMoved) =>
      isChosen(move) && (move.row < 0 ? !filter.isFiltered(chosen) : among.has(move.row));
    const history = moves.filter(({ move }) => fits(move)).reverse();
    return h(
      'div',
      {},
      h('h2', {}, 'Where each alias points'),
      table(
        'Aliases',
        ['Model', 'Alias', 'Revision', 'Model digest', 'Since, UTC', 'By', 'Run'],
        [...newest.values()]
          .filter((move) => isChosen(move) && move.target)
          .map((move) => [
            ...[move.model, h('strong', {}, move.alias), code(move.target?.revision)],
            ...[code(short(move)), words.time(move.at), by(move), run(move)],
          ]),
      ),
      h('h2', {}, 'Who moved which when'),
      table(
        'History of the aliases',
        ['When, UTC', 'Model', 'Alias', 'From', 'To', 'By', 'Run'],
        history
          .slice(0, movesShown)
          .map(({ move, before }) => [
            h('span', { class: 'nowrap' }, words.time(move.at)),
            ...[move.model, h('strong', {}, move.alias)],
            ...[code(before?.target ? before.target.revision : undefined)],
            ...[move.target ? code(move.target.revision) : 'removed', by(move), run(move)],
          ]),
      ),
      history.length > movesShown &&
        h(
          'p',
          { class: 'soft' },
          `${words.plural(history.length - movesShown, 'older move')}: choose earlier days above.`,
        ),
    );
  }

  function by({ by, byHand }: AliasMoved): Child[] {
    return [by, byHand && h('span', { class: 'soft' }, ' by a commit')];
  }

  function run({ row }: AliasMoved): Child {
    if (row < 0) return h('span', { class: 'soft' }, 'not recorded');
    return h(
      'button',
      {
        type: 'button',
        class: 'open',
        'data-focus': `alias run ${row}`,
        click: () => choose({ run: filter.nameOf(row) }),
      },
      `#${runs.id[row]} ${runs.message[row]}`,
    );
  }

  function code(text: string | undefined): Child {
    return text ? h('code', {}, text.slice(0, 40)) : '–';
  }

  function short({ target }: AliasMoved): string {
    return target?.modelDigest.replace('sha256:', '').slice(0, 12) ?? '';
  }

  return { render };
}
