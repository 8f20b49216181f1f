import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debug, messageOf } from '@mlops/core';
import { command } from '@mlops/core/process';

export interface PythonLibraries {
  /** Full version of the interpreter. */
  python: string;
  /** Installed version by normalised name. */
  versions: ReadonlyMap<string, string>;
}

export interface Where {
  /** The working directory; a `.venv` in it counts where no environment is active. */
  folder: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  platform?: NodeJS.Platform;
}

/**
 * The libraries that `python` finds when the training runs: those of the active environment, read from the folders
 * that installers leave. Python itself is asked only outside of an environment, and in one that sees the system's
 * libraries. Undefined where there is no Python.
 */
export async function pythonLibraries(where: Where): Promise<PythonLibraries | undefined> {
  const { folder, env, platform = process.platform } = where;
  const prefixes = [env.VIRTUAL_ENV, env.CONDA_PREFIX, join(folder, '.venv')];
  for (const prefix of prefixes) {
    const found = prefix ? await environmentAt(prefix, platform) : undefined;
    if (found === 'ask') return askPython(interpreterOf(prefix ?? '', platform), where);
    if (found) return { python: found.python, versions: await versionsIn(found.folders, found.conda) };
  }
  return (await askPython('python', where)) ?? (await askPython('python3', where));
}

interface Environment {
  python: string;
  folders: string[];
  /** Names and versions of what conda itself has installed. */
  conda: ReadonlyMap<string, string>;
}

async function environmentAt(
  prefix: string,
  platform: NodeJS.Platform,
): Promise<Environment | 'ask' | undefined> {
  const config = await readFile(join(prefix, 'pyvenv.cfg'), 'utf8').catch(() => undefined);
  const conda = condaPackages(await namesIn(join(prefix, 'conda-meta')));
  const python = config === undefined ? conda.get('python') : versionOf(config);
  if (python === undefined) return config === undefined ? undefined : 'ask';
  if (/^include-system-site-packages\s*=\s*true/im.test(config ?? '')) return 'ask';
  return { python, folders: await sitePackages(prefix, platform), conda };
}

/** `version_info` is uv's and virtualenv's, `version` that of Python's own venv. */
function versionOf(config: string): string | undefined {
  return /^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)/m.exec(config)?.[1];
}

async function sitePackages(prefix: string, platform: NodeJS.Platform): Promise<string[]> {
  if (platform === 'win32') return [join(prefix, 'Lib', 'site-packages')];
  const versions = (await namesIn(join(prefix, 'lib'))).filter((name) => /^python3\.\d+t?$/.test(name));
  return versions.map((name) => join(prefix, 'lib', name, 'site-packages'));
}

function interpreterOf(prefix: string, platform: NodeJS.Platform): string {
  return platform === 'win32' ? join(prefix, 'Scripts', 'python.exe') : join(prefix, 'bin', 'python');
}

const question =
  'import json, platform, sys; print(json.dumps([platform.python_version(), [p for p in sys.path if p]]))';
const answerMs = 20_000;

async function askPython(
  program: string,
  { folder, env, signal }: Where,
): Promise<PythonLibraries | undefined> {
  try {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    const { stdout } = await command(program, ['-c', question], { cwd: folder, env, signal: deadline });
    const [python, folders] = JSON.parse(stdout) as [string, string[]];
    return { python, versions: await versionsIn(folders, new Map()) };
  } catch (error) {
    signal.throwIfAborted();
    debug(`${program} does not tell its libraries: ${messageOf(error)}`);
    return undefined;
  }
}

/** As Python imports: what is found first counts. */
async function versionsIn(
  folders: readonly string[],
  conda: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  for (const folder of folders)
    for (const name of await namesIn(folder)) {
      const found = distributionOf(name);
      if (found && !versions.has(found.name)) versions.set(found.name, found.version);
    }
  for (const [name, version] of conda) if (!versions.has(name)) versions.set(name, version);
  return versions;
}

/**
 * Name and version from `torch-2.4.0+cu121.dist-info` (PyPA's specification of recorded projects) or from setuptools'
 * and Debian's `numpy-1.24.2-py3.11.egg-info`.
 */
export function distributionOf(entry: string): { name: string; version: string } | undefined {
  const [, name, version] =
    /^(.+)-([^-]+)\.dist-info$/.exec(entry) ?? /^(.+?)-(\d[^-]*)(?:-py\d.*)?\.egg-info$/.exec(entry) ?? [];
  return name === undefined || version === undefined ? undefined : { name: normalised(name), version };
}

/** From `numpy-1.26.4-py312h1234567_0.json`: name, version, build. */
function condaPackages(files: readonly string[]): Map<string, string> {
  const found = files.map((file) => /^(.+)-([^-]+)-[^-]+\.json$/.exec(file) ?? []);
  return new Map(
    found.flatMap(([, name, version]) => (name && version ? [[normalised(name), version]] : [])),
  );
}

/** Names that differ only in case and in `-`, `_` and `.` are the same. */
function normalised(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}
