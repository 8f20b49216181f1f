import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path/posix';
import { UserError } from '@mlops/core';
import { namesInConda, namesInPipfileLock, namesInRequirements, namesInToml } from './names-in.ts';

/** Whose file an image's packages are installed from; those with locks are preferred, in this order. */
export const managers = ['uv', 'pylock', 'poetry', 'pipenv', 'pixi', 'conda', 'pip', 'pyproject'] as const;
export type Manager = (typeof managers)[number];

/** What an image's packages are installed from. */
export interface Dependencies {
  manager: Manager;
  /** The lock or manifest, relative to the project's root. */
  file: string;
  /** What the installation reads beside it: pyproject.toml, included requirements. */
  beside: string[];
  /** Whether every version is fixed. */
  locked: boolean;
  /** Whether every file is checked against a hash that the lock holds. */
  hashed: boolean;
  /** Whether a Pipfile.lock names the public index, for which any machine's mirror stands in, as the first. */
  publicIndex?: boolean;
  /** Normalised names of the packages. */
  names: ReadonlySet<string>;
}

/**
 * Finds what a project's packages are installed from. A lock is preferred to what names loose versions.
 *
 * @throws UserError where there is nothing, or only what cannot be installed from into an image.
 */
export async function findDependencies(root: string): Promise<Dependencies> {
  const names = await filesIn(root);
  for (const [manager, pattern] of known) {
    // `pylock.toml` itself comes before `pylock.<name>.toml`.
    const file = names.filter((name) => pattern.test(name)).sort((a, b) => a.length - b.length)[0];
    if (!file) continue;
    const text = await readFile(join(root, file), 'utf8');
    if (file === 'pyproject.toml' && names.includes('pdm.lock')) throw pdmLock();
    if (file === 'pyproject.toml' && names.includes('Pipfile')) throw unlockedPipfile();
    return read(root, manager, file, text, names);
  }
  throw nothingFound(names);
}

const known: [Manager, RegExp][] = [
  ['uv', /^uv\.lock$/],
  ['pylock', /^pylock(\.[^.]+)?\.toml$/],
  ['poetry', /^poetry\.lock$/],
  ['pipenv', /^Pipfile\.lock$/],
  ['pixi', /^pixi\.lock$/],
  ['conda', /^([^.]+\.)?conda-lock\.ya?ml$|^conda-linux-64\.lock$/],
  ['pip', /^requirements\.txt$/],
  ['conda', /^(environment|conda)\.ya?ml$/],
  ['pyproject', /^pyproject\.toml$/],
];

async function read(
  root: string,
  manager: Manager,
  file: string,
  text: string,
  names: readonly string[],
): Promise<Dependencies> {
  const manifest = names.includes('pyproject.toml') ? ['pyproject.toml'] : [];
  const locked = { manager, file, locked: true, hashed: true };
  switch (manager) {
    case 'uv':
    case 'poetry':
      return { ...locked, beside: manifest, names: new Set(namesInToml(text, file)) };
    case 'pylock':
      return { ...locked, beside: [], names: new Set(namesInToml(text, file)) };
    case 'pipenv': {
      const packages = new Set(namesInPipfileLock(text, file));
      return { ...locked, beside: ['Pipfile'], publicIndex: firstSource(text) === 'pypi', names: packages };
    }
    case 'pixi':
      return {
        ...locked,
        beside: names.includes('pixi.toml') ? ['pixi.toml'] : manifest,
        names: new Set(),
      };
    case 'conda': {
      const isLock = /lock/.test(file);
      return {
        ...locked,
        locked: isLock,
        hashed: isLock,
        beside: [],
        names: new Set(namesInConda(text, file)),
      };
    }
    case 'pip':
      return requirements(root, file);
    case 'pyproject':
      return { ...locked, locked: false, hashed: false, beside: [], names: new Set(namesInToml(text, file)) };
  }
}

function firstSource(pipfileLock: string): string | undefined {
  const { _meta } = JSON.parse(pipfileLock) as { _meta?: { sources?: { name?: string }[] } };
  return _meta?.sources?.[0]?.name;
}

/** A requirements file with those that it includes. */
async function requirements(root: string, first: string): Promise<Dependencies> {
  const files: string[] = [];
  const wanted: string[] = [];
  const visit = async (file: string, from?: { file: string; line: number }): Promise<void> => {
    if (files.includes(file)) return;
    files.push(file);
    const text = await readFile(join(root, file), 'utf8').catch(() => {
      throw new UserError(`'${file}' is included and does not exist`, from);
    });
    for (const { line, text: entry } of logicalLines(text)) {
      const [, included] = /^(?:-r|--requirement|-c|--constraint)[=\s]*(.+)$/.exec(entry) ?? [];
      if (included && !/^\w+:\/\//.test(included))
        await visit(normalize(join(dirname(file), included.trim())), { file, line });
      else if (/^(-e|--editable)\b|^\.{0,2}\/|^\.($|\[)|^file:/.test(entry))
        throw localPath(entry, file, line);
      else if (!entry.startsWith('-')) wanted.push(entry);
    }
  };
  await visit(first);
  return {
    manager: 'pip',
    file: first,
    beside: files.slice(1),
    locked: wanted.every((entry) => /===?\s*[\w.!+]+|\s@\s|--hash/.test(entry.split(';')[0] ?? '')),
    hashed: wanted.length > 0 && wanted.every((entry) => /\s--hash[=\s]/.test(entry)),
    names: new Set(wanted.flatMap(namesInRequirements)),
  };
}

/** Lines with continuations joined and comments taken off, each with the number of its first line. */
function logicalLines(text: string): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const part = raw.replace(/(^|\s)#.*$/, '').trimEnd();
    open = { line: open?.line ?? index + 1, text: `${open?.text ?? ''} ${part.replace(/\\$/, '')}`.trim() };
    if (part.endsWith('\\')) continue;
    if (open.text) found.push(open);
    open = undefined;
  }
  if (open?.text) found.push(open);
  return found;
}

/** Names of files, also of links to files. */
async function filesIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
}

function localPath(entry: string, file: string, line: number): UserError {
  return new UserError(
    `'${entry}' installs from a folder, which is not there yet when an image's packages are installed`,
    {
      file,
      line,
      advice:
        'Take the line out: a project whose pyproject.toml has a [build-system] is installed into the image by itself. For another package, build a wheel and publish it to your index, or bring a Dockerfile of your own.',
    },
  );
}

function pdmLock(): UserError {
  return new UserError("pdm.lock is PDM's own format, which only PDM installs from", {
    file: 'pdm.lock',
    line: 1,
    advice: "Export it with 'pdm export -f pylock -o pylock.toml' and commit pylock.toml.",
  });
}

function unlockedPipfile(): UserError {
  return new UserError('Pipfile has no Pipfile.lock beside it', {
    file: 'Pipfile',
    line: 1,
    advice: "Run 'pipenv lock' and commit Pipfile.lock.",
  });
}

function nothingFound(names: readonly string[]): UserError {
  const setup = names.find((name) => name === 'setup.py' || name === 'setup.cfg');
  return new UserError('found nothing to install into the image from', {
    advice: `Looked for uv.lock, pylock.toml, poetry.lock, Pipfile.lock, pixi.lock, conda-lock.yml, requirements.txt, environment.yml and pyproject.toml.${
      setup ? ` ${setup} alone names no versions.` : ''
    } Add one of them, or bring a Dockerfile of your own.`,
  });
}
