import { show, UserError } from '@mlops/core';
import { type CurveRow, curvesOf } from './curves.ts';
import { flatten } from './flatten.ts';
import { parseJson } from './json.ts';
import type { FileMetrics } from './read.ts';

/** Reads JSON lines: an object a line, each a point of every curve it names. */
export function readJsonLines(text: string, file: string): FileMetrics {
  const rows: CurveRow[] = [];
  const ignored = new Set<string>();
  for (const [i, line] of text.split('\n').entries()) {
    if (!line.trim()) continue;
    const value = parseJson(line, file, i + 1);
    if (!value || typeof value !== 'object' || Array.isArray(value))
      throw new UserError(
        `a line must hold an object such as {"step": 1, "loss": 0.5}, but this one holds ${show(value)}`,
        {
          file,
          line: i + 1,
        },
      );
    const flat = flatten(value as Record<string, unknown>, file);
    for (const name of [...flat.lists.keys(), ...flat.ignored]) ignored.add(name);
    rows.push({ line: i + 1, values: flat.numbers });
  }
  return { values: new Map(), curves: curvesOf(rows, file), ignored: [...ignored] };
}
