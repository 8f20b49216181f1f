import type * as z from 'zod';
import type { PlainSchema } from './plain-schema.ts';

/**
 * How an input's text in `with:` becomes a value. In mlops.yaml the value is YAML already.
 * - `text`: as it stands; in mlops.yaml a scalar counts as it is spelled, so that `3.10` stays `3.10`
 * - `scalar`: a number or a boolean, spelled as YAML 1.2 spells them
 * - `lines`: one item a line, or a YAML sequence
 * - `yaml`: a YAML value
 * - `text-or-yaml`: a YAML value when it begins as a list of mappings does, otherwise text as it stands: read as YAML,
 *   the lines of a script would become one
 */
export type Form = 'text' | 'scalar' | 'lines' | 'yaml' | 'text-or-yaml';

/** One declared input. `T` is what the action gets: never undefined when there is a default or it is required. */
export interface Input<T = unknown> {
  readonly form: Form;
  /** What a value must be: plain, or a schema that is loaded when there is a value to check. */
  readonly schema: PlainSchema | (() => Promise<z.ZodType<T>>);
  readonly description: string;
  readonly required: boolean;
  readonly secret: boolean;
  /** Applied by the runtime, never by action.yml, which would hide mlops.yaml. */
  readonly default: unknown;
  /** An expression that the runner evaluates, such as `${{ github.token }}`; such an input cannot stand in mlops.yaml. */
  readonly fromRunner: string | undefined;
}

interface Options {
  /** One or two sentences; shown in action.yml, the README and the editor. */
  description: string;
  required?: boolean;
  default?: unknown;
  secret?: boolean;
  fromRunner?: string;
}

type Present<T, O extends Options> = O extends
  | { default: NonNullable<unknown> }
  | { required: true }
  | { fromRunner: string }
  ? T
  : T | undefined;

function input<T, const O extends Options>(
  form: Form,
  schema: PlainSchema | (() => Promise<z.ZodType<T>>),
  options: O,
): Input<Present<T, O>> {
  return {
    form,
    schema: schema as Input<Present<T, O>>['schema'],
    description: options.description,
    required: options.required ?? false,
    secret: options.secret ?? false,
    default: options.default,
    fromRunner: options.fromRunner,
  };
}

/** Any text. */
export function text<const O extends Options & { default?: string }>(options: O): Input<Present<string, O>> {
  return input('text', { type: 'string' }, options);
}

/** One of a few words. */
export function choice<
  const V extends readonly [string, ...string[]],
  const O extends Options & { default?: V[number] },
>(values: V, options: O): Input<Present<V[number], O>> {
  return input('text', { type: 'string', enum: values }, options);
}

/** `true` or `false`, and nothing else. */
export function flag<const O extends Options & { default?: boolean }>(
  options: O,
): Input<Present<boolean, O>> {
  return input('scalar', { type: 'boolean' }, options);
}

/** A whole number within bounds (both inclusive). */
export function integer<const O extends Options & { default?: number; min?: number; max?: number }>(
  options: O,
): Input<Present<number, O>> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
  return input('scalar', { type: 'integer', minimum: min, maximum: max }, options);
}

/** A number within bounds (both inclusive). */
export function number<const O extends Options & { default?: number; min: number; max: number }>(
  options: O,
): Input<Present<number, O>> {
  return input('scalar', { type: 'number', minimum: options.min, maximum: options.max }, options);
}

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const durationText: PlainSchema = {
  type: 'string',
  pattern: '^(?:0|\\d+(?:\\.\\d+)?(?:ms|s|m|h|d))$',
  patternHint: "a length of time is a number with a unit, such as '500ms', '90s', '15m', '2h' or '1d'",
};

/** A length of time; the action gets it as written and reads it with `milliseconds`. */
export function duration<const O extends Options & { default?: string }>(
  options: O,
): Input<Present<string, O>> {
  return input('text', durationText, options);
}

/** The milliseconds of a `duration` that was checked. */
export function milliseconds(written: string): number {
  const [, amount = '0', unit = 'ms'] = /^([\d.]+)(\w*)$/.exec(written) ?? [];
  return Number(amount) * (unitMs[unit as keyof typeof unitMs] ?? 0);
}

/** A list of texts: a YAML sequence in mlops.yaml, one item a line in `with:`. */
export function list<const O extends Options & { default?: readonly string[] }>(
  options: O,
): Input<Present<string[], O>> {
  return input('lines', { type: 'array', items: { type: 'string', minLength: 1 } }, options);
}

/** A structured value, checked by a schema: YAML in mlops.yaml, YAML text in `with:`. */
export function structure<T, const O extends Options>(
  schema: () => Promise<z.ZodType<T>>,
  options: O,
): Input<Present<T, O>> {
  return input('yaml', schema, options);
}

/** Any text, or a list of mappings that a schema checks, such as one command or the stages of a pipeline. */
export function textOr<T, const O extends Options>(
  schema: () => Promise<z.ZodType<T[]>>,
  options: O,
): Input<Present<string | T[], O>> {
  const either = async () => {
    const [{ string, union }, list] = await Promise.all([import('zod'), schema()]);
    return union([string().min(1), list]);
  };
  return input('text-or-yaml', either, options);
}
