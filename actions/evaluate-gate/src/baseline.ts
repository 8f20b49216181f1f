import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type GitHub, suggest, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { BranchStore, numberOf, originOf, type RunRecord, type TrainingRecord } from '@mlops/core/record';
import { readMetrics } from '@mlops/metrics';
import type { Metrics } from './judge.ts';

export interface Baseline {
  kind: 'alias' | 'branch' | 'git' | 'file';
  /** As the user wrote it, such as `alias:production`. */
  ref: string;
  commit: string | null;
  metrics: Metrics;
}

export interface BaselineOptions {
  github: GitHub;
  workingDirectory: string;
  signal: AbortSignal;
  token: string | undefined;
  recordsBranch: string;
  /** The candidate's training, whose name picks the same leg of a matrix in the baseline's record. */
  name: string;
  /** Metrics files relative to the working directory, looked up in a commit for `git:`. */
  files: readonly string[];
}

const kinds = ['alias', 'branch', 'git', 'file', 'none'];

/** Finds the baseline; undefined when there is none yet, or none is wanted. */
export async function findBaseline(written: string, options: BaselineOptions): Promise<Baseline | undefined> {
  const [, kind = '', name = ''] = /^(\w+)(?::(.*))?$/s.exec(written) ?? [];
  switch (kind) {
    case 'none':
      return undefined;
    case 'alias':
      return fromAlias(needed(name, written), options);
    case 'branch':
      return fromBranch(name || options.github.defaultBranch, options);
    case 'git':
      return fromGit(needed(name, written), options);
    case 'file':
      return fromFile(needed(name, written), options);
    default:
      throw new UserError(`the input 'baseline' is '${written}', which is no kind of baseline`, {
        advice:
          kinds.includes(written) || !written ? `Allowed: ${forms}.` : `${guess(written)}Allowed: ${forms}.`,
      });
  }
}

const forms = 'alias:NAME, branch, branch:NAME, git:REF, file:PATH, none';

function guess(written: string): string {
  const [head = ''] = written.split(':');
  const near = suggest(head, kinds).startsWith('Did') ? suggest(head, kinds).split('?')[0] : undefined;
  return near ? `${near}? ` : `Did you mean 'alias:${written}'? `;
}

function needed(name: string, written: string): string {
  if (name) return name;
  throw new UserError(`the input 'baseline' is '${written}', which names nothing`, {
    advice: `Write '${written.replace(/:$/, '')}:NAME'. Allowed: ${forms}.`,
  });
}

async function fromAlias(name: string, options: BaselineOptions): Promise<Baseline | undefined> {
  const store = await records(options);
  const found = await store.alias(name);
  return found && fromRecord('alias', `alias:${name}`, found.record, options.name);
}

async function fromBranch(branch: string, options: BaselineOptions): Promise<Baseline | undefined> {
  const store = await records(options);
  const record = await store.newest(branch, (candidate) => trainingIn(candidate, options.name) !== undefined);
  return record && fromRecord('branch', `branch:${branch}`, record, options.name);
}

async function records({
  github,
  workingDirectory,
  token,
  recordsBranch,
  signal,
}: BaselineOptions): Promise<BranchStore> {
  return new BranchStore({
    remote: await originOf(github, workingDirectory, token),
    branch: recordsBranch,
    signal,
  });
}

function fromRecord(
  kind: 'alias' | 'branch',
  ref: string,
  record: RunRecord,
  name: string,
): Baseline | undefined {
  const training = trainingIn(record, name);
  if (!training) return undefined;
  const metrics = Object.fromEntries(
    Object.entries(training.metrics).map(([metric, value]) => [metric, numberOf(value)]),
  );
  return { kind, ref, commit: record.run.commit, metrics };
}

function trainingIn(record: RunRecord, name: string): TrainingRecord | undefined {
  return record.jobs.flatMap((job) => job.trainings).findLast((training) => training.name === name);
}

async function fromFile(path: string, { workingDirectory }: BaselineOptions): Promise<Baseline> {
  return {
    kind: 'file',
    ref: `file:${path}`,
    commit: null,
    metrics: await metricsIn(workingDirectory, [path]),
  };
}

/** The metrics files as they were committed; undefined when the commit has none of them. */
async function fromGit(ref: string, options: BaselineOptions): Promise<Baseline | undefined> {
  const commit = await commitOf(ref, options);
  const folder = await mkdtemp(join(options.github.temp, 'mlops-baseline-'));
  try {
    const committed: string[] = [];
    for (const file of options.files) {
      const text = await git(['show', `${commit}:./${file}`], options).catch(() => undefined);
      if (text === undefined) continue;
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), text);
      committed.push(file);
    }
    if (committed.length === 0) return undefined;
    const metrics = await metricsIn(folder, committed, (file) => `${file} at ${ref}`);
    return { kind: 'git', ref: `git:${ref}`, commit, metrics };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A commit, fetched when the checkout is too shallow to hold it. */
async function commitOf(ref: string, options: BaselineOptions): Promise<string> {
  try {
    return await git(
      ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`],
      options,
    ).catch(async () => {
      await git(['fetch', '--quiet', '--depth=1', 'origin', '--', ref], options);
      return git(['rev-parse', 'FETCH_HEAD'], options);
    });
  } catch (error) {
    throw new UserError(`the baseline 'git:${ref}' is no commit, tag or branch of this repository`, {
      cause: error,
      advice: "Check the input 'baseline', and that the checkout fetches it ('fetch-depth: 0').",
    });
  }
}

async function git(args: string[], { workingDirectory, signal }: BaselineOptions): Promise<string> {
  return (await command('git', args, { cwd: workingDirectory, signal })).stdout;
}

async function metricsIn(
  folder: string,
  files: readonly string[],
  shown?: (path: string) => string,
): Promise<Metrics> {
  return Object.fromEntries((await readMetrics(folder, files, shown)).values);
}
