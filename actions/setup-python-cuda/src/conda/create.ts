import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import { writeJobFile } from '../job-file.ts';
import { lookInto, type Prefix } from '../prefix.ts';
import { runTool } from '../run-tool.ts';
import type { Selection } from '../selection.ts';
import { digestOfTextFiles, readText } from '../text-file.ts';
import { isEmpty } from '../venv.ts';
import { compareVersions } from '../versions.ts';
import { checkEnvironment, checkExplicit, kindOf, writeEnvironment } from './environment-file.ts';
import { type LockedFiles, readCondaLock } from './lock.ts';
import { condaSubdir } from './subdir.ts';
import type { CondaTool } from './tool.ts';

/** Everything that making a conda environment needs to know. */
export interface CondaTarget {
  /** Finds the program, or installs it: after the files were looked at. */
  findTool: () => Promise<CondaTool>;
  /** Absolute: conda-lock.yml, an explicit list, or environment.yml. */
  file: string;
  /** The file as it is called in messages. */
  shown: string;
  /** Absolute: the folder of the environment. */
  prefix: string;
  selection: Selection;
  /** Of Python, in conda's terms (`python=3.12`); undefined where the file alone says. */
  python: string | undefined;
  channels: readonly string[];
  /** Absolute. */
  condarc: string | undefined;
  createArgs: readonly string[];
  /** Further variables for the tool. */
  env: Record<string, string>;
  folder: string;
  temp: string;
  signal: AbortSignal;
}

export interface MadePrefix {
  prefix: Prefix;
  how: 'made' | 'reused' | 'replaced';
  /** Whether the file fixes every package by version and hash. */
  locked: boolean;
  /** Of the files that say what is installed. */
  digest: string;
  /** Name and version of the program that made it. */
  by: string;
}

/** Says what an environment was made from; one of the same kind is kept. */
const stampName = '.mlops-environment';

/** Makes a conda environment as its file says, or keeps the one that was made from the same files in the same way. */
export async function makeCondaEnvironment(target: CondaTarget): Promise<MadePrefix> {
  const { prefix } = target;
  const plan = await planFiles(target);
  const digest = await digestOfTextFiles(plan.sources);
  const { selection, python, channels, createArgs } = target;
  const stamp = hashText(JSON.stringify([digest, selection, python, channels, createArgs]));
  const state = await stateOf(prefix, stamp);
  const tool = await target.findTool();
  const path = await fileFor(tool, target, plan);
  const args = createArguments({ ...target, tool }, { path, exact: plan.exact });
  if (state !== 'same') {
    await rm(prefix, { recursive: true, force: true, maxRetries: 3 });
    await runTool(tool.path, args, { ...whereOf(target), loud: true });
  }
  const look = () => lookInto(prefix, activationOf(tool, prefix), { ...target, cwd: target.folder });
  let made = await look();
  if (plan.lock?.requirements && state !== 'same') {
    await installRequirements(target, made, plan.lock.requirements);
    made = await look();
  }
  if (state !== 'same') await writeFile(join(prefix, stampName), stamp);
  const how = ({ same: 'reused', other: 'replaced', none: 'made' } as const)[state];
  return { prefix: made, how, locked: plan.locked, digest, by: `${tool.name} ${tool.version}` };
}

interface Files {
  /** Whether the tool is given a list of packages, not an environment to solve. */
  exact: boolean;
  /** What a lock of conda-lock holds for this platform. */
  lock?: LockedFiles;
  /** All files that say what is installed. */
  sources: string[];
  locked: boolean;
}

async function planFiles({ file, shown, selection }: CondaTarget): Promise<Files> {
  const text = await readText(file);
  const subdir = process.env.CONDA_SUBDIR || condaSubdir(process.platform, process.arch);
  const kind = kindOf(file, text);
  if (kind === 'lock') {
    const lock = await readCondaLock(text, subdir, selection, shown);
    return { exact: true, lock, sources: [file], locked: true };
  }
  refuseSelection(selection, shown);
  if (kind === 'environment')
    return { exact: false, sources: [file, ...(await checkEnvironment(file, shown))], locked: false };
  checkExplicit(text, subdir, shown);
  const hashed = text.split('\n').every((line) => !/^\w+:\/\//.test(line) || line.includes('#'));
  return { exact: true, sources: [file], locked: hashed };
}

/** The file that the tool is given. conda tells formats by the names `explicit.txt` and `environment.yml`. */
async function fileFor(
  tool: CondaTool,
  { file, python, temp }: CondaTarget,
  { exact, lock }: Files,
): Promise<string> {
  if (!exact) return tool.cli === 'conda' ? writeEnvironment(file, python, temp) : file;
  const text = lock ? lock.explicit(knowsSha256(tool) ? 'sha256' : 'md5') : await readText(file);
  return writeJobFile(temp, 'explicit.txt', text);
}

/** Explicit lists may name sha256 from conda 24.9 and mamba 2.1 on; before, md5 only. */
export function knowsSha256({ cli, version }: Pick<CondaTool, 'cli' | 'version'>): boolean {
  return compareVersions(version, cli === 'conda' ? '24.9' : '2.1') >= 0;
}

/**
 * The arguments that make the environment. conda has a command of its own for environment.yml, which takes no further
 * packages: there Python's version stands in the file.
 */
export function createArguments(
  {
    tool,
    prefix,
    python,
    createArgs,
  }: Pick<CondaTarget, 'prefix' | 'python' | 'createArgs'> & { tool: CondaTool },
  { path, exact }: { path: string; exact: boolean },
): string[] {
  if (exact && python)
    throw new UserError("input python-version: an explicit list or lock of conda fixes Python's version", {
      advice: "Leave 'python-version' out, or lock the environment anew with that version.",
    });
  const command = tool.cli === 'conda' && !exact ? ['env', 'create'] : ['create', '--yes'];
  const spec = tool.cli === 'micromamba' && python ? [python] : [];
  return [...command, '--prefix', prefix, '--file', path, ...createArgs, ...spec];
}

function whereOf(target: CondaTarget) {
  const { channels, condarc, env, folder, signal } = target;
  return {
    cwd: folder,
    signal,
    env: {
      CONDA_ALWAYS_YES: 'true',
      MAMBA_NO_BANNER: '1',
      CONDA_NUMBER_CHANNEL_NOTICES: '0',
      ...(channels.length ? { CONDA_CHANNELS: channels.join(',') } : {}),
      ...(condarc ? { CONDARC: condarc, MAMBARC: condarc } : {}),
      ...env,
    },
  };
}

function activationOf(tool: CondaTool, prefix: string) {
  const streams = tool.cli === 'conda' ? ['--no-capture-output'] : [];
  return { before: [tool.path, 'run', '--prefix', prefix, ...streams] };
}

/** What a lock has from the package index, exactly: hashes are checked, and nothing else is resolved. */
async function installRequirements(target: CondaTarget, prefix: Prefix, requirements: string): Promise<void> {
  const file = await writeJobFile(target.temp, 'conda-requirements.txt', requirements);
  const args = ['-m', 'pip', 'install', '--no-deps', '--disable-pip-version-check', '--no-input', '-r', file];
  await runTool(prefix.python.path, args, {
    cwd: dirname(target.file),
    signal: target.signal,
    loud: true,
    env: prefix.environment,
  });
}

/** Whether the folder holds this environment, another one that may be replaced, or nothing. What is neither is kept. */
async function stateOf(prefix: string, stamp: string): Promise<'same' | 'other' | 'none'> {
  if (await isEmpty(prefix)) return 'none';
  const isConda = existsSync(join(prefix, 'conda-meta'));
  if (!isConda && !existsSync(join(prefix, 'pyvenv.cfg')))
    throw new UserError(`input venv: '${prefix}' exists and is no environment`, {
      advice: 'Name another folder, or remove this one before.',
    });
  const known = isConda ? await readFile(join(prefix, stampName), 'utf8').catch(() => '') : '';
  return known === stamp ? 'same' : 'other';
}

function refuseSelection({ extras, groups, excludeGroups }: Selection, file: string): void {
  for (const [input, [name]] of Object.entries({ extras, groups, 'exclude-groups': excludeGroups }))
    if (name)
      throw new UserError(`input ${input}: '${name}' has no meaning for ${basename(file)}`, {
        advice: 'Categories belong to conda-lock.yml.',
      });
}

/** The version of Python that an input asks for as a package of conda. */
export function condaPython(request: string): string {
  if (/^\d+(\.\d+){0,2}$/.test(request)) return `python=${request}`;
  if (/^\s*([<>=!~]=?=?)\s*\d/.test(request)) return `python${request.replace(/\s/g, '')}`;
  throw new UserError(`input python-version: '${request}' has no meaning for a conda environment`, {
    advice: "Write it as '3.12' or '>=3.10,<3.13', or name the variant in the environment's file.",
  });
}
