import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { condaSubdir } from './conda/subdir.ts';

/** Whose file the dependencies are read from; locks are preferred in this order. */
export const managers = [
  'uv',
  'pylock',
  'poetry',
  'pipenv',
  'pixi',
  'conda',
  'python-env',
  'pip',
  'pyproject',
] as const;
export type Manager = (typeof managers)[number];

/** Locks by their names. Of the explicit lists that conda-lock writes, the one for this platform counts. */
const locks: [Manager, (name: string) => boolean][] = [
  ['uv', (name) => name === 'uv.lock'],
  ['pylock', (name) => /^pylock(\.[^.]+)?\.toml$/.test(name)],
  ['poetry', (name) => name === 'poetry.lock'],
  ['pipenv', (name) => name === 'Pipfile.lock'],
  ['pixi', (name) => name === 'pixi.lock'],
  ['conda', (name) => /^([^.]+\.)?conda-lock\.ya?ml$/.test(name)],
  ['conda', (name) => name === `conda-${condaSubdir(process.platform, process.arch)}.lock`],
];

/** The manager that a lock belongs to by its name; undefined for what is no lock. */
export function managerOfLock(name: string): Manager | undefined {
  return locks.find(([, matches]) => matches(name))?.[0];
}

/** Files that name environments without fixing every version, in the order in which they are preferred. */
export const looseNames: [Manager, RegExp][] = [
  ['pixi', /^pixi\.toml$/],
  ['python-env', /^python_env\.ya?ml$/],
  ['conda', /^(environment|conda)\.ya?ml$/],
];

/** The manager that a file which a user named belongs to, by its name or else by what it holds. */
export async function managerOfNamed(path: string): Promise<Manager | undefined> {
  const name = basename(path);
  const lock = managerOfLock(name);
  if (lock) return lock;
  if (name === 'pixi.toml') return 'pixi';
  if (/^python_env\.ya?ml$/.test(name)) return 'python-env';
  const text = await readFile(path, 'utf8').catch(() => '');
  if (name === 'pyproject.toml') return declaresPixi(text) ? 'pixi' : 'pyproject';
  if (/^@EXPLICIT\s*$/m.test(text)) return 'conda';
  if (/\.ya?ml$/.test(name)) return /^(python|build_dependencies)\s*:/m.test(text) ? 'python-env' : 'conda';
  return /\.(txt|in)$/.test(name) ? 'pip' : undefined;
}

/** Whether a pyproject.toml is a manifest of pixi. */
export function declaresPixi(pyproject: string): boolean {
  return /^\s*\[tool\.pixi\.(workspace|project)\]/m.test(pyproject);
}
