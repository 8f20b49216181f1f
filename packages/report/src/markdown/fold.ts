import { table } from '@mlops/core';

/** A table with more rows than this ends in how many are left to the page. */
export const rowsShown = 100;

/** What is shown when a reader asks for it; nothing where there is nothing. */
export function folded(title: string, content: string): string {
  return content && `<details><summary>${title}</summary>\n\n${content}\n\n</details>`;
}

/** A table of the first rows; nothing for one without rows. */
export function longTable(head: string[], rows: string[][], shown = rowsShown): string {
  if (rows.length === 0) return '';
  const left = rows.length - shown;
  return `${table(head, rows.slice(0, shown))}${left > 0 ? `\n\n_${left} more are in the report._` : ''}`;
}
