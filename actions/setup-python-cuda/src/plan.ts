import { isAbsolute } from 'node:path';
import type { Project } from './project.ts';
import type { Python } from './python.ts';
import type { Selection } from './selection.ts';
import type { Uv } from './uv/uv.ts';
import { venvPaths } from './venv.ts';

/** Everything an installation needs to know. */
export interface Target {
  uv: Uv;
  python: Python;
  project: Project;
  selection: Selection;
  folder: string;
  workspace: string;
  /** A folder that lives as long as the job. */
  temp: string;
  venv: string;
  signal: AbortSignal;
}

/** One run of uv. */
export interface Step {
  args: string[];
  cwd: string;
  env?: Record<string, string>;
}

export interface Plan {
  steps: Step[];
  /** Whether the files fix every package by version and hash, so that they alone say what is installed. */
  locked: boolean;
}

/** Files among the arguments of `uv pip install` and `uv pip sync`. */
export function filesOf({ args }: Step): string[] {
  return args.slice(2).filter(isFile);
}

export function isFile(arg: string): boolean {
  return isAbsolute(arg) && /\.(txt|in|toml)$/.test(arg);
}

/** Arguments that have uv install into an environment. */
export function into(venv: string): string[] {
  return ['--python', venvPaths(venv, process.platform).python];
}
