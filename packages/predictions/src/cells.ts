import { type Place, UserError } from '@mlops/core';

/** The finite number that a cell holds, or NaN. */
export function numberIn(value: unknown): number {
  if (typeof value === 'object') return Number.NaN;
  const found = Number(value);
  const blank = found === 0 && typeof value === 'string' && value.trim() === '';
  return Number.isFinite(found) && !blank ? found : Number.NaN;
}

/** A class as it is compared: `1.0` is `1`, `True` is `true`. */
export function className(value: unknown): string {
  const text = String(value).trim();
  if (/^-?\d+\.0+$/.test(text)) return text.replace(/\.0+$/, '');
  return /^(true|false)$/i.test(text) ? text.toLowerCase() : text;
}

/** Says which cell does not hold what is `wanted`. */
export function bad(column: string, value: unknown, wanted: string, place: Place): UserError {
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return new UserError(`'${column}' must be ${wanted}, but here it is '${shown}'`, place);
}
