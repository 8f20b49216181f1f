import { relative, resolve, sep } from 'node:path';
import { type Action, camelCase, commonInputs, type InputsOf } from './action.ts';
import { type ConfigFile, type ConfigValue, readConfigFile } from './config-file.ts';
import { messageOf, type Place, throwAll, UserError } from './errors.ts';
import type { Input } from './input.ts';
import { suggest } from './nearest.ts';
import { issuesOf } from './plain-schema.ts';
import { describeIssues, pathText, type SchemaProblem } from './schema-problems.ts';

export interface ReadInputs<A extends Action> {
  inputs: InputsOf<A>;
  /** Absolute. */
  workingDirectory: string;
  /** Values of inputs declared secret, to be masked before anything else happens. */
  secrets: string[];
}

/**
 * Reads and validates every input of an action into one typed object. Precedence: `with:` > environment overlay >
 * mlops.yaml > default. All mistakes are reported together.
 */
export async function readInputs<A extends Action>(
  action: A,
  env: NodeJS.ProcessEnv,
): Promise<ReadInputs<A>> {
  const workspace = env.GITHUB_WORKSPACE ?? process.cwd();
  const workingDirectory = resolve(workspace, written(env, 'working-directory') ?? '.');
  const shown = (path: string) => relative(workspace, path).split(sep).join('/') || '.';
  const config = await readConfigFile(workingDirectory, written(env, 'config'), shown);
  const environment = written(env, 'environment');
  const section = config?.section(action.name, environment) ?? new Map<string, ConfigValue>();

  const problems: UserError[] = unknownKeys(action, section);
  const secrets: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, input] of Object.entries(action.inputs)) {
    const given = written(env, name);
    if (given !== undefined && input.secret) secrets.push(given);
    const result = await (given !== undefined
      ? fromWith(name, input, given)
      : fromFile(name, input, section.get(name)));
    if ('problems' in result) problems.push(...result.problems);
    else if (result.value === undefined && input.required) problems.push(missing(action, name, config));
    else values[camelCase(name)] = result.value ?? input.default;
  }
  if (config) problems.push(...(await config.problemsOutside(action.name)));
  throwAll(problems);
  return { inputs: values as InputsOf<A>, workingDirectory, secrets };
}

/** What `with:` says for an input; the runner passes an input that is not set as empty text. */
function written(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`]?.trim();
  return value || undefined;
}

type Result = { value: unknown } | { problems: UserError[] };

async function fromWith(name: string, input: Input, given: string): Promise<Result> {
  const value = await parseText(name, input, given);
  return check(name, input, value, () => ({}));
}

async function fromFile(name: string, input: Input, given: ConfigValue | undefined): Promise<Result> {
  if (!given || given.value === null || name in commonInputs) return { value: undefined };
  if (input.fromRunner || input.secret)
    return {
      problems: [
        new UserError(`${pathText(given.path)}: '${name}' cannot be set in a file`, {
          ...given.place([]),
          advice: input.secret
            ? `Pass it through 'with:' from a secret, so that it is never committed.`
            : `Pass it through 'with:'.`,
        }),
      ],
    };
  const scalar = typeof given.value === 'number' || typeof given.value === 'boolean';
  const value = input.form === 'text' && scalar ? (given.source ?? String(given.value)) : given.value;
  return check(pathText(given.path), input, value, given.place);
}

async function check(
  shownName: string,
  input: Input,
  value: unknown,
  place: ConfigValue['place'],
): Promise<Result> {
  const result = await validate(input, value);
  if ('value' in result) return result;
  const problems = result.problems.map(({ path, message, advice }) => {
    const below = pathText(path);
    const full = below ? `${shownName}${below.startsWith('[') ? '' : '.'}${below}` : shownName;
    return new UserError(`${place(path).file ? '' : 'input '}${full}: ${message}`, {
      ...place(path),
      advice,
    });
  });
  return { problems };
}

async function validate(
  { schema }: Input,
  value: unknown,
): Promise<{ value: unknown } | { problems: SchemaProblem[] }> {
  if (typeof schema !== 'function') {
    const issues = issuesOf(schema, value);
    return issues.length ? { problems: describeIssues(undefined, value, issues) } : { value };
  }
  const loaded = await schema();
  const result = loaded.safeParse(value);
  if (result.success) return { value: result.data };
  return { problems: describeIssues(loaded, value, result.error.issues) };
}

async function parseText(name: string, input: Input, given: string): Promise<unknown> {
  if (input.form === 'text') return given;
  if (input.form === 'scalar') return scalarOf(given);
  if (input.form === 'lines' && !/^(\[|- )/.test(given))
    return given.split('\n').flatMap((line) => line.trim() || []);
  if (input.form === 'text-or-yaml' && !/^(-\s|\[\s*\{)/.test(given)) return given;
  return parseYaml(name, given);
}

/** Numbers and booleans as YAML 1.2's core schema spells them; anything else stays text and fails the schema. */
function scalarOf(given: string): unknown {
  if (/^(true|True|TRUE)$/.test(given)) return true;
  if (/^(false|False|FALSE)$/.test(given)) return false;
  return /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(given) ? Number(given) : given;
}

async function parseYaml(name: string, given: string): Promise<unknown> {
  const { parse } = await import('yaml');
  try {
    return parse(given, { merge: true });
  } catch (error) {
    throw new UserError(`input ${name}: not valid YAML: ${messageOf(error).split('\n')[0]}`, {
      cause: error,
      advice: `In 'with:', write the value as a block of text: '${name}: |' and the YAML indented below it.`,
    });
  }
}

function unknownKeys(action: Action, section: Map<string, ConfigValue>): UserError[] {
  const inFile = Object.entries(action.inputs).filter(
    ([name, input]) => !(name in commonInputs || input.fromRunner || input.secret),
  );
  const names = inFile.map(([name]) => name);
  return [...section].flatMap(([key, { place, path }]) => {
    const known = action.inputs[key];
    if (names.includes(key)) return [];
    if (known && !(key in commonInputs)) return []; // Refused with the reason where its value is read.
    const advice = known
      ? "It decides what is read from this file; pass it through 'with:'."
      : suggest(key, names);
    return [
      new UserError(
        `${pathText(path)}: ${known ? `'${key}' cannot be set in a file` : `unknown key '${key}'`}`,
        { ...place([]), advice },
      ),
    ];
  });
}

function missing(action: Action, name: string, config: ConfigFile | undefined): UserError {
  const place: Place = config ? { file: config.name, line: 1 } : {};
  return new UserError(`${action.name}: the input '${name}' is missing`, {
    ...place,
    advice: `Set it with 'with: ${name}:' or as '${action.name}: ${name}:' in ${config?.name ?? 'mlops.yaml'}.`,
  });
}
