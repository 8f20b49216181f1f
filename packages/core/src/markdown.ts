/**
 * Markdown for step summaries. What comes from elsewhere (names of metrics, commit messages, errors) goes through
 * `plain` or `code` and can then be read as it is, and do nothing else: no markup, link, picture or new table cell.
 */

/** Text as itself, on one line. */
export function plain(text: string): string {
  // Underscores inside of words mean nothing and are frequent in names.
  return oneLine(text).replace(/[\\`*[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])|^[#+=-]/g, reference);
}

/** Text in a fixed-width font, on one line. */
export function code(text: string): string {
  const line = oneLine(text);
  // Between backticks nothing can be escaped, and a table ends its cell at | even there.
  if (/[`|\\]/.test(line)) return `<code>${line.replace(/[\\`*_[\]<>&|~$]/g, reference)}</code>`;
  return line && `\`${line}\``;
}

/** A table of cells that are Markdown already. A column whose head starts with # holds numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(head.map((name) => name.replace(/^#/, ''))),
    line(head.map((name) => (name.startsWith('#') ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function reference(character: string): string {
  return `&#${character.charCodeAt(0)};`;
}
