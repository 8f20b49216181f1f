import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { annotate, type GitHub, nearest, UserError } from '@mlops/core';
import {
  BranchStore,
  type JobRecord,
  numberOf,
  originOf,
  type RunRecord,
  type TrainingRecord,
} from '@mlops/core/record';
import { readMetrics } from '@mlops/metrics';
import { atCommit } from './commit.ts';
import type { Measurements } from './judge.ts';
import { samplesOf } from './seeds.ts';

export interface Baseline extends Measurements {
  kind: 'alias' | 'branch' | 'git' | 'file';
  /** As the user wrote it, such as `alias:production`. */
  ref: string;
  commit: string | null;
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
        advice: `${guess(written)}Allowed: ${forms}.`,
      });
  }
}

const forms = 'alias:NAME, branch, branch:NAME, git:REF, file:PATH, none';

function guess(written: string): string {
  const [head = '', ...rest] = written.split(':');
  const near = nearest(head, kinds);
  if (near) return `Did you mean '${[near, ...rest].join(':')}'? `;
  return rest.length ? '' : `Did you mean 'alias:${written}'? `;
}

function needed(name: string, written: string): string {
  if (name) return name;
  throw new UserError(`the input 'baseline' is '${written}', which names nothing`, {
    advice: `Write '${written.replace(/:$/, '')}:NAME'. Allowed: ${forms}.`,
  });
}

async function fromAlias(name: string, options: BaselineOptions): Promise<Baseline | undefined> {
  const store = await records(options);
  const found = await store.alias(options.name, name);
  return found && fromRecord('alias', `alias:${name}`, found.record, options.name);
}

/** The newest run but this one whose model its gate let pass: a worse one must not become what later ones are held to. */
async function fromBranch(branch: string, options: BaselineOptions): Promise<Baseline | undefined> {
  const store = await records(options);
  const record = await store.newest(
    branch,
    ({ run, jobs }) => run.id !== options.github.runId && jobs.some((job) => isAccepted(job, options.name)),
  );
  return record && fromRecord('branch', `branch:${branch}`, record, options.name);
}

function isAccepted({ trainings, gates, steps }: JobRecord, name: string): boolean {
  return (
    trainings.some((training) => training.name === name) &&
    gates.every(({ passed }) => passed) &&
    steps.every(({ action, outcome }) => action !== 'train' || outcome === 'success')
  );
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
  if (!training) {
    annotate('notice', `'${ref}' is no baseline: run ${record.run.id} recorded no training named '${name}'.`);
    return undefined;
  }
  const metrics = Object.fromEntries(
    Object.entries(training.metrics).map(([metric, value]) => [metric, numberOf(value)]),
  );
  return { kind, ref, commit: record.run.commit, metrics, samples: samplesOf(training) };
}

function trainingIn(record: RunRecord, name: string): TrainingRecord | undefined {
  return record.jobs.flatMap((job) => job.trainings).findLast((training) => training.name === name);
}

async function fromFile(path: string, { workingDirectory }: BaselineOptions): Promise<Baseline> {
  const { values } = await readMetrics(workingDirectory, [path]);
  return { kind: 'file', ref: `file:${path}`, commit: null, metrics: Object.fromEntries(values) };
}

/** The metrics files as they were committed; undefined when the commit has none of them. */
async function fromGit(ref: string, options: BaselineOptions): Promise<Baseline | undefined> {
  return atCommit(ref, options, async ({ id, read }) => {
    const folder = await mkdtemp(join(options.github.temp, 'mlops-baseline-'));
    try {
      const shown = new Map<string, string>();
      for (const [i, file] of options.files.entries()) {
        const text = await read(file);
        if (text === undefined) continue;
        const copy = `${i}${extname(file)}`;
        await writeFile(join(folder, copy), text);
        shown.set(copy, `${file} at ${ref}`);
      }
      if (shown.size === 0) {
        annotate(
          'notice',
          `'git:${ref}' is no baseline: ${id.slice(0, 7)} has no ${options.files.join(', ')}.`,
        );
        return undefined;
      }
      const { values } = await readMetrics(folder, [...shown.keys()], (copy) => shown.get(copy) ?? copy);
      return { kind: 'git', ref: `git:${ref}`, commit: id, metrics: Object.fromEntries(values) };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
