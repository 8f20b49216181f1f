import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import { digestOfTextFiles } from '../digest.ts';
import { lookInto, type Prefix } from '../prefix.ts';
import { runTool } from '../run-tool.ts';
import type { Selection } from '../selection.ts';
import { checkEnvironment, checkExplicit, kindOf } from './environment-file.ts';
import { readCondaLock } from './lock.ts';
import { condaSubdir } from './subdir.ts';
import type { CondaTool } from './tool.ts';

/** Everything that making a conda environment needs to know. */
export interface CondaTarget {
  tool: CondaTool;
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
}

/** Says what an environment was made from; one of the same kind is kept. */
const stampName = '.mlops-environment';

/** Makes a conda environment as its file says, or keeps the one that was made from the same files in the same way. */
export async function makeCondaEnvironment(target: CondaTarget): Promise<MadePrefix> {
  const { tool, prefix } = target;
  const plan = await planFiles(target);
  const digest = await digestOfTextFiles(plan.sources);
  const args = createArguments(target, plan.explicit);
  const { selection, python, channels, createArgs } = target;
  const stamp = hashText(JSON.stringify([digest, selection, python, channels, createArgs]));
  const state = await stateOf(prefix, stamp);
  if (state !== 'same') {
    await rm(prefix, { recursive: true, force: true, maxRetries: 3 });
    await runTool(tool.path, args, { ...whereOf(target), loud: true });
  }
  const look = () => lookInto(prefix, activationOf(tool, prefix), { ...target, cwd: target.folder });
  let made = await look();
  if (plan.requirements && state !== 'same') {
    await installRequirements(target, made, plan.requirements);
    made = await look();
  }
  if (state !== 'same') await writeFile(join(prefix, stampName), stamp);
  const how = ({ same: 'reused', other: 'replaced', none: 'made' } as const)[state];
  return { prefix: made, how, locked: plan.locked, digest };
}

interface Files {
  /** The file that the tool is given. */
  explicit: { path: string; exact: boolean };
  requirements: string | undefined;
  sources: string[];
  locked: boolean;
}

async function planFiles({ tool, file, shown, selection, temp }: CondaTarget): Promise<Files> {
  const text = await readFile(file, 'utf8');
  const subdir = process.env.CONDA_SUBDIR || condaSubdir(process.platform, process.arch);
  const kind = kindOf(file, text);
  if (kind !== 'lock') refuseSelection(selection, shown);
  if (kind === 'environment') {
    const sources = [file, ...(await checkEnvironment(file, shown))];
    return { explicit: { path: file, exact: false }, requirements: undefined, sources, locked: false };
  }
  if (kind === 'explicit') {
    checkExplicit(text, subdir, shown);
    const hashed = text.split('\n').every((line) => !/^\w+:\/\//.test(line) || line.includes('#'));
    return {
      explicit: { path: file, exact: true },
      requirements: undefined,
      sources: [file],
      locked: hashed,
    };
  }
  const lock = await readCondaLock(text, subdir, selection, knowsSha256(tool) ? 'sha256' : 'md5', shown);
  const folder = join(temp, 'mlops');
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'conda-explicit.txt');
  await writeFile(path, lock.explicit);
  const requirements = lock.requirements && join(folder, 'conda-requirements.txt');
  if (requirements) await writeFile(requirements, lock.requirements ?? '');
  return { explicit: { path, exact: true }, requirements, sources: [file], locked: true };
}

/** Explicit lists may name sha256 from conda 24.9 and mamba 2.1 on; before, md5 only. */
export function knowsSha256({ cli, version }: Pick<CondaTool, 'cli' | 'version'>): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [fromMajor, fromMinor] = cli === 'conda' ? [24, 9] : [2, 1];
  return major > fromMajor || (major === fromMajor && minor >= fromMinor);
}

/**
 * The arguments that make the environment. conda has a command of its own for environment.yml, which takes no further
 * packages: there Python's version is pinned by a variable.
 */
export function createArguments(
  { tool, prefix, python, createArgs }: Pick<CondaTarget, 'tool' | 'prefix' | 'python' | 'createArgs'>,
  { path, exact }: Files['explicit'],
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
  const { tool, python, channels, condarc, env, folder, signal } = target;
  return {
    cwd: folder,
    signal,
    env: {
      CONDA_ALWAYS_YES: 'true',
      MAMBA_NO_BANNER: '1',
      ...(channels.length ? { CONDA_CHANNELS: channels.join(',') } : {}),
      ...(condarc ? { CONDARC: condarc, MAMBARC: condarc } : {}),
      // conda separates the packages of this variable by &.
      ...(tool.cli === 'conda' && python ? { CONDA_PINNED_PACKAGES: python } : {}),
      ...env,
    },
  };
}

function activationOf(tool: CondaTool, prefix: string) {
  const streams = tool.cli === 'conda' ? ['--no-capture-output'] : [];
  return { before: [tool.path, 'run', '--prefix', prefix, ...streams] };
}

/** What a lock has from the package index, exactly: hashes are checked, and nothing else is resolved. */
async function installRequirements(target: CondaTarget, prefix: Prefix, file: string): Promise<void> {
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
  if (!existsSync(prefix) || (await readdir(prefix)).length === 0) return 'none';
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
