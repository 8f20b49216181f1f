import { existsSync } from 'node:fs';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { delimiter, join, posix, win32 } from 'node:path';
import { addPath, exportVariable, UserError } from '@mlops/core';
import { writeJobFile } from './job-file.ts';
import { runTool } from './run-tool.ts';

/** An environment of conda or pixi: a folder that holds Python beside everything else. */
export interface Prefix {
  /** Absolute. */
  folder: string;
  python: { path: string; version: string; implementation: string };
  /** What is installed: `name=version=build` from conda's channels, `name==version` from a package index. */
  packages: string[];
  /** The whole environment of a process in which it is activated. */
  environment: Record<string, string>;
}

/** How a program is run with the environment activated. */
export interface Activation {
  /** A command that runs the one which stands behind it; nothing where variables alone do it. */
  before: readonly string[];
  env?: Record<string, string>;
}

const mark = 'mlops-environment:';

/** Run by the environment's Python. What activation scripts print comes before the line with the mark. */
const look = `import importlib.metadata, json, os, platform, sys
found = {(d.metadata["Name"], d.version) for d in importlib.metadata.distributions()
         if (d.read_text("INSTALLER") or "").strip() != "conda"}
print("\\n${mark}" + json.dumps({
    "folder": sys.prefix,
    "python": {"path": sys.executable, "version": platform.python_version(), "implementation": sys.implementation.name},
    "packages": sorted(f"{name}=={version}" for name, version in found if name),
    "environment": dict(os.environ),
}))
`;

/** Where a prefix keeps its interpreter. */
export function prefixPython(folder: string, platform: NodeJS.Platform): string {
  return platform === 'win32' ? win32.join(folder, 'python.exe') : posix.join(folder, 'bin', 'python');
}

/** Asks the Python of a prefix, activated as `activation` says, what there is. */
export async function lookInto(
  folder: string,
  activation: Activation,
  where: { cwd: string; temp: string; signal: AbortSignal },
): Promise<Prefix> {
  const python = prefixPython(folder, process.platform);
  if (!existsSync(python))
    throw new UserError(`the environment in ${folder} has no Python`, {
      advice: "Add 'python' to its dependencies.",
    });
  const script = await writeJobFile(where.temp, 'look.py', look);
  const [program = python, ...args] = [...activation.before, python, '-I', script];
  const { stdout, said, exitCode } = await runTool(program, args, {
    cwd: where.cwd,
    signal: where.signal,
    env: { PYTHONUTF8: '1', ...activation.env },
    tolerate: true,
  });
  const line = stdout.split('\n').findLast((each) => each.startsWith(mark));
  if (exitCode !== 0 || !line)
    throw new UserError(`the Python of the environment in ${folder} does not run: ${lastLine(said)}`);
  const prefix = JSON.parse(line.slice(mark.length)) as Prefix;
  // conda goes on without a word where its activation fails.
  const active = prefix.environment.CONDA_PREFIX;
  if (!active || (await realpath(active)) !== (await realpath(folder)))
    throw new UserError(`the environment in ${folder} could not be activated: ${firstLine(said)}`, {
      advice: "Check the installation of conda, or set 'conda-tool: micromamba'.",
    });
  return { ...prefix, packages: [...(await condaPackages(prefix.folder)), ...prefix.packages] };
}

/** What conda keeps about each package it installed, one file a package in `conda-meta`. */
async function condaPackages(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'conda-meta')).catch(() => []);
  const records = names.filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    records.map(async (name) => {
      const record = JSON.parse(await readFile(join(folder, 'conda-meta', name), 'utf8'));
      return `${record.name}=${record.version}=${record.build ?? record.build_string}`;
    }),
  );
}

/** Variables of the process itself, which say nothing about the environment. */
const own = /^(PATH|_|SHLVL|PWD|OLDPWD|PS1|PROMPT|PYTHONUTF8|PYTHONUNBUFFERED|NO_COLOR|FORCE_COLOR)$/i;

/** Makes a prefix the environment of the steps that follow: its variables, also those of activation scripts, and PATH. */
export function activatePrefix({ environment }: Prefix): void {
  for (const [name, value] of Object.entries(environment))
    if (/^[A-Za-z_]\w*$/.test(name) && !own.test(name) && process.env[name] !== value)
      exportVariable(name, value);
  for (const folder of addedToPath(environment.PATH ?? '', process.env.PATH ?? '', delimiter))
    addPath(folder);
}

/** The folders that activation put on PATH, in the order in which they are to be put first, one after the other. */
export function addedToPath(after: string, before: string, separator: string): string[] {
  const there = new Set(before.split(separator));
  return after
    .split(separator)
    .filter((folder) => folder && !there.has(folder))
    .toReversed();
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] || 'nothing was said';
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'it said nothing';
}
