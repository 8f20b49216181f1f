import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { tool } from '@mlops/tools';
import { runAct } from './act.ts';
import { ActLog } from './act-log.ts';
import { type ArtifactServer, startArtifactServer } from './artifact-server.ts';
import { runnerEnvironment } from './environment.ts';
import { type EventOptions, eventPayload } from './event.ts';
import type { RunResult } from './result.ts';
import { readWorkflows } from './workflows.ts';

export interface EngineOptions {
  /** A rendered release: `actions/<name>/` with dist and `.github/workflows/`. Left out, no `uses:` is served locally. */
  releaseTree?: string;
  /** The `owner/name` that `uses:` names the release tree by. */
  slug?: string;
  /** The refs behind `@` at which the tree is served, for instance `['v1', 'v1.4.0', 'train/v1']`. */
  refs?: readonly string[];
  /** Where everything is kept. Default: a temporary folder, removed by close(). */
  folder?: string;
  /** Whether close() leaves the caches of a given folder for the next engine. Otherwise each engine starts empty. */
  keepCaches?: boolean;
}

export interface RunOptions extends EventOptions {
  /** The root of a git repository. Its working tree is what actions/checkout gives, uncommitted files included. */
  repository: string;
  /** A file name in `.github/workflows`. Default: every workflow that has the event. */
  workflow?: string;
  /** A job's id: only it and what it needs are run. */
  job?: string;
  /** Only the jobs of a matrix that have these values. */
  matrix?: Record<string, string | number | boolean>;
  /** Added to the environment of every step. `GITHUB_*` names replace what the engine would say. */
  env?: Record<string, string>;
  /** GITHUB_TOKEN is made up where it is not given. */
  secrets?: Record<string, string>;
  vars?: Record<string, string>;
  /** Runner labels that this machine takes besides the usual ones. */
  labels?: readonly string[];
  /** Jobs at a time. Default: the number of processors. */
  concurrency?: number;
  /** Default: a new number. */
  runId?: string;
  /** Default 1. */
  runAttempt?: number;
  /** Sees each line of the log as it comes, secrets masked. */
  onLine?: (line: string) => void;
  /** Time in milliseconds after which everything is ended at once. Default 10 minutes. */
  timeoutMs?: number;
  /** Cancels the run. Ctrl-C does the same while a run is on; a second one ends it at once. */
  signal?: AbortSignal | undefined;
  /** Time in milliseconds that a cancelled run has for its post steps. Default 30 seconds. */
  graceMs?: number;
}

export interface Engine {
  /** Runs the workflows of a repository for an event. Runs of one engine share caches and may run at the same time. */
  run(options: RunOptions): Promise<RunResult>;
  folder: string;
  close(): Promise<void>;
}

/** All that this machine is told to be, since there is only this one. */
const usualLabels = [
  ...['ubuntu-latest', 'ubuntu-26.04', 'ubuntu-24.04', 'ubuntu-22.04', 'ubuntu-slim', 'ubuntu-24.04-arm'],
  ...['macos-latest', 'macos-15', 'macos-14', 'windows-latest', 'windows-2025', 'windows-2022'],
  ...['self-hosted', 'linux', 'x64', 'arm64', 'gpu'],
];

/**
 * A local GitHub Actions: nektos/act in host mode (steps are processes of this machine, no Docker), with its own cache
 * service and ours for artifacts, all on loopback. What differs from GitHub:
 *
 * - actions/checkout is a copy of the working tree made by act: `.git` with the whole history, on the branch that is
 *   checked out rather than a detached or shallow one, with the remotes of the source repository and its uncommitted
 *   files (ignored ones left out). No token is written to `.git/config`, so a push goes to `origin` as it stands, for
 *   instance the file:// one of temporaryRepository. A checkout of another repository, or with a `ref` other than the
 *   event's, is the real action and needs GitHub.
 * - A pull request's GITHUB_SHA is the head commit, not a merge commit. The filters `branches`, `paths` and `types` of
 *   a trigger are not looked at: the workflow runs. `permissions`, `concurrency` and job `timeout-minutes` are ignored.
 * - A called workflow needs a job of its own with steps: act gives the calling job its result and outputs when such a
 *   job ends, and without one whatever needs the calling job is skipped. The result here says how all of them ended.
 *   When a called workflow fails, act ends the run there: jobs that were to run regardless, by `always()`, do not.
 * - In a called workflow, `github.workflow` is the called one's name instead of the caller's.
 * - A cancelled step is killed at once, without the interrupt and the seconds of patience that a runner gives.
 * - Steps share one HOME, empty at the start and without git identity, credentials or configuration of the user.
 */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const { releaseTree, slug, refs = [] } = options;
  if (releaseTree && !(slug && refs.length)) {
    throw new UserError('A release tree is served under a slug and refs, which are missing', {
      advice: 'Pass slug and refs beside releaseTree.',
    });
  }
  const act = await tool('act');
  const folder = resolve(options.folder ?? (await mkdtemp(join(tmpdir(), 'mlops-engine-'))));
  const at = (name: string) => join(folder, name);
  if (!options.keepCaches) await rm(at('cache'), { recursive: true, force: true });
  for (const name of ['runs', 'artifacts', 'home']) await rm(at(name), { recursive: true, force: true });
  for (const name of ['runs', 'artifacts', 'home', 'cache']) await mkdir(at(name), { recursive: true });
  const artifacts = await startArtifactServer(at('artifacts'));
  const release = releaseTree ? { tree: resolve(releaseTree), slug: slug as string, refs } : undefined;

  return {
    folder,
    run: (run) => runOnce({ act, folder, artifacts, release }, run),
    close: async () => {
      await artifacts.close();
      if (!options.folder) return await remove(folder);
      for (const name of ['runs', 'artifacts', 'home']) await remove(at(name));
      if (!options.keepCaches) await remove(at('cache'));
    },
  };
}

interface Parts {
  act: string;
  folder: string;
  artifacts: ArtifactServer;
  release: { tree: string; slug: string; refs: readonly string[] } | undefined;
}

let runs = 0;

async function runOnce(parts: Parts, options: RunOptions): Promise<RunResult> {
  const { folder, artifacts, release } = parts;
  const { onLine = () => {}, timeoutMs = 600_000, graceMs = 30_000 } = options;
  const repository = resolve(options.repository);
  const payload = await eventPayload(repository, options);
  await requireWorkflow(repository, options.workflow);
  const number = ++runs;
  const runId = options.runId ?? String(Date.now() * 1000 + number);
  const trackingId = `github_${randomUUID()}`;
  const runFolder = join(folder, 'runs', `${number}-${randomUUID().slice(0, 8)}`);
  const secrets = secretsOf(options);
  await mkdir(runFolder);
  try {
    const env = runnerEnvironment(join(folder, 'home'), {
      ACTIONS_RUNTIME_URL: artifacts.url,
      ACTIONS_RESULTS_URL: artifacts.url,
      ACTIONS_RUNTIME_TOKEN: artifacts.token(runId),
      RUNNER_TRACKING_ID: trackingId,
      RUNNER_NAME: 'local',
      RUNNER_ENVIRONMENT: 'self-hosted',
      GITHUB_TRIGGERING_ACTOR: (payload.sender as { login: string }).login,
      GITHUB_REPOSITORY_ID: '1',
      GITHUB_REPOSITORY_OWNER_ID: '1',
      GITHUB_ACTOR_ID: '1',
      ...options.env,
    });
    const github = {
      GITHUB_REPOSITORY: (payload.repository as { full_name: string }).full_name,
      GITHUB_RUN_ID: runId,
      GITHUB_RUN_NUMBER: String(number),
      GITHUB_RUN_ATTEMPT: String(options.runAttempt ?? 1),
      // Answers 404 and says why: without a GitHub API of the test's own, no step talks to the real one.
      GITHUB_API_URL: `${artifacts.url}api`,
      GITHUB_GRAPHQL_URL: `${artifacts.url}graphql`,
      RUNNER_TRACKING_ID: trackingId,
      ...Object.fromEntries(Object.entries(options.env ?? {}).filter(([name]) => name.startsWith('GITHUB_'))),
    };
    const args = [
      options.event ?? 'push',
      ...['--directory', repository],
      ...['--json', '--verbose', '--rm'],
      ...['--actor', (payload.sender as { login: string }).login],
      ...['--eventpath', await write(runFolder, 'event.json', payload)],
      // Also keeps act from reading files of these names in the repository.
      ...['--env-file', await write(runFolder, 'env.yaml', github)],
      ...['--secret-file', await write(runFolder, 'secrets.yaml', secrets)],
      ...['--var-file', await write(runFolder, 'vars.yaml', options.vars ?? {})],
      ...['--input-file', await write(runFolder, 'inputs.yaml', {})],
      ...['--action-cache-path', join(runFolder, 'work')],
      ...['--cache-server-path', join(folder, 'cache'), '--cache-server-addr', '127.0.0.1'],
      ...['--container-daemon-socket', '-', '--pull=false'],
      ...[...usualLabels, ...(options.labels ?? [])].flatMap((label) => ['-P', `${label}=-self-hosted`]),
      ...(release?.refs ?? []).flatMap((ref) => [
        '--local-repository',
        `${release?.slug}@${ref}=${release?.tree}`,
      ]),
      ...(options.workflow
        ? ['--workflows', join(repository, '.github', 'workflows', options.workflow)]
        : []),
      ...(options.job ? ['--job', options.job] : []),
      ...Object.entries(options.matrix ?? {}).flatMap(([key, value]) => ['--matrix', `${key}:${value}`]),
      ...(options.concurrency ? ['--concurrent-jobs', String(options.concurrency)] : []),
    ];
    const workflows = await readWorkflows([repository, ...(release ? [release.tree] : [])]);
    const log = new ActLog(workflows, [...Object.values(secrets), artifacts.token(runId)], onLine);
    const { exitCode, cancelled, timedOut, orphans } = await runAct({
      program: parts.act,
      args,
      env,
      trackingId,
      onLine: (line) => log.read(line),
      signal: options.signal,
      timeoutMs,
      graceMs,
    });
    const read = log.finish(cancelled || timedOut);
    const clean = read.problems.length === 0 && read.jobs.every(({ result }) => result !== 'failure');
    return {
      ...read,
      success: exitCode === 0 && clean && !cancelled && !timedOut,
      cancelled,
      timedOut,
      artifacts: artifacts.artifacts(runId),
      orphans,
      runId,
    };
  } finally {
    await remove(runFolder);
  }
}

/** A pull request from a fork gets no secrets but a token, unless it is a pull_request_target. */
function secretsOf({ secrets = {}, fork, event }: RunOptions): Record<string, string> {
  const token = { GITHUB_TOKEN: secrets.GITHUB_TOKEN ?? `ghs_${randomUUID().replaceAll('-', '')}` };
  return fork && event === 'pull_request' ? token : { ...secrets, ...token };
}

async function requireWorkflow(repository: string, workflow: string | undefined): Promise<void> {
  const path = join(repository, '.github', 'workflows', workflow ?? '');
  if (await stat(path).catch(() => undefined)) return;
  throw new UserError(`${path} does not exist`, {
    advice: 'Give the file name of a workflow of the repository.',
  });
}

/** JSON is YAML, which act reads without the quoting rules of .env files. Secrets stand in it: for the owner only. */
async function write(folder: string, name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(content), { mode: 0o600 });
  return path;
}

const remove = (path: string) => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
