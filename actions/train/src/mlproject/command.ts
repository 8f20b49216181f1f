import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { nearest, suggest, throwAll, UserError } from '@mlops/core';
import { quoted } from '../quoted.ts';
import type { Declared, EntryPoint, MlProject } from './project-file.ts';

/** Values for parameters, as a user gives them. */
export type Given = Readonly<Record<string, string | number | boolean>>;

export interface Command {
  text: string;
  /** Every parameter with the value it has, in text. */
  parameters: Map<string, string>;
  /** Names that the entry point does not declare, which are appended as options. */
  extra: string[];
}

/** Interpreters of scripts that may stand for an entry point, as in MLflow. */
const interpreters: Readonly<Record<string, string>> = { py: 'python', sh: 'bash' };

/** The entry point of this name, or one that runs the script of this name. */
export function entryPointOf(name: string, project: MlProject | undefined, folder: string): EntryPoint {
  const known = project?.entryPoints.get(name);
  if (known) return known;
  const interpreter = interpreters[/\.(\w+)$/.exec(name)?.[1] ?? ''];
  if (interpreter && existsSync(resolve(folder, name)))
    return { name, command: `${interpreter} ${braced(quoted(name))}`, parameters: new Map(), line: 1 };
  const names = [...(project?.entryPoints.keys() ?? [])];
  throw new UserError(
    interpreter
      ? `input entry-point: there is no script '${name}'`
      : `input entry-point: '${name}' is not an entry point`,
    {
      ...(project ? { file: project.file, line: 1 } : {}),
      advice: names.length
        ? suggest(name, names).replace('Allowed:', 'Entry points:')
        : `MLproject has no entry_points; name a script, such as train.py.`,
    },
  );
}

/**
 * The command of an entry point with the parameters in it, each quoted for the shell, and those it does not declare
 * behind it as `--name value`, as `mlflow run` builds it. Throws all that is wrong with the values.
 */
export function commandOf(
  entry: EntryPoint,
  given: Given,
  { file, folder, platform = process.platform }: { file: string; folder: string; platform?: NodeJS.Platform },
): Command {
  const problems: UserError[] = [];
  const problem = (message: string, line: number, advice: string) =>
    problems.push(new UserError(message, { file, line, advice }));
  const parameters = new Map<string, string>();
  for (const [name, declared] of entry.parameters) {
    const value = Object.hasOwn(given, name) ? textOf(given[name]) : declared.default;
    if (value === undefined)
      problem(
        `the parameter '${name}' of '${entry.name}' has no value`,
        declared.line,
        `Give it in the input 'parameters', or a default here.`,
      );
    else {
      const wrong = mistake(value, declared.type, folder);
      if (wrong)
        problem(
          `the parameter '${name}' is declared ${declared.type}, but ${wrong}`,
          declared.line,
          adviceFor(declared.type),
        );
      parameters.set(name, declared.type === 'path' ? resolve(folder, value) : value);
    }
  }
  const extra = Object.keys(given).filter((name) => !entry.parameters.has(name));
  for (const name of extra) {
    const near = nearest(
      name,
      [...entry.parameters.keys()].filter((each) => !Object.hasOwn(given, each)),
    );
    if (near)
      problem(
        `input parameters: '${entry.name}' has no parameter '${name}'`,
        entry.line,
        `Did you mean '${near}'?`,
      );
    else if (!/^[\w.-]+$/.test(name))
      problem(
        `input parameters: '${name}' cannot be an option of a command`,
        entry.line,
        "A name has letters, digits, '_', '-' and '.'.",
      );
    else parameters.set(name, textOf(given[name]) ?? '');
  }
  throwAll(problems);
  const shell = (name: string) => quoted(parameters.get(name) ?? '', platform);
  const options = extra.map((name) => ` --${name} ${shell(name)}`);
  return { text: `${filled(entry, file, shell)}${options.join('')}`, parameters, extra };
}

/** Python's str.format with names alone: `{alpha}` is a parameter, `{{` and `}}` are braces. */
function filled(entry: EntryPoint, file: string, shell: (name: string) => string): string {
  return entry.command.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (match, name: string | undefined) => {
    if (match === '{{' || match === '}}') return match.charAt(0);
    if (name !== undefined && entry.parameters.has(name)) return shell(name);
    throw new UserError(
      name === undefined
        ? `the command of '${entry.name}' has a single '${match}'`
        : `the command of '${entry.name}' names the parameter '${name}', which is not declared`,
      {
        file,
        line: entry.line,
        advice:
          name === undefined
            ? "Write '{{' and '}}' for braces that are the command's own."
            : `${suggest(name, [...entry.parameters.keys()]).replace('Allowed:', 'Parameters:')} Braces of the command itself are written '{{' and '}}'.`,
      },
    );
  });
}

function braced(text: string): string {
  return text.replaceAll('{', '{{').replaceAll('}', '}}');
}

/** As Python spells it. */
function textOf(value: Given[string] | undefined): string | undefined {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === undefined ? undefined : String(value);
}

/** What is wrong with a value, as the end of a sentence. */
function mistake(value: string, type: Declared['type'], folder: string): string | undefined {
  if (type === 'int') return /^[-+]?\d+$/.test(value) ? undefined : `'${value}' is not a whole number`;
  if (type === 'float')
    return /^[-+]?((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|inf|infinity|nan)$/i.test(value)
      ? undefined
      : `'${value}' is not a number`;
  if (type === 'uri') return isUri(value) ? undefined : `'${value}' is not a URI`;
  if (type !== 'path') return undefined;
  if (isUri(value)) return `'${value}' is a URI, which is not downloaded here`;
  return existsSync(resolve(folder, value)) ? undefined : `'${value}' does not exist`;
}

function adviceFor(type: Declared['type']): string {
  if (type === 'path')
    return "Name a file or folder relative to the working directory; download what lies elsewhere in an earlier step, or declare the parameter 'uri'.";
  return type === 'uri'
    ? "Write it with its scheme, as in 's3://bucket/key'."
    : 'Correct it where it is given.';
}

function isUri(value: string): boolean {
  return /^[A-Za-z][\w+.-]+:\/\//.test(value);
}
