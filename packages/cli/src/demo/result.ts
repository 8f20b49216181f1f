import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import type { DeploymentRecord, RunRecord, StageRecord } from '@mlops/core/record';
import { parse } from 'yaml';
import { root } from '../root.ts';
import { type Progress, seconds } from './progress.ts';
import type { Project } from './project.ts';
import type { Outcome } from './run-event.ts';

/** Prints what came of the run, and asks the deployed model for a prediction. */
export async function showResult(
  project: Project,
  { run, report }: Outcome,
  { keep }: { keep: boolean },
  progress: Progress,
): Promise<void> {
  if (report) showRecord(report.record, progress);
  const deployments = report?.record.jobs.flatMap((job) => job.deployments) ?? [];
  for (const deployment of deployments) await showDeployment(project, deployment, keep, progress);
  for (const { level, message, title } of run.annotations)
    progress.line(`${level}${title ? ` (${title})` : ''}: ${message}`);
  if (report) progress.line(`Report      ${report.page}`);
  progress.line(`Log         ${join(project.folder, 'log.txt')}`);
  progress.line(`Done in ${progress.total}.`);
  if (!run.success)
    throw new UserError(`the pipeline ${run.cancelled ? 'was cancelled' : 'failed'}`, {
      advice: run.problems.join('\n') || undefined,
    });
}

function showRecord(record: RunRecord, progress: Progress): void {
  progress.line('');
  for (const job of record.jobs) {
    for (const { stages, metrics, model } of job.trainings) {
      for (const stage of stages)
        progress.line(
          `Stage       ${stage.name.padEnd(10)} ${stage.outcome.padEnd(11)} ${timeOf(stage).padStart(12)}   ${stage.reason}`,
        );
      const shown = Object.entries(metrics)
        .slice(0, 6)
        .map(([name, value]) => `${name} ${Number(Number(value).toPrecision(4))}`);
      if (shown.length) progress.line(`Metrics     ${shown.join(', ')}`);
      if (model) progress.line(`Model       ${model.path}, ${model.digest.slice(0, 19)}…`);
    }
    for (const { verdict, rules, baseline } of job.gates) {
      progress.line(`Gate        ${verdict}${baseline ? `, against ${baseline.ref}` : ''}`);
      for (const rule of rules)
        progress.line(`            ${rule.verdict.padEnd(12)} ${rule.metric}: ${rule.explanation}`);
    }
  }
}

function timeOf({ outcome, savedMs, durationMs }: StageRecord): string {
  if (outcome === 'not-reached') return '';
  return outcome === 'skipped' ? `saved ${seconds(savedMs)}` : seconds(durationMs);
}

async function showDeployment(
  project: Project,
  deployment: DeploymentRecord,
  keep: boolean,
  progress: Progress,
): Promise<void> {
  const { environment, outcome, url, revision, reason } = deployment;
  progress.line(
    `Deployment  ${outcome} to ${environment}: ${url ?? '–'}, revision ${revision}${reason ? ` (${reason})` : ''}`,
  );
  if (!url) return;
  await ask(project, url, progress);
  if (keep) return progress.line(`            It goes on serving.`);
  await stop(project, environment);
  progress.line(`            Stopped again; with --keep it goes on serving.`);
}

interface SmokeRequest {
  path: string;
  method?: string;
  json?: unknown;
  expect?: { status?: number };
}

/** Sends the first smoke request that is to succeed, as a client would. */
async function ask({ repository }: Project, url: string, progress: Progress): Promise<void> {
  const config = parse(await readFile(join(repository, 'mlops.yaml'), 'utf8')) as {
    'cloud-deploy'?: { smoke?: SmokeRequest[] };
  };
  const sample = config['cloud-deploy']?.smoke?.find(({ expect }) => (expect?.status ?? 200) < 300);
  if (!sample) return;
  const { path, method = 'GET', json } = sample;
  const response = await fetch(new URL(path, url), {
    method,
    ...(json === undefined
      ? {}
      : { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } }),
    signal: AbortSignal.timeout(10_000),
  });
  progress.line(
    `Prediction  ${method} ${path} → ${response.status} ${(await response.text()).slice(0, 200)}`,
  );
}

/** Ends the deployment as a user would: with the action's own command. */
async function stop({ repository, home }: Project, environment: string): Promise<void> {
  const action = join(root, '.release', 'actions', 'cloud-deploy', 'dist', 'index.js');
  await command(process.execPath, [action], {
    cwd: repository,
    env: {
      HOME: home,
      GITHUB_WORKSPACE: repository,
      INPUT_COMMAND: 'stop',
      INPUT_ENVIRONMENT: environment,
      RUNNER_TEMP: join(home, 'tmp'),
    },
  });
}
