import { appendFile, chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import type { JobRecord, RunRecord, TrainingRecord } from '@mlops/core/record';

/** Runs git; nobody's own configuration decides what happens. */
export async function git(folder: string, args: string[]): Promise<string> {
  const env = { GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_NOSYSTEM: '1' };
  return (await command('git', args, { cwd: folder, env })).stdout.trim();
}

/** A repository on a server, and a checkout of it. */
export class Origin {
  readonly root: string;
  /** The server's bare repository. */
  readonly bare: string;
  readonly checkout: string;

  private constructor(root: string) {
    this.root = root;
    this.bare = join(root, 'origin.git');
    this.checkout = join(root, 'checkout');
  }

  static async with(files: Record<string, string>): Promise<Origin> {
    const origin = new Origin(await realpath(await mkdtemp(join(tmpdir(), 'origin-'))));
    await git(origin.root, ['init', '--quiet', '--bare', '--initial-branch=main', origin.bare]);
    // As GitHub does: fetch without contents, and any commit by its id.
    await git(origin.bare, ['config', 'uploadpack.allowFilter', 'true']);
    await git(origin.bare, ['config', 'uploadpack.allowAnySHA1InWant', 'true']);
    await git(origin.root, ['init', '--quiet', '--initial-branch=main', origin.checkout]);
    await git(origin.checkout, ['remote', 'add', 'origin', origin.bare]);
    await origin.commit('Begin', files);
    return origin;
  }

  /** Commits to the checkout's branch and pushes; answers the commit. */
  async commit(message: string, files: Record<string, string>): Promise<string> {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(this.checkout, path)), { recursive: true });
      await writeFile(join(this.checkout, path), content);
    }
    await git(this.checkout, ['add', '--all']);
    await git(this.checkout, [
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.com',
      'commit',
      '--quiet',
      '--allow-empty',
      '--message',
      message,
    ]);
    await git(this.checkout, ['push', '--quiet', 'origin', 'HEAD']);
    return git(this.checkout, ['rev-parse', 'HEAD']);
  }

  /** Another checkout, with these options of clone. */
  async clone(...options: string[]): Promise<string> {
    const folder = await mkdtemp(join(this.root, 'clone-'));
    await git(this.root, ['clone', '--quiet', ...options, `file://${this.bare}`, folder]);
    return folder;
  }

  /** Has the server refuse every push with these words. */
  async refusePushes(words: string): Promise<void> {
    const hook = join(this.bare, 'hooks', 'pre-receive');
    await writeFile(hook, '#!/bin/sh\n');
    await appendFile(hook, `cat >&2 <<'END'\n${words}\nEND\nexit 1\n`);
    await chmod(hook, 0o755);
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}

export const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

export function training(changes: Partial<TrainingRecord> = {}): TrainingRecord {
  return {
    name: 'model',
    stages: [],
    parameters: {},
    metrics: {},
    curves: {},
    model: null,
    durationMs: 1,
    ...changes,
  };
}

/** What one job recorded, at a time that its number tells. */
export function job(number: number, changes: Partial<JobRecord> = {}): JobRecord {
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, number, second)).toISOString();
  return {
    schema: 1,
    job: 'train',
    matrix: null,
    attempt: 1,
    startedAt: at(0),
    finishedAt: at(30),
    hardware: { os: 'linux', arch: 'x64', cpu: 'Xeon', cores: 2, memoryBytes: 1e9, runner: 'runner' },
    steps: [{ action: 'train', startedAt: at(0), durationMs: 1, outcome: 'success' }],
    environments: [],
    trainings: [],
    gates: [],
    packages: [],
    images: [],
    modelArtifacts: [],
    deployments: [],
    ...changes,
  };
}

/** A finished run with these jobs; runs with greater numbers are newer. */
export function run(number: number, jobs: JobRecord[], changes: Partial<RunRecord['run']> = {}): RunRecord {
  const time = new Date(Date.UTC(2026, 0, 1, number)).toISOString();
  return {
    schema: 1,
    run: {
      id: String(1000 + number),
      attempt: 1,
      repository: 'acme/model',
      workflow: 'ml',
      event: 'push',
      ref: 'refs/heads/main',
      commit: String(number % 10).repeat(40),
      dirty: false,
      message: `run ${number}`,
      actor: 'ada',
      url: null,
      startedAt: time,
      finishedAt: time,
      ...changes,
    },
    jobs,
  };
}
