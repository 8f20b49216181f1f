import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { annotate, type GitHub, nearest, UserError } from '@mlops/core';
import {
  BranchStore,
  type GateRecord,
  givenInputs,
  type JobRecord,
  originOf,
  type RunRecord,
  type TrainingRecord,
} from '@mlops/core/record';
import { readMetrics } from '@mlops/metrics';
import type { Columns, PredictionTable } from '@mlops/predictions';
import { atCommit, type Commit } from './commit.ts';

import { keptPredictions, without } from './keep.ts';
import { type Measurements, measurementsIn, measurementsOf } from './measurements.ts';

/** A baseline; its `ref` is as the user wrote it, such as `alias:production`. */
export interface Baseline extends Measurements, About {
  /** Undefined where they are not asked for, or there are none. */
  predictions?: PredictionTable | undefined;
}

type About = NonNullable<GateRecord['baseline']>;

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
  /** The candidate's predictions, where those of the baseline are wanted as well. */
  predictions: { files: readonly string[]; columns: Columns; testSet: string } | undefined;
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
  return found && fromRecord({ kind: 'alias', ref: `alias:${name}` }, found.record, store, options);
}

/** The newest run but this one whose model its gate let pass: a worse one must not become what later ones are held to. */
async function fromBranch(branch: string, options: BaselineOptions): Promise<Baseline | undefined> {
  const store = await records(options);
  const record = await store.newest(
    branch,
    ({ run, jobs }) => run.id !== options.github.runId && jobs.some((job) => isAccepted(job, options.name)),
  );
  return record && fromRecord({ kind: 'branch', ref: `branch:${branch}` }, record, store, options);
}

function isAccepted({ trainings, gates, steps }: JobRecord, name: string): boolean {
  return (
    [...trainings, ...gates].some((one) => one.name === name) &&
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

async function fromRecord(
  { kind, ref }: Pick<About, 'kind' | 'ref'>,
  { run, jobs }: RunRecord,
  store: BranchStore,
  { name, predictions }: BaselineOptions,
): Promise<Baseline | undefined> {
  const training = jobs.flatMap((job) => job.trainings).findLast((one) => one.name === name);
  const gates = jobs.flatMap((job) => job.gates).filter((one) => one.name === name);
  if (!training && !gates.length) {
    annotate('notice', `'${ref}' is no baseline: run ${run.id} recorded no training named '${name}'.`);
    return undefined;
  }
  return {
    ...{ kind, ref, commit: run.commit, run: { id: run.id, url: run.url } },
    ...(training && aboutTraining(training)),
    ...(training ? measurementsOf(training) : { metrics: {} }),
    predictions: predictions && (await keptPredictions(store, gates, ref, predictions.testSet)),
  };
}

function aboutTraining({ model, parameters, stages, durationMs, resources }: TrainingRecord): Partial<About> {
  return {
    ...(model && { modelDigest: model.digest }),
    ...{ parameters, durationMs, inputs: givenInputs(stages) },
    ...(resources && { cost: { amount: resources.cost.amount, currency: resources.cost.currency } }),
  };
}

async function fromFile(path: string, { workingDirectory }: BaselineOptions): Promise<Baseline> {
  const read = await readMetrics(workingDirectory, [path]);
  return { kind: 'file', ref: `file:${path}`, commit: null, ...measurementsIn(read) };
}

/** Metrics and predictions as they were committed; undefined when the commit has none of them. */
async function fromGit(ref: string, options: BaselineOptions): Promise<Baseline | undefined> {
  const { files, predictions } = options;
  return atCommit(ref, options, async (commit) => {
    const folder = await mkdtemp(join(options.github.temp, 'mlops-baseline-'));
    try {
      const [metrics, table] = [
        await copied(commit, files, join(folder, 'metrics'), ref),
        await copied(commit, predictions?.files ?? [], join(folder, 'predictions'), ref),
      ];
      if (metrics.size + table.size === 0) {
        const sought = [...files, ...(predictions?.files ?? [])].join(', ');
        annotate('notice', `'git:${ref}' is no baseline: ${commit.id.slice(0, 7)} has no ${sought}.`);
        return undefined;
      }
      const shown = (copy: string) => metrics.get(copy) ?? table.get(copy) ?? copy;
      return {
        ...{ kind: 'git', ref: `git:${ref}`, commit: commit.id },
        ...measurementsIn(await readMetrics('', [...metrics.keys()], shown)),
        predictions:
          predictions && (await predictionsAt([...table.keys()], predictions.columns, shown, `git:${ref}`)),
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

async function predictionsAt(
  copies: readonly string[],
  columns: Columns,
  shown: (copy: string) => string,
  ref: string,
): Promise<PredictionTable | undefined> {
  if (!copies.length) return without(ref, 'they were not committed');
  const starts = await Promise.all(
    copies.map((copy) => readFile(copy).then((content) => content.subarray(0, 40))),
  );
  if (starts.some((start) => start.includes('version https://git-lfs')))
    return without(ref, 'what was committed is a Git LFS pointer');
  const { readPredictions } = await import('@mlops/predictions');
  return readPredictions('', copies, columns, shown);
}

/** Copies files, and what folders hold, out of a commit: path of the copy → how a reader knows it. */
async function copied(
  commit: Commit,
  paths: readonly string[],
  folder: string,
  ref: string,
): Promise<Map<string, string>> {
  const copies = new Map<string, string>();
  for (const path of paths)
    for (const { name, content } of await commit.files(path)) {
      // Arrays of NumPy are columns by the names of their files.
      const copy = join(folder, String(copies.size), basename(name));
      await mkdir(dirname(copy), { recursive: true });
      await writeFile(copy, await content());
      copies.set(copy, `${name} at ${ref}`);
    }
  return copies;
}
