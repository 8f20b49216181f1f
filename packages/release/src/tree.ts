import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { throwAll, UserError } from '@mlops/core';
import { parse } from 'yaml';
import { buildActions } from './build-actions.ts';
import { requireClean } from './git.ts';
import { type ReleaseSet, readReleaseSet } from './release-set.ts';
import type { Refs } from './render.ts';
import { renderedWorkflows, writeWorkflows } from './workflows.ts';

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
 * they run and the workflows as they are called, with their documentation and licence, and the schema that editors
 * complete mlops.yaml by; none of the sources.
 */
const texts = ['LICENSE', 'NOTICE', 'README.md', 'SECURITY.md', 'mlops.schema.json', 'verdict.schema.json'];
const kept = (path: string) =>
  texts.includes(path) || /^actions\/[^/]+\/(action\.yml|README\.md|CHANGELOG\.md)$/.test(path);

const topLevel = [...texts, 'actions', '.github'];

/** Writes the tree that a release's tags point at. */
export async function buildReleaseTree(options: ReleaseTreeOptions): Promise<ReleaseTree> {
  const { root, refs = 'set', source = 'working-tree' } = options;
  const out = resolve(options.out);
  await requireReplaceable(out);
  if (source === 'head') await requireClean(root);
  const set = await readReleaseSet(root);
  const version = options.version ?? set.version;
  const workflows = await renderedWorkflows(root, { ...set, version }, refs);
  await buildActions(root, { fresh: source === 'head' });
  // Building may have changed sources, for instance a lockfile that was out of date.
  if (source === 'head') await requireClean(root);
  throwAll((await Promise.all(set.actions.map(({ name }) => missingEntryPoints(root, name)))).flat());

  await rm(out, { recursive: true, force: true });
  for (const path of set.files.filter(kept)) await cp(join(root, path), join(out, path));
  for (const { name } of set.actions)
    await cp(join(root, 'actions', name, 'dist'), join(out, 'actions', name, 'dist'), { recursive: true });
  await writeWorkflows(out, workflows);
  return { folder: out, slug: set.slug, version, actions: set.actions, files: await filesBelow(out) };
}

/** Only a folder that holds nothing but a release tree may be replaced. */
async function requireReplaceable(out: string): Promise<void> {
  const present = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new UserError(`'${out}' cannot be written: ${error.message}`, { cause: error });
  });
  const foreign = present.find((name) => !topLevel.includes(name));
  if (foreign)
    throw new UserError(`'${out}' is no release tree: it holds '${foreign}'`, {
      advice: 'Name a folder that is new or empty.',
    });
}

/** What action.yml has the runner start must have been built. */
async function missingEntryPoints(root: string, name: string): Promise<UserError[]> {
  const file = `actions/${name}/action.yml`;
  const { runs = {} } = parse(await readFile(join(root, file), 'utf8')) as { runs?: Record<string, string> };
  return ['main', 'pre', 'post'].flatMap((key) => {
    const path = runs[key];
    if (path === undefined || existsSync(join(root, 'actions', name, path))) return [];
    return [new UserError(`runs.${key} names '${path}', which the build does not make`, { file })];
  });
}

/** Files below a folder, relative to it, with forward slashes, sorted. */
async function filesBelow(folder: string): Promise<string[]> {
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
