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
