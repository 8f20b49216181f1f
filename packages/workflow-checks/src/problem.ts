import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';

/** What a problem is about; each has its own table of tests. */
export type Check =
  | 'syntax'
  | 'uses'
  | 'permissions'
  | 'inputs'
  | 'secrets'
  | 'outputs'
  | 'contexts'
  | 'needs'
  | 'limits'
  | 'injection'
  | 'checkout'
  | 'pinning';

export interface Problem {
  check: Check;
  /** The file as it was given, or as the resolver found it. */
  file: string;
  /** First line is 1. */
  line: number;
  /** First column is 1; absent where only the line is known. */
  column?: number;
  /** What is wrong, with the value that is wrong. */
  message: string;
  /** What to do about it. */
  advice: string;
}

/** A place in a file: a token of the parser, or a line and column of its own. */
export type Place = Pick<TemplateToken, 'range'> | { line: number; column?: number };

export function problem(
  check: Check,
  file: string,
  place: Place | undefined,
  message: string,
  advice: string,
): Problem {
  return { check, file, ...position(place), message, advice };
}

function position(place: Place | undefined): { line: number; column?: number } {
  const start = place && 'range' in place ? place.range?.start : place;
  if (!start || !('line' in start)) return { line: 1 };
  return { line: start.line, ...(start.column !== undefined && { column: start.column }) };
}

/** 'a', 'b' and 'c', or 'none', for messages that say what there is. */
export function listed(names: Iterable<string>): string {
  const quoted = [...names].map((name) => `'${name}'`);
  if (quoted.length < 2) return quoted[0] ?? 'none';
  return `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
}
