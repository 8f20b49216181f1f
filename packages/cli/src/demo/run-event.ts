import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jobRecordSchema, type RunRecord, runRecordSchema } from '@mlops/core/record';
import { assemble } from '@mlops/core/run-so-far';
import { buildReleaseTree } from '@mlops/release';
import { renderHtml } from '@mlops/report';
import { artifactFiles, type RunResult, startEngine } from '@mlops/testkit/engine';
import type { DemoEvent } from '../demo.ts';
import { root, slug } from '../root.ts';
import { type Progress, seconds } from './progress.ts';
import { git, type Project } from './project.ts';

export interface Outcome {
  run: RunResult;
  /** Undefined when the run ended before it had one. */
  report: { page: string; record: RunRecord } | undefined;
}

/** Commits what was changed in the copy, makes the event happen in it, and runs its workflow. */
export async function runEvent(project: Project, event: DemoEvent, progress: Progress): Promise<Outcome> {
  const releaseTree = join(root, '.release');
  const { version } = await progress.step('Building the release tree', () =>
    buildReleaseTree({ root, out: releaseTree }),
  );
  const occasion = await makeHappen(project, event, progress);
  const engine = await startEngine({
    releaseTree,
    slug,
    refs: [`v${version}`, 'v1'],
    folder: join(project.folder, 'engine'),
    keepCaches: true,
  });
  const cancellation = new AbortController();
  process.once('SIGINT', () => cancellation.abort());
  try {
    progress.line(`▸ ${occasion.said}`);
    const run = await engine.run({
      repository: project.repository,
      workflow: 'ml.yml',
      ...occasion.event,
      env: runnerOf(project),
      onLine: (line) => showStep(line, progress),
      signal: cancellation.signal,
    });
    await writeFile(join(project.folder, 'log.txt'), run.log);
    return { run, report: await keepReport(project, run, occasion.event.event) };
  } finally {
    await engine.close();
  }
}

/** A self-hosted runner's home: what is installed and downloaded there is there again in the next run. */
function runnerOf({ home }: Project): Record<string, string> {
  return { HOME: home, XDG_CACHE_HOME: join(home, '.cache') };
}

/** The run's report, in a folder that outlives the engine's. */
async function keepReport(project: Project, run: RunResult, event: string): Promise<Outcome['report']> {
  const folder = join(project.folder, 'report');
  await mkdir(folder, { recursive: true });
  const artifact = run.artifacts.find(({ name }) => name === 'mlops-report');
  if (!artifact) return reportOfParts(project, run, event, folder);
  for (const [name, content] of Object.entries(await artifactFiles(artifact)))
    await writeFile(join(folder, name), content);
  const record = await readFile(join(folder, 'run-record.json'), 'utf8');
  return { page: join(folder, 'report.html'), record: runRecordSchema.parse(JSON.parse(record)) };
}

/** The local engine ends a run when a called workflow fails; on GitHub the report job still runs, and makes this. */
async function reportOfParts(
  project: Project,
  run: RunResult,
  event: string,
  folder: string,
): Promise<Outcome['report']> {
  const parts = run.artifacts.filter(({ name }) => name.startsWith('mlops-record.'));
  if (parts.length === 0) return undefined;
  const files = await Promise.all(parts.map(artifactFiles));
  const record = assemble(
    files.map((one) => jobRecordSchema.parse(JSON.parse(String(one['run-record.json'])))),
    {
      ...{
        id: run.runId,
        attempt: 1,
        repository: null,
        workflow: 'ML',
        event,
        dirty: false,
        actor: 'demo',
        url: null,
      },
      ref: await git(project, 'rev-parse', '--symbolic-full-name', 'HEAD'),
      commit: await git(project, 'rev-parse', 'HEAD'),
      message: await git(project, 'log', '-1', '--format=%s'),
    },
  );
  const page = join(folder, 'report.html');
  await writeFile(page, await renderHtml(record));
  return { page, record };
}

interface Occasion {
  said: string;
  event: { event: string; ref?: string; base?: string };
}

async function makeHappen(project: Project, event: DemoEvent, progress: Progress): Promise<Occasion> {
  const branch = event === 'pull_request' ? 'demo' : 'main';
  await git(project, 'checkout', '--quiet', '-B', branch);
  if (await git(project, 'status', '--porcelain')) {
    await git(project, 'commit', '--quiet', '--all', '--message', 'Change the example');
    progress.line(
      `▸ Committed: ${await git(project, 'show', '--stat', '--format=', 'HEAD').then((text) => text.split('\n')[0]?.trim())}`,
    );
  }
  if (event === 'tag') {
    const tag = `v0.${(await git(project, 'tag', '--list', 'v0.*')).split('\n').filter(Boolean).length + 1}.0`;
    await git(project, 'tag', tag);
    await git(project, 'checkout', '--quiet', tag);
    return { said: `push of the tag ${tag}`, event: { event: 'push', ref: `refs/tags/${tag}` } };
  }
  await git(project, 'push', '--quiet', 'origin', `HEAD:${branch}`, '--force');
  if (event === 'pull_request')
    return { said: 'pull_request from demo to main', event: { event, base: 'main' } };
  return { said: event === 'push' ? 'push to main' : event, event: { event } };
}

/** Of the engine's log only which step ended, and how. */
function showStep(line: string, progress: Progress): void {
  const [, job = '', ending, phase, step = '', time = ''] =
    /^\[(.*?)\]\s+\S+\s+(Success|Failure) - (Main|Post) (.*) \[(.*)\]$/.exec(line) ?? [];
  if (!ending || (phase === 'Post' && ending === 'Success')) return;
  const name = `${job.split('/').at(-1)} · ${phase === 'Post' ? 'end of ' : ''}${step}`;
  progress.line(
    `  ${ending === 'Success' ? '✓' : '✗'} ${name.padEnd(24)} ${seconds(millisecondsOf(time)).padStart(7)}`,
  );
}

/** Go's way of writing durations: `1m2.5s`, `450.1ms`, `9µs`. */
function millisecondsOf(time: string): number {
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, µs: 0.001, ns: 0.000001 };
  return [...time.matchAll(/([\d.]+)(h|ms|m|s|µs|ns)/g)].reduce(
    (sum, [, amount, unit = 's']) => sum + Number(amount) * (units[unit] ?? 0),
    0,
  );
}
