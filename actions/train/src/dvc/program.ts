import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join, sep } from 'node:path';
import { group, UserError } from '@mlops/core';
import { command, stepEnvironment } from '@mlops/core/process';
import { explainFailure } from './failures.ts';
import type { DvcProject } from './project.ts';

/** What DVC is called with besides the step's own environment: nobody asked it to report its use. */
export const dvcEnvironment = { DVC_NO_ANALYTICS: process.env.DVC_NO_ANALYTICS ?? '1' };

/** The packages that bring DVC with support for a kind of remote: https://dvc.org/doc/install/linux */
const extras: Readonly<Record<string, string>> = {
  ...{ s3: 's3', gs: 'gs', azure: 'azure', oss: 'oss', gdrive: 'gdrive', hdfs: 'hdfs' },
  ...{ webhdfs: 'webhdfs', ssh: 'ssh', webdav: 'webdav', webdavs: 'webdav' },
};

/** What to install for the remotes of a project: `dvc[s3]`. */
export function requirementFor({ remotes }: Pick<DvcProject, 'remotes'>): string {
  const schemes = [...remotes.urls.values()].map((url) => /^([\w+-]+):\/\//.exec(url)?.[1]?.toLowerCase());
  const needed = new Set(schemes.flatMap((scheme) => extras[scheme ?? ''] ?? []));
  return needed.size ? `dvc[${[...needed].sort().join(',')}]` : 'dvc';
}

/** DVC as the step finds it: on PATH, or in the environment that is active. Throws when there is none. */
export function findDvc(project: DvcProject, env: NodeJS.ProcessEnv = process.env): string {
  const windows = process.platform === 'win32';
  const active = [env.VIRTUAL_ENV, env.CONDA_PREFIX].filter(
    (folder) => folder !== undefined && folder !== '',
  );
  const folders = [
    ...active.map((folder) => join(folder as string, windows ? 'Scripts' : 'bin')),
    ...(env.PATH ?? env.Path ?? '').split(delimiter).filter(Boolean),
  ];
  const names = windows ? ['dvc.exe', 'dvc.cmd', 'dvc.bat'] : ['dvc'];
  const found = folders.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync);
  if (found) return found;
  throw new UserError('dvc.yaml is run by DVC, and there is no program dvc', {
    advice: `Add '${requirementFor(project)}' to the project's requirements and lock them again; setup-python-cuda, earlier in the job, then installs it.`,
  });
}

/** The commands of DVC that run no user's code, in one project and with one remote. */
export class DvcProgram {
  readonly #project: DvcProject;
  readonly #remote: string | undefined;
  readonly #signal: AbortSignal;

  /** Without a remote, the project's default one is used. */
  constructor(project: DvcProject, remote: string | undefined, signal: AbortSignal) {
    this.#project = project;
    this.#remote = remote;
    this.#signal = signal;
  }

  /** Whether there is a remote to fetch from. */
  get hasRemote(): boolean {
    return this.#remote !== undefined || this.#project.remotes.default !== undefined;
  }

  /** Fetches outputs and data, and puts them where they belong. Throws when any is missing. */
  pull(paths: readonly string[]): Promise<void> {
    return this.#run('pull', ...this.#named(), ...paths);
  }

  /** Fetches whatever the remote has. */
  pullAll(): Promise<void> {
    return this.#run('pull', ...this.#named(), '--allow-missing');
  }

  /** Sends the outputs of stages to the remote. */
  push(stages: readonly string[]): Promise<void> {
    return this.#run('push', ...this.#named(), ...stages);
  }

  /** Files with metrics, relative to the working directory. */
  async metricsFiles(): Promise<string[]> {
    const { parseJson } = await import('@mlops/metrics');
    const { stdout } = await command(findDvc(this.#project), ['metrics', 'show', '--json'], {
      ...{ cwd: this.#project.folder, signal: this.#signal, tolerate: true },
      env: { ...stepEnvironment(process.env), ...dvcEnvironment },
    });
    const revisions = stdout.trim() ? parseJson(stdout, 'dvc metrics show') : {};
    const data = Object.values(revisions as Record<string, { data?: object }>);
    const files = data.flatMap((revision) => Object.keys(revision.data ?? {}));
    return [...new Set(files)].map((path) => path.split(sep).join('/'));
  }

  #named(): string[] {
    return this.#remote === undefined ? [] : ['--remote', this.#remote];
  }

  async #run(...args: string[]): Promise<void> {
    const lines: string[] = [];
    await group(`dvc ${args.join(' ')}`, async () => {
      try {
        await command(findDvc(this.#project), args, {
          cwd: this.#project.folder,
          env: { ...stepEnvironment(process.env), ...dvcEnvironment },
          signal: this.#signal,
          onLine(line, stream) {
            lines.push(line);
            process[stream].write(`${line}\n`);
          },
        });
      } catch (error) {
        if (this.#signal.aborted || !(error instanceof UserError)) throw error;
        throw explainFailure(lines, this.#project, error);
      }
    });
  }
}

/**
 * Makes a remote the default while `fn` runs, in the settings that DVC keeps for this machine alone: `dvc repro` cannot
 * be told one.
 */
export async function withRemote<T>(
  remote: string | undefined,
  project: DvcProject,
  fn: () => Promise<T>,
): Promise<T> {
  if (remote === undefined || remote === project.remotes.default) return fn();
  const file = join(project.root, '.dvc', 'config.local');
  const before = await readFile(file, 'utf8').catch(() => undefined);
  try {
    await writeFile(file, withDefault(before ?? '', remote));
    return await fn();
  } finally {
    await writeFile(file, before ?? '');
  }
}

function withDefault(config: string, remote: string): string {
  const setting = `    remote = ${remote}\n`;
  const lines = config.split('\n');
  const core = lines.findIndex((line) => /^\s*\[core\]\s*$/.test(line));
  if (core < 0) return `${config}${config && !config.endsWith('\n') ? '\n' : ''}[core]\n${setting}`;
  const end = lines.findIndex((line, i) => i > core && /^\s*\[/.test(line));
  const section = lines.slice(core + 1, end < 0 ? undefined : end);
  const others = section.filter((line) => !/^\s*remote\s*=/.test(line));
  return [
    ...lines.slice(0, core + 1),
    setting.trimEnd(),
    ...others,
    ...(end < 0 ? [] : lines.slice(end)),
  ].join('\n');
}
