import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { throwAll, UserError } from '@mlops/core';
import { parse } from 'yaml';
import { buildActions } from './build-actions.ts';
import { requireClean } from './git.ts';
import { type ReleaseSet, readReleaseSet } from './release-set.ts';
import { type Refs, renderWorkflow } from './render.ts';

export interface ReleaseTreeOptions {
  /** The checkout, with its dependencies installed. */
  root: string;
  /** Folder to write to: new, empty, or an earlier release tree, which is replaced. */
  out: string;
  /** How rendered workflows name their siblings. Default 'set'. */
  refs?: Refs;
  /** Version whose tag the workflows name. Default: the set's own. */
  version?: string;
  /**
   * 'working-tree' takes what git knows with uncommitted changes and bundles from the cache; 'head' refuses changes and
   * bundles anew. Default 'working-tree'.
   */
  source?: 'working-tree' | 'head';
}

export interface ReleaseTree extends Pick<ReleaseSet, 'slug' | 'actions'> {
  folder: string;
  version: string;
  /** Files of the tree, relative to it, with forward slashes, sorted. */
  files: string[];
}

/**
 * What a tag holds. A runner downloads all of it for every job that uses one of the actions: so it is the actions as
 * they run and the workflows as they are called, with their documentation and licence, and none of the sources.
 */
const kept = [
  /^(LICENSE|NOTICE|README\.md|SECURITY\.md)$/,
  /^actions\/[^/]+\/(action\.yml|README\.md|CHANGELOG\.md)$/,
];

/** Writes the tree that a release's tags point at. */
export async function buildReleaseTree(options: ReleaseTreeOptions): Promise<ReleaseTree> {
  const { root, refs = 'set', source = 'working-tree' } = options;
  const out = resolve(options.out);
  if (source === 'head') await requireClean(root);
  const set = await readReleaseSet(root);
  const version = options.version ?? set.version;
  const workflows = await renderWorkflows(root, { ...set, version }, refs);
  await buildActions(root, { fresh: source === 'head' });

  await mkdir(dirname(out), { recursive: true });
  const folder = await mkdtemp(join(dirname(out), `.${basename(out)}-`));
  try {
    for (const path of set.files.filter((file) => kept.some((pattern) => pattern.test(file))))
      await copy(join(root, path), join(folder, path));
    for (const { name } of set.actions) {
      await cp(join(root, 'actions', name, 'dist'), join(folder, 'actions', name, 'dist'), {
        recursive: true,
      });
      await requireEntryPoints(folder, name);
    }
    await mkdir(join(folder, '.github', 'workflows'), { recursive: true });
    for (const [name, text] of workflows) await writeFile(join(folder, '.github', 'workflows', name), text);
    await replace(out, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { folder: out, slug: set.slug, version, actions: set.actions, files: await filesBelow(out) };
}

/** Every reusable workflow, rendered, by file name; all that is wrong in any of them is reported together. */
export async function renderWorkflows(
  root: string,
  { slug, version, workflows, files }: ReleaseSet,
  refs: Refs,
): Promise<Map<string, string>> {
  const exists = (path: string) => files.includes(path) || files.includes(`${path}/action.yml`);
  const problems: UserError[] = [];
  const rendered = new Map<string, string>();
  for (const name of workflows) {
    const file = `workflows/${name}`;
    const text = await readFile(join(root, file), 'utf8');
    const result = renderWorkflow(text, { file, refs, slug, version, exists });
    problems.push(...result.problems);
    rendered.set(name, result.text);
  }
  throwAll(problems);
  return rendered;
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}

/** What action.yml has the runner start must be there. */
async function requireEntryPoints(folder: string, name: string): Promise<void> {
  const file = `actions/${name}/action.yml`;
  const { runs } = parse(await readFile(join(folder, file), 'utf8')) as { runs?: Record<string, string> };
  const files = await filesBelow(join(folder, 'actions', name));
  const missing = ['main', 'pre', 'post'].flatMap((key) => {
    const path = runs?.[key];
    return path && !files.includes(path.replace(/^\.\//, ''))
      ? [new UserError(`runs.${key} '${path}' is not built`, { file })]
      : [];
  });
  throwAll(missing);
}

/** Puts the finished tree in its place; a folder that holds anything else is left alone. */
async function replace(out: string, folder: string): Promise<void> {
  const before = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new UserError(`'${out}' cannot be written: ${error.message}`, { cause: error });
  });
  const ours = await readdir(folder);
  const foreign = before.filter((name) => !ours.includes(name));
  if (foreign.length)
    throw new UserError(`'${out}' is no release tree: it holds '${foreign[0]}'`, {
      advice: 'Name a folder that is new or empty.',
    });
  await rm(out, { recursive: true, force: true });
  await rename(folder, out);
}

/** Files below a folder, relative to it, with forward slashes, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}
