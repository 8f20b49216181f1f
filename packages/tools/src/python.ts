import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import { type PythonSource, tools } from './catalog.ts';
import { installed } from './store.ts';

const windows = process.platform === 'win32';
const scripts = windows ? 'Scripts' : 'bin';
const executable = (name: string) => join(scripts, windows ? `${name}.exe` : name);

/**
 * A program of a virtual environment that is created for the tool's group with pip, which checks every wheel against
 * its committed hash.
 */
export async function installedPythonProgram(
  name: string,
  source: PythonSource,
  root: string,
  env: NodeJS.ProcessEnv,
  program = source.program ?? name,
): Promise<string> {
  const requirements = fileURLToPath(new URL(`../requirements/${source.group}.txt`, import.meta.url));
  const python = await findPython(name, source, env);
  const key = createHash('sha256')
    .update(await readFile(requirements))
    .update(python.identity)
    .digest('hex');
  const folder = await installed(
    root,
    `${source.group}-${key.slice(0, 16)}`,
    ['python', ...programsOf(source.group)].map(executable),
    async (target) => {
      await createEnvironment(python, target, env);
      await pipInstall(name, target, requirements, env);
    },
  );
  return join(folder, executable(program));
}

function programsOf(group: string): string[] {
  return Object.entries(tools)
    .filter(([, source]) => 'group' in source && source.group === group)
    .map(([name, source]) => ('program' in source ? source.program : name));
}

interface Python {
  program: string;
  args: string[];
  version: [number, number];
  /** What an environment made by it depends on: interpreter, version, platform. */
  identity: string;
  hasVenv: boolean;
}

const probe = `import sys, sysconfig, importlib.util as u
print(*sys.version_info[:2], sys.implementation.cache_tag, sysconfig.get_platform(), sys.base_prefix.replace(' ', '_'),
      all(map(u.find_spec, ('venv', 'ensurepip'))))`;

async function findPython(
  tool: string,
  { python: oldest }: PythonSource,
  env: NodeJS.ProcessEnv,
): Promise<Python> {
  const found: Python[] = [];
  for (const [program, ...args] of candidates()) {
    const python = await inspect(program, args, env);
    if (!python) continue;
    if (isAtLeast(python.version, oldest) && python.hasVenv) return python;
    found.push(python);
  }
  throw unusablePython(tool, oldest, found);
}

function candidates(): [string, ...string[]][] {
  if (windows) return [['py', '-3'], ['python'], ['python3']];
  const versioned = [14, 13, 12, 11, 10].map((minor): [string] => [`python3.${minor}`]);
  return [['python3'], ['python'], ...versioned];
}

async function inspect(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<Python | undefined> {
  try {
    const { stdout } = await command(program, [...args, '-c', probe], { env });
    const [major, minor, tag, platform, prefix, hasVenv] = stdout.trim().split(/\s+/);
    const version: [number, number] = [Number(major), Number(minor)];
    const identity = [major, minor, tag, platform, prefix].join('\0');
    return { program, args, version, identity, hasVenv: hasVenv === 'True' };
  } catch {
    return undefined; // Not there, or a stand-in such as the one that opens the Windows store.
  }
}

function isAtLeast([major, minor]: [number, number], oldest: string): boolean {
  const [wantedMajor = 0, wantedMinor = 0] = oldest.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function unusablePython(tool: string, oldest: string, found: Python[]): UserError {
  const describe = ({ program, version }: Python) => `${program} is ${version.join('.')}`;
  const complete = found.filter(({ version }) => isAtLeast(version, oldest));
  if (complete.length) {
    return new UserError(
      `${tool} cannot be installed: ${complete.map(describe).join(', ')}, but without the modules venv and ensurepip`,
      { advice: 'Install them (on Debian and Ubuntu: the package python3-venv) and run this again.' },
    );
  }
  const state = found.length ? `only ${found.map(describe).join(', ')}` : 'there is no Python on PATH';
  return new UserError(`${tool} needs Python ${oldest} or newer to be installed: ${state}`, {
    advice: `Install Python ${oldest} or newer, or put it on PATH, and run this again.`,
  });
}

async function createEnvironment(python: Python, target: string, env: NodeJS.ProcessEnv): Promise<void> {
  await command(python.program, [...python.args, '-m', 'venv', '--clear', target], { env });
}

async function pipInstall(
  tool: string,
  target: string,
  requirements: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  try {
    await command(join(target, executable('python')), [...pip, '--require-hashes', '-r', requirements], {
      env,
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new UserError(`pip could not install ${tool}:\n${error.result.stderrTail.slice(-8).join('\n')}`, {
      cause: error,
      advice: 'Check the network, or the mirror and proxy that pip is configured with, and run this again.',
    });
  }
}
