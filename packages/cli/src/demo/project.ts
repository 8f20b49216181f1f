import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { isScalar, parseDocument } from 'yaml';
import { root } from '../root.ts';
import type { Progress } from './progress.ts';

/** An example's copy and all that belongs to it, below .demo/<name>/. */
export interface Project {
  name: string;
  folder: string;
  /** The copy: a git repository of its own. */
  repository: string;
  /** The home folder of its runner: deployments and uv's cache outlive a run there, as on a self-hosted runner. */
  home: string;
}

/** Copies the example on the first run; afterwards the copy is used as it was left. */
export async function prepareProject(
  name: string,
  { fresh }: { fresh: boolean },
  progress: Progress,
): Promise<Project> {
  const folder = join(root, '.demo', name);
  const project = { name, folder, repository: join(folder, 'repository'), home: join(folder, 'home') };
  if (fresh) await rm(folder, { recursive: true, force: true });
  if (existsSync(project.repository)) progress.line(`▸ Using ${project.repository}`);
  else await progress.step(`Copying examples/${name} to ${project.repository}`, () => copyExample(project));
  return project;
}

/** The git identity of whoever runs the demo is neither needed nor used. */
export async function git({ repository }: Project, ...args: string[]): Promise<string> {
  const identity = [
    '-c',
    'user.name=Demo',
    '-c',
    'user.email=demo@example.org',
    '-c',
    'commit.gpgsign=false',
  ];
  return (await command('git', [...identity, ...args], { cwd: repository })).stdout.trim();
}

/** Writes a parameter to params.yaml, leaving comments and layout as they are. */
export async function setParameter({ repository }: Project, assignment: string): Promise<void> {
  const [, key = '', value = ''] = /^([^=]+)=(.*)$/.exec(assignment) ?? [];
  const file = join(repository, 'params.yaml');
  const text = await readFile(file, 'utf8');
  const node = key ? parseDocument(text).getIn(key.split('.'), true) : undefined;
  if (!isScalar(node) || !node.range)
    throw new UserError(
      `--set ${assignment}: ${key ? `params.yaml has no parameter '${key}'` : 'it names no parameter and value'}`,
      {
        advice: 'Write it as section.name=value, with a name that is in params.yaml.',
      },
    );
  const [start, end] = node.range;
  await writeFile(file, `${text.slice(0, start)}${value}${text.slice(end)}`);
}

async function copyExample(project: Project): Promise<void> {
  const { name, folder, repository } = project;
  const left = ['.venv', '__pycache__', '.pytest_cache', '.ruff_cache', 'node_modules'];
  await mkdir(folder, { recursive: true });
  await cp(join(root, 'examples', name), repository, {
    recursive: true,
    filter: (source) => !left.includes(basename(source)),
  });
  const origin = join(folder, 'origin.git');
  await mkdir(origin);
  await command('git', ['init', '--quiet', '--bare', '--initial-branch=main'], { cwd: origin });
  await git(project, 'init', '--quiet', '--initial-branch=main');
  await git(project, 'add', '--all');
  await git(project, 'commit', '--quiet', '--message', `Start from the example ${name}`);
  await git(project, 'remote', 'add', 'origin', pathToFileURL(origin).href);
  await git(project, 'push', '--quiet', '--set-upstream', 'origin', 'main');
}
