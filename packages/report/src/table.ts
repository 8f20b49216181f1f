import { type Html, html } from './html.ts';

/** A column whose head starts with # holds numbers. */
export function table(head: readonly string[], rows: readonly (readonly (Html | string | number)[])[]): Html {
  if (rows.length === 0) return html`<p class="soft">None.</p>`;
  const kind = head.map((name) => (name.startsWith('#') ? 'number' : ''));
  return html`<div class="scroll" tabindex="0"><table><thead><tr>${head.map((name, i) => html`<th class="${kind[i]}">${name.replace('#', '')}</th>`)}</tr></thead>
<tbody>${rows.map((cells) => html`<tr>${cells.map((value, i) => html`<td class="${kind[i]}">${value}</td>`)}</tr>`)}</tbody></table></div>`;
}
