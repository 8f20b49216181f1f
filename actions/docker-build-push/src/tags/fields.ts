import { suggest, UserError } from '@mlops/core';
import { parse } from 'csv-parse/sync';

/** One attribute of a line: `key=value`, or a value alone. */
export interface Field {
  /** In lower case; undefined for a value alone. */
  key: string | undefined;
  value: string;
}

/** The lines of an input that say something: neither empty nor a comment. */
export function meaningful(lines: readonly string[]): string[] {
  return lines.map((line) => line.trim()).filter((line) => line && !line.startsWith('#'));
}

/**
 * Splits a line of comma-separated attributes. A value with commas or quotes is written as CSV (RFC 4180) has it, the
 * whole attribute in double quotes.
 *
 * @throws UserError when the quotes do not fit
 */
export function parseFields(line: string, input: string): Field[] {
  let cells: string[];
  try {
    cells = (parse(line, { relaxColumnCount: true, skipEmptyLines: true }) as string[][])[0] ?? [];
  } catch (cause) {
    throw wrong(input, line, 'the double quotes do not fit', {
      cause,
      advice: `Put an attribute with commas or quotes in double quotes as a whole, and double those within: "pattern={{date 'ddd, D'}}".`,
    });
  }
  return cells.map((cell) => {
    const at = cell.indexOf('=');
    return at < 1
      ? { key: undefined, value: cell.trim() }
      : { key: cell.slice(0, at).trim().toLowerCase(), value: cell.slice(at + 1).trim() };
  });
}

/** The error of one line of an input: which input, which line, and what is wrong with it. */
export function wrong(
  input: string,
  line: string,
  problem: string,
  { advice, cause }: { advice: string; cause?: unknown },
): UserError {
  return new UserError(`input ${input}, '${line}': ${problem}`, { advice, cause });
}

/** One of a few words. */
export function oneOf<const V extends readonly string[]>(
  values: V,
  { key = '', value }: Field,
  { input, line }: { input: string; line: string },
): V[number] {
  if (values.includes(value)) return value;
  throw wrong(input, line, `'${key}' cannot be '${value}'`, { advice: suggest(value, values) });
}
