import { UserError } from '@mlops/core';

export interface CurvePoint {
  step: number;
  value: number;
}

export interface CurveRow {
  line: number;
  values: ReadonlyMap<string, number>;
}

/** Columns that count the steps, the first that is there; without one, rows are counted from 1. */
const stepNames = ['step', 'global_step', 'iteration', 'epoch'];

export function stepColumn(columns: Iterable<string>): string | undefined {
  const all = new Map([...columns].map((name) => [name.toLowerCase(), name]));
  const found = stepNames.find((name) => all.has(name));
  return found && all.get(found);
}

/** The curve of each column; a row that lacks a column adds no point to it. */
export function curvesOf(rows: readonly CurveRow[], file: string): Map<string, CurvePoint[]> {
  const step = stepColumn(rows[0]?.values.keys() ?? []);
  const curves = new Map<string, CurvePoint[]>();
  for (const [i, { line, values }] of rows.entries()) {
    const at = step === undefined ? i + 1 : values.get(step);
    if (at === undefined || !Number.isFinite(at))
      throw new UserError(`'${step}' must be a number on every line, but here it is ${at ?? 'missing'}`, {
        file,
        line,
      });
    for (const [name, value] of values) {
      if (name === step) continue;
      const curve = curves.get(name) ?? [];
      curve.push({ step: at, value });
      curves.set(name, curve);
    }
  }
  return curves;
}

/** At most `limit` points of a curve, spread evenly, the first and the last among them. */
export function thin(curve: readonly CurvePoint[], limit: number): CurvePoint[] {
  if (curve.length <= limit) return [...curve];
  const distance = (curve.length - 1) / (limit - 1);
  return Array.from({ length: limit }, (_, i) => curve[Math.round(i * distance)] as CurvePoint);
}
