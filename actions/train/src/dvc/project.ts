import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import { UserError } from '@mlops/core';
import type { Content } from './content.ts';
import { readDataFile } from './lock.ts';
import { Unsure } from './unsure.ts';
import { isMapping, readYaml } from './yaml.ts';

/** A DVC project: the folder with `.dvc`, which may lie above the working directory. */
export interface DvcProject {
  root: string;
  /** The working directory, with dvc.yaml in it. */
  folder: string;
  /** Where DVC keeps content. */
  cache: string;
  /** Where DVC keeps what only lives for a moment; Git ignores it. */
  temporary: string;
  remotes: Remotes;
}

export interface Remotes {
  /** The remote that is used when none is named. */
  default: string | undefined;
  /** Name → URL. */
  urls: Map<string, string>;
}

/** Finds the project that a working directory belongs to, not looking beyond the workspace. */
export async function findProject(folder: string, workspace: string): Promise<DvcProject> {
  for (let root = folder; ; root = dirname(root)) {
    if (existsSync(join(root, '.dvc', 'config')) || existsSync(join(root, '.dvc', '.gitignore'))) {
      const config = await readConfig(join(root, '.dvc'));
      return {
        ...{ root, folder, cache: cacheOf(root, config) },
        ...{ temporary: join(root, '.dvc', 'tmp'), remotes: remotesOf(config) },
      };
    }
    if (root === resolve(workspace) || root === dirname(root)) break;
  }
  throw new UserError('there is a dvc.yaml, but no DVC project: the folder .dvc is missing', {
    file: relative(workspace, join(folder, 'dvc.yaml')).split(sep).join('/'),
    line: 1,
    advice: "Run 'dvc init' where the project's root is, and commit the folder .dvc.",
  });
}

type Config = Map<string, Map<string, string>>;

/** DVC's settings for the project and for this machine, the latter of which win: sections, and keys with values. */
async function readConfig(folder: string): Promise<Config> {
  const config: Config = new Map();
  for (const name of ['config', 'config.local']) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    let section = '';
    for (const line of text.split(/\r?\n/)) {
      const [, header] = /^\s*\[(.*)\]\s*$/.exec(line) ?? [];
      if (header !== undefined) section = header.replace(/^['"](.*)['"]$/, '$1').trim();
      const [, key, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (key === undefined || value === undefined) continue;
      const values = config.get(section) ?? new Map<string, string>();
      config.set(section, values.set(key, value.replace(/^(['"])(.*)\1$/, '$2')));
    }
  }
  return config;
}

function cacheOf(root: string, config: Config): string {
  const folder = config.get('cache')?.get('dir');
  if (!folder) return join(root, '.dvc', 'cache');
  return isAbsolute(folder) ? folder : join(root, '.dvc', folder);
}

function remotesOf(config: Config): Remotes {
  const urls = new Map<string, string>();
  for (const [section, values] of config) {
    const [, name] = /^remote "(.*)"$/.exec(section) ?? [];
    const url = values.get('url');
    if (name !== undefined && url !== undefined) urls.set(name, url);
  }
  return { default: config.get('core')?.get('remote'), urls };
}

/**
 * What `dvc add` put under DVC's control in the whole project: path relative to the working directory → content.
 * Throws Unsure when more belongs to the project than this and the dvc.yaml of the working directory.
 */
export async function trackedData({ root, folder }: DvcProject): Promise<Map<string, Content>> {
  const data = new Map<string, Content>();
  for (const path of await dvcFiles(root)) {
    const file = posixOf(relative(folder, join(root, path)));
    if (file === 'dvc.yaml') continue;
    const text = await readFile(join(root, path), 'utf8');
    if (posix.basename(path) === 'dvc.yaml') await requireNoStages(text, file);
    else {
      const { path: name, content } = await readDataFile(text, file);
      data.set(posix.join(posix.dirname(file), name), content);
    }
  }
  return data;
}

/** Every dvc.yaml and .dvc file. Throws Unsure when DVC is told to ignore anything. */
async function dvcFiles(root: string, folder = ''): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const { name } = entry;
    const path = folder ? `${folder}/${name}` : name;
    if (name === '.dvcignore') await requireNoPatterns(join(root, path));
    if (entry.isDirectory()) {
      if (name === '.git' || name === '.hg' || path === '.dvc') continue;
      if (name === '.dvc') throw new Unsure(`${folder} is another DVC project`);
      found.push(...(await dvcFiles(root, path)));
    } else if (name === 'dvc.yaml' || (name.endsWith('.dvc') && name !== '.dvc')) found.push(path);
  }
  return found;
}

async function requireNoPatterns(path: string): Promise<void> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  if (lines.some((line) => line.trim() && !line.startsWith('#')))
    throw new Unsure('.dvcignore hides files from DVC');
}

/** A dvc.yaml as DVCLive writes it names metrics and plots alone. */
async function requireNoStages(text: string, file: string): Promise<void> {
  const { value } = await readYaml(text, file);
  if (isMapping(value) && value.stages !== undefined) throw new Unsure(`${file} has stages, too`);
}

function posixOf(path: string): string {
  return path.split(sep).join('/');
}
