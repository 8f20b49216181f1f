import { code, messageOf, plain, table, UserError } from '@mlops/core';

/** One thing that was looked at. */
export interface Check {
  /** What, as a reader calls it: `data data/train.csv`. */
  check: string;
  expected: string;
  found: string;
  passed: boolean;
}

/** Everything that was looked at, in order. */
export class Checks {
  readonly all: Check[] = [];

  get passed(): boolean {
    return this.all.length > 0 && this.all.every(({ passed }) => passed);
  }

  add(check: string, expected: string, found: string, passed: boolean): boolean {
    this.all.push({ check, expected, found, passed });
    return passed;
  }

  /** Two values that have to be the same. */
  same(check: string, expected: string, found: string | undefined): boolean {
    return this.add(check, expected, found ?? 'nothing', found === expected);
  }

  /** What cannot be found out counts as failed; a cancelled run stays cancelled, and our bugs stay bugs. */
  async attempt<T>(check: string, expected: string, fn: () => Promise<T>): Promise<T | undefined> {
    try {
      return await fn();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.add(check, expected, messageOf(error), false);
      return undefined;
    }
  }
}

/** The checks as a table for a summary; what failed comes first. */
export function checksTable(checks: readonly Check[]): string {
  const ordered = [...checks.filter(({ passed }) => !passed), ...checks.filter(({ passed }) => passed)];
  return table(
    ['', 'Check', 'Expected', 'Found'],
    ordered.map(({ check, expected, found, passed }) => [
      passed ? '✅' : '❌',
      plain(check),
      shown(expected),
      shown(found),
    ]),
  );
}

/** Digests and commits by their beginning, which tells them apart; everything else as text. */
function shown(text: string): string {
  const digest = /^(sha256|sha512|md5):([0-9a-f]{32,})(\.dir)?$/.exec(text);
  if (digest) return code(`${digest[1]}:${digest[2]?.slice(0, 12)}…`);
  return /^[0-9a-f]{40}$/.test(text) ? code(text.slice(0, 12)) : plain(text);
}
