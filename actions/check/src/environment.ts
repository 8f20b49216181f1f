import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { command, stepEnvironment } from '@mlops/core/process';
import type { Tool } from './configuration.ts';

export interface InstalledTool {
  version: string;
  program: string;
}

/** The Python environment that is active in the job, and which tools are installed in it. */
export interface Environment {
  /** Absolute path of the interpreter. */
  python: string;
  version: string;
  /** The environment's folder. */
  prefix: string;
  tools: Readonly<Record<Tool, InstalledTool | null>>;
}

const probe = `
import importlib.metadata, json, os, platform, shutil, sys, sysconfig
path = os.pathsep.join([sysconfig.get_path('scripts'), os.environ.get('PATH', '')])
def installed(name):
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    program = shutil.which(name, path=path)
    return program and {'version': version, 'program': program}
tools = {name: installed(name) for name in ('ruff', 'mypy', 'pyright', 'basedpyright', 'pytest')}
print(json.dumps({'python': sys.executable, 'version': platform.python_version(), 'prefix': sys.prefix, 'tools': tools}))
`;

/** Asks the active interpreter about itself, from a folder where no file of the project can stand in for a module. */
export async function activeEnvironment(neutralFolder: string, signal: AbortSignal): Promise<Environment> {
  const venv = process.env.VIRTUAL_ENV;
  const candidates = venv ? [interpreterOf(venv)] : ['python', 'python3'];
  for (const python of candidates) {
    const result = await command(python, ['-c', probe], {
      cwd: neutralFolder,
      env: stepEnvironment(process.env),
      signal,
      tolerate: true,
    }).catch((error) => {
      signal.throwIfAborted();
      if (error instanceof UserError) return undefined;
      throw error;
    });
    if (result?.exitCode === 0) return JSON.parse(result.stdout.split('\n').at(-1) ?? '');
  }
  throw new UserError(
    venv
      ? `VIRTUAL_ENV names '${venv}', and there is no Python in it that runs`
      : 'there is no Python in this job: VIRTUAL_ENV is not set, and PATH holds none that runs',
    { advice: 'Run setup-python-cuda in an earlier step of this job.' },
  );
}

function interpreterOf(venv: string): string {
  return process.platform === 'win32' ? join(venv, 'Scripts', 'python.exe') : join(venv, 'bin', 'python');
}
