import { existsSync, statSync } from 'node:fs';
import { glob, readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { UserError } from '@mlops/core';
import ignore from 'ignore';
import { neverNeeded } from './ignore-file.ts';
import { checkedPath } from './instruction.ts';

/** A file or folder of the project that goes into the image. */
export interface Content {
  /** Relative to the project, with slashes. */
  path: string;
  isFolder: boolean;
}

/**
 * The code and configuration that go into the image: what is named, or else what lies in the project's root, is in its
 * repository and serves. The model is never among them: it has a layer of its own.
 *
 * @throws UserError for a path that is named and not there, and where nothing is left.
 */
export async function findContents(
  root: string,
  include: readonly string[] | undefined,
  model: string | undefined,
  userRules: string,
): Promise<{ contents: Content[]; leftOut: string[] }> {
  const { paths, leftOut } = include?.length
    ? { paths: await named(root, include), leftOut: [] }
    : await served(root, model, userRules);
  const contents = (await Promise.all(paths.map((path) => beside(root, path, model)))).flat();
  if (contents.length) return { contents: inOrder(contents), leftOut };
  throw new UserError('there is no code to put into the image', {
    advice: "Name the service's files and folders with 'include'.",
  });
}

/** The folder or file at a path that is to be in the image. */
export function contentAt(root: string, path: string): Content | undefined {
  const found = statSync(join(root, path), { throwIfNoEntry: false });
  return found && { path, isFolder: found.isDirectory() };
}

async function named(root: string, include: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const each of include) {
    const path = checkedPath(each, 'include');
    if (existsSync(join(root, path))) {
      found.push(path);
      continue;
    }
    const matches: string[] = [];
    if (/[*?[{]/.test(path)) for await (const match of glob(path, { cwd: root })) matches.push(match);
    if (!matches.length)
      throw new UserError(`include: there is no '${each}' in the project`, {
        advice: 'Paths and globs are relative to the root of the project.',
      });
    found.push(...matches.sort().map((match) => checkedPath(match.replaceAll('\\', '/'), 'include')));
  }
  return withoutNested(found);
}

/** Of folders that are named, what lies in them is no longer needed. */
function withoutNested(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  return unique.filter((path) => !unique.some((other) => path.startsWith(`${other}/`)));
}

/** What people and CI work with, and services do not. */
const notServed =
  /^(\..*|tests?|docs?|notebooks?|data|datasets?|storage|plots|outputs?|checkpoints|runs|.*\.ipynb|.*\.md|.*\.rst|LICENSE.*|NOTICE.*|Dockerfile.*|.*\.dockerignore|(docker-)?compose.*\.ya?ml|Makefile|justfile|tox\.ini|noxfile\.py|conftest\.py|dvc\.(yaml|lock)|.*\.dvc|mlops\.ya?ml|(.*[-_.])?requirements.*\.(txt|in)|requirements|uv\.lock|poetry\.lock|pdm\.lock|Pipfile(\.lock)?|pylock\..*toml|pixi\.(toml|lock)|.*conda-lock\.ya?ml|environment\.ya?ml|metrics\.json|pyproject\.toml|setup\.(py|cfg)|MANIFEST\.in)$/i;

async function served(
  root: string,
  model: string | undefined,
  userRules: string,
): Promise<{ paths: string[]; leftOut: string[] }> {
  const byGit = ignore().add(await readFile(join(root, '.gitignore'), 'utf8').catch(() => ''));
  const byDocker = dockerignore().add(userRules).add(neverNeeded.join('\n'));
  const entries = await readdir(root, { withFileTypes: true });
  const remotes = await remoteFolders(root);
  const paths: string[] = [];
  const leftOut: string[] = [];
  for (const entry of entries) {
    const { name } = entry;
    const asGit = entry.isDirectory() ? `${name}/` : name;
    // The model is in no repository, and what lies beside it may well be code.
    const holdsModel = model === name || model?.startsWith(`${name}/`);
    if (holdsModel && model === name) continue;
    if (!holdsModel && (byGit.ignores(asGit) || byDocker.ignores(name))) continue;
    const isLeftOut = notServed.test(name) || remotes.includes(name);
    if (isLeftOut && entry.isDirectory()) leftOut.push(name);
    if (isLeftOut) continue;
    if (!entry.isDirectory() || holdsModel || (await hasFiles(join(root, name))))
      paths.push(checkedPath(name, 'the project'));
  }
  return { paths, leftOut: leftOut.filter((name) => !name.startsWith('.')).sort() };
}

/** Folders of the project that DVC keeps its remotes in (https://dvc.org/doc/user-guide/project-structure/configuration). */
async function remoteFolders(root: string): Promise<string[]> {
  const text = await readFile(join(root, '.dvc', 'config'), 'utf8').catch(() => '');
  return [...text.matchAll(/^\s*url\s*=\s*(\S+)\s*$/gm)].map(([, url = '']) => posix.join('.dvc', url));
}

async function hasFiles(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isDirectory()) return true;
    if (entry.name !== '__pycache__' && (await hasFiles(join(folder, entry.name)))) return true;
  }
  return false;
}

/** A path with what lies in it, without the model where that lies in it, too. */
async function beside(root: string, path: string, model: string | undefined): Promise<Content[]> {
  if (path === model || (model && path.startsWith(`${model}/`))) return [];
  const content = contentAt(root, path);
  if (!content) return [];
  if (!model?.startsWith(`${path}/`)) return [content];
  const names = await readdir(join(root, path));
  return (await Promise.all(names.map((name) => beside(root, `${path}/${name}`, model)))).flat();
}

/** Files before folders, each by name: the same project gives the same Dockerfile on every machine. */
function inOrder(contents: readonly Content[]): Content[] {
  return contents.toSorted(
    (a, b) => Number(a.isFolder) - Number(b.isFolder) || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0),
  );
}
