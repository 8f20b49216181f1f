import { resolve } from 'node:path';
import { type GitHub, suggest, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { BranchStore, numberOf, originOf, type RunRecord, type TrainingRecord } from '@mlops/core/record';
import { parseMetrics, readMetrics } from '@mlops/metrics';
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
    metrics: await readMetrics(resolve(workingDirectory, path), path),
  };
}

/** The metrics files as they were committed; fetched when the checkout is too shallow to hold the commit. */
async function fromGit(ref: string, options: BaselineOptions): Promise<Baseline | undefined> {
  const git = (args: string[]) =>
    command('git', args, { cwd: options.workingDirectory, signal: options.signal });
  const resolved = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
    .catch(async () => {
      await git(['fetch', '--quiet', '--depth=1', 'origin', ref]);
      return git(['rev-parse', 'FETCH_HEAD']);
    })
    .catch((error) => {
      throw new UserError(`the baseline 'git:${ref}' is no commit, tag or branch of this repository`, {
        cause: error,
        advice: "Check the input 'baseline', and that the checkout fetches it ('fetch-depth: 0').",
      });
    });
  const commit = resolved.stdout.trim();
  const metrics: Record<string, number> = {};
  let found = false;
  for (const file of options.files) {
    const text = await git(['show', `${commit}:./${file}`]).catch(() => undefined);
    if (!text) continue;
    found = true;
    Object.assign(metrics, await parseMetrics(text.stdout, `${file} at ${ref}`));
  }
  return found ? { kind: 'git', ref: `git:${ref}`, commit, metrics } : undefined;
}
