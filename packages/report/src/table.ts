import { type Html, html } from './html.ts';

export type Cell = Html | string | number;

/** A column whose head starts with # holds numbers, with ~ drawings. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  if (rows.length === 0) return html`<p class="soft">None.</p>`;
  const kind = head.map((name) => (name.startsWith('#') ? 'number' : name.startsWith('~') ? 'drawn' : ''));
  return html`<div class="scroll" tabindex="0"><table><thead><tr>${head.map((name, i) => headCell(name.replace(/^[#~]/, ''), kind[i] ?? ''))}</tr></thead>
<tbody>${rows.map((cells) => html`<tr>${cells.map((value, i) => html`<td class="${kind[i]}">${value}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** The same with the first rows to be seen and the others folded. */
export function foldingTable(head: readonly string[], rows: readonly (readonly Cell[])[], shown = 15): Html {
  // One or two more are as short as the line that would unfold them.
  if (rows.length <= shown + 2) return table(head, rows);
  return html`${table(head, rows.slice(0, shown))}<details><summary>${rows.length - shown} more</summary>${table(head, rows.slice(shown))}</details>`;
}

/** A head without words is none to those who hear it. */
function headCell(name: string, kind: string): Html {
  return name ? html`<th scope="col" class="${kind}">${name}</th>` : html`<td></td>`;
}
