import { UserError } from '@mlops/core';
import { parse } from 'csv-parse/sync';

/** The attributes of an output, a cache or an attestation: one line of CSV with `name=value` in each field. */
export type Attributes = Map<string, string>;

/** `type=image,"name=a,b"` as names and values; names are in lower case, and one without `=` has an empty value. */
export function parseAttributes(line: string): Attributes {
  return new Map(
    fieldsOf(line).map((field) => {
      const at = field.indexOf('=');
      return at < 0 ? [field.toLowerCase(), ''] : [field.slice(0, at).toLowerCase(), field.slice(at + 1)];
    }),
  );
}

/** The fields of one line of CSV, trimmed, without empty ones. */
export function fieldsOf(line: string): string[] {
  const options = { relax_quotes: true, relax_column_count: true, skip_empty_lines: true, trim: true };
  const rows: string[][] = parse(line, options);
  return rows.flat().filter((field) => field !== '');
}

export function formatAttributes(attributes: Attributes | Record<string, string>): string {
  const entries = attributes instanceof Map ? [...attributes] : Object.entries(attributes);
  return entries
    .map(([name, value]) => `${name}=${value}`)
    .map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',');
}

/**
 * Items of an input as docker/build-push-action takes them: `"NAME=a, b"`, a field of CSV in quotes, is what stands in
 * them.
 *
 * @throws UserError for a quote that is not closed, since a value of several lines was taken apart by then
 */
export function unquoted(input: string, items: readonly string[]): string[] {
  return items.map((item) => {
    if (!item.startsWith('"')) return item;
    const [, content] = /^"((?:[^"]|"")*)"$/s.exec(item) ?? [];
    if (content !== undefined) return content.replaceAll('""', '"');
    if ([...item.matchAll(/"/g)].length % 2 === 0) return item;
    // Not a word of the item, which may be a secret.
    throw new UserError(`the input '${input}' has a quote that is not closed on its line`, {
      advice: `Each line is an item. One of several lines is written in YAML, '- "NAME=first\\nsecond"'${/secret/.test(input) ? ", or taken from a variable ('secret-envs') or a file ('secret-files')" : ''}.`,
    });
  });
}
