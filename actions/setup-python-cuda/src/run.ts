import { dirname, relative, resolve, sep } from 'node:path';
import {
  addPath,
  annotate,
  type Context,
  exportVariable,
  group,
  type InputsOf,
  saveState,
} from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import type { action } from './action.ts';
import { type CacheState, cacheKeys, cachePaths, environmentDigest, reasonNotToCache } from './cache.ts';
import { digestOfTextFiles } from './digest.ts';
import { useIndexes } from './indexes.ts';
import { install } from './install.ts';
import { findProject, type Project } from './project.ts';
import { findOrInstallPython, type Python } from './python.ts';
import { type PythonRequest, pythonRequest } from './python-request.ts';
import { readRequirements } from './requirements.ts';
import { resolutionOf } from './resolution.ts';
import type { Selection } from './selection.ts';
import { findOrInstallUv, type Uv } from './uv.ts';
import { activate, checkVenvPath, ensureVenv, venvPaths } from './venv.ts';

type Inputs = InputsOf<typeof action>;
type ActionContext = Context<typeof action>;

/** Sets up uv, Python and the project's environment, and makes them those of the steps that follow. */
export async function setUp(inputs: Inputs, context: ActionContext): Promise<void> {
  const started = Date.now();
  const { workingDirectory: folder, github } = context;
  // What is wrong with the inputs or the project is said before anything is downloaded.
  const venv = resolve(folder, inputs.venv);
  checkVenvPath(venv, folder, github.workspace);
  const project = inputs.install
    ? await findProject(folder, inputs.dependencyFiles, inputs.groups, github.workspace)
    : undefined;
  if (project?.ignored.length) noticeIgnored(project);
  const release = await useIndexes(inputs, project, github.temp);
  try {
    if (project?.manager === 'conda' || project?.manager === 'pixi') {
      const { setUpPrefix } = await import('./set-up-prefix.ts');
      await setUpPrefix(inputs, context, { project, venv, started, env: {} });
    } else await setUpWithUv(inputs, context, { project, venv, started });
  } finally {
    await release();
  }
}

async function setUpWithUv(
  inputs: Inputs,
  context: ActionContext,
  { project, venv, started }: { project: Project | undefined; venv: string; started: number },
): Promise<void> {
  const { workingDirectory: folder, github, signal, outputs } = context;
  const where = { cwd: folder, signal };
  const asked = await pythonRequest(inputs, folder, project, github.workspace);

  const uv = await findOrInstallUv(folder, signal);
  outputs.uvPath = uv.path;
  const python = await findOrInstallPython(uv, asked, where);
  outputs.pythonVersion = python.version;
  outputs.pythonPath = python.path;
  outputs.cacheHit = false;
  announce(uv, python, asked, project, folder);
  if (!project) {
    if (inputs.activate) {
      exportVariable('UV_PYTHON', python.path);
      addPath(dirname(python.path));
    }
    context.summary.push(`**Python ${python.version}** with uv ${uv.version}, nothing installed.`);
    return;
  }
  await setUpEnvironment(inputs, context, { uv, python, project, venv, started });
}

interface Found {
  uv: Uv;
  python: Python;
  project: Project;
  venv: string;
  started: number;
}

async function setUpEnvironment(inputs: Inputs, context: ActionContext, found: Found): Promise<void> {
  const { uv, python, project, venv, started } = found;
  const { workingDirectory: folder, github, signal, outputs } = context;
  const resolution = resolutionOf(inputs, folder);
  const selection: Selection = {
    extras: inputs.extras,
    groups: project.manager === 'pip' ? [] : inputs.groups, // There the groups are files.
    excludeGroups: inputs.excludeGroups,
    ...(resolution && { resolution }),
    ...(inputs.pipVersion && { pip: inputs.pipVersion }),
  };
  const lock = await digestOfTextFiles(await lockedFiles(project));
  const cache = inputs.cache === 'auto' ? await restoreCache(context, found, lock, selection) : undefined;
  const cacheHit = cache?.exact ?? false;
  outputs.cacheHit = cacheHit;
  if (cache) outputs.cacheKey = cache.key;

  const made = await ensureVenv(uv, venv, python, { cwd: folder, signal });
  const { locked } = await group(`Install ${names(project, folder).join(' and ')}`, () =>
    install({ ...found, selection, folder, workspace: github.workspace, temp: github.temp, signal }),
  );
  if (inputs.activate) activate(venv);
  const interpreter = venvPaths(venv, process.platform).python;
  Object.assign(outputs, { venv, pythonPath: interpreter });

  const installed = await uv.run(['pip', 'freeze', '--python', interpreter], { cwd: folder, signal });
  const packages = installed.stdout.split('\n').filter(Boolean);
  // Editable projects are named by a path, which differs from machine to machine.
  const fromIndex = packages.filter((line) => !line.startsWith('-e '));
  if (cache && !cacheHit) {
    const state: CacheState = { folder: cache.folder, key: cache.key, uv: uv.path, packages };
    saveState('cache', JSON.stringify(state));
  }
  const durationMs = Date.now() - started;
  context.record.environments.push({
    manager: project.manager,
    python: python.version,
    lock: locked ? { path: names(project, folder).join(', '), digest: lock } : null,
    digest: environmentDigest(locked ? lock : hashText(fromIndex.join('\n')), python, selection),
    cacheHit,
    durationMs,
  });
  const how = made === 'reused' ? 'environment reused' : cacheHit ? 'cache hit' : 'fresh environment';
  context.summary.push(
    `**Python ${python.version}**, ${packages.length} ${packages.length === 1 ? 'package' : 'packages'} from ${names(
      project,
      folder,
    )
      .map((name) => `\`${name}\``)
      .join(' and ')}${locked ? '' : ' (not locked)'} · ${how} · ${(durationMs / 1000).toFixed(1)} s`,
  );
}

/** Restores what an earlier run built from source; undefined where this job has no use for a cache. */
async function restoreCache(
  context: ActionContext,
  { uv, python }: Found,
  lock: string,
  selection: Selection,
): Promise<{ exact: boolean; key: string; folder: string } | undefined> {
  const { github, signal, workingDirectory: cwd } = context;
  const folder = (await uv.run(['cache', 'dir'], { cwd, signal })).stdout.trim();
  const { cacheStore } = await import('@mlops/core/store');
  const store = cacheStore({ trigger: github, signal });
  const reason = await reasonNotToCache(github, store.kind, folder);
  if (reason) {
    process.stdout.write(`Not caching: ${reason}.\n`);
    return undefined;
  }
  const { key, prefixes } = cacheKeys(uv, python, lock, selection);
  const { root, paths } = cachePaths(folder);
  const restored = await store.restore(key, root, paths, { prefixes });
  if (restored) process.stdout.write(`Restored ${restored.bytes} bytes from ${restored.key}.\n`);
  return { exact: restored?.exact ?? false, key, folder };
}

function noticeIgnored({ manager, files, ignored }: Project): void {
  annotate(
    'notice',
    `Installing from ${files.map((file) => file.split(sep).at(-1)).join(' and ')} (${manager}); not used: ${ignored.join(', ')}. Set 'dependency-files' to choose otherwise.`,
    {
      title: 'Several locks',
    },
  );
}

function announce(
  uv: Uv,
  python: Python,
  asked: PythonRequest,
  project: Project | undefined,
  folder: string,
): void {
  process.stdout.write(`uv ${uv.version} at ${uv.path}\n`);
  process.stdout.write(
    `Python ${python.version} at ${python.path}, for '${asked.request}' from ${asked.from}\n`,
  );
  if (project) process.stdout.write(`Dependencies from ${names(project, folder).join(', ')}\n`);
}

/** All files that fix what is installed: requirements files include others. */
async function lockedFiles({ manager, files }: Project): Promise<string[]> {
  if (manager !== 'pip') return files;
  return [...new Set([...files, ...(await readRequirements(files)).map(({ file }) => file)])];
}

/** The project's files as they are called from its folder. */
function names(project: Project, folder: string): string[] {
  return project.files.map((file) => relative(folder, file).split(sep).join('/'));
}
