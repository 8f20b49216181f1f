import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, type Context, type InputsOf } from '@mlops/core';
import type { GitHubApi } from '@mlops/core/github-api';
import {
  BranchStore,
  jobRecordPath,
  jobRecordSchema,
  originOf,
  RecordsDeniedError,
  type RunRecord,
  writeJobRecord,
} from '@mlops/core/record';
import { filesOfPart, keptFiles, partPrefix, recordSoFar } from '@mlops/core/run-so-far';
import { artifactStore, hasGitHubArtifacts } from '@mlops/core/store';
import { type Extras, readUserReport, renderHtml, renderMarkdown } from '@mlops/report';
import type { action } from './action.ts';
import { aliasesOf } from './aliases.ts';
import { combined, extrasOfOtherJobs, handOnExtras } from './extras.ts';
import { artifactUrl, mentions, reportName } from './names.ts';
import { missingFiles, ownExtras } from './own-extras.ts';
import { showable } from './showable.ts';

type Inputs = InputsOf<typeof action>;
type ReportContext = Context<typeof action>;

export async function report(inputs: Inputs, context: ReportContext): Promise<void> {
  // A job that failed before it trained has not said yet which leg of a matrix it is.
  context.record.matrix ??= jobRecordSchema.shape.matrix.parse(JSON.parse(inputs.matrix ?? 'null'));
  mentions(inputs.cc);
  if (inputs.scope === 'job') return handOn(inputs, context);
  if (inputs.scope === 'run') return finish(inputs, context);
  if (inputs.scope === 'dashboard') return (await import('./dashboard.ts')).makeDashboard(inputs, context);
  const { reportTriggeringRun } = await import('./triggering-run.ts');
  return reportTriggeringRun(inputs, context);
}

/** Uploads what this job recorded, for the job that ends the run. */
async function handOn(
  inputs: Inputs,
  { github, project, signal, record, outputs, workingDirectory }: ReportContext,
): Promise<void> {
  if (record.steps.length === 0) return void console.log('Nothing was recorded in this job.');
  outputs.recordPath = jobRecordPath(github);
  writeJobRecord(github, record);
  if (!hasGitHubArtifacts(process.env))
    return void annotate('notice', 'The record stays in this job: it has no artifact service.');
  // Legs of a matrix and calls of the same workflow share a job's name, hence the random part.
  const name = `${partPrefix(project)}${github.job}-${randomBytes(4).toString('hex')}`;
  const store = artifactStore({ retentionDays: inputs.retentionDays, signal });
  await store.save(name, join(github.temp, 'mlops'), filesOfPart(record, github));
  const extras = await ownExtras(inputs, workingDirectory, readUserReport);
  if (Object.keys(extras).length) await handOnExtras({ ...extras, job: record }, project, github, store);
  outputs.artifactName = name;
  console.log(`Handed on as ${name}.`);
}

async function finish(inputs: Inputs, context: ReportContext): Promise<void> {
  const { github, outputs, project, signal } = context;
  const record = await recordSoFar(context);

  const extras = await extrasOfRun(inputs, context);

  const folder = join(github.temp, 'mlops', 'report');
  await mkdir(folder, { recursive: true });
  const [page, json] = [join(folder, 'report.html'), join(folder, 'run-record.json')];
  await Promise.all([
    writeFile(page, await renderHtml(record, extras)),
    writeFile(json, `${JSON.stringify(record, null, 1)}\n`),
  ]);
  outputs.reportPath = page;
  outputs.recordPath = json;
  context.summary.push(renderMarkdown(record, extras));

  let pageUrl: string | undefined;
  if (hasGitHubArtifacts(process.env)) {
    const store = artifactStore({ retentionDays: inputs.retentionDays, signal });
    const name = inputs.artifactName ?? reportName(project);
    const { id } = await store.save(name, folder, ['report.html', 'run-record.json']);
    outputs.artifactName = name;
    const shown = await showable(page, name, store);
    pageUrl = artifactUrl(github.runUrl, shown ?? id);
    if (pageUrl) outputs.reportUrl = pageUrl;
  }
  console.log(`Report: ${page}`);
  await post(record, extras, pageUrl, inputs, context);
  outputs.recorded = await keep(record, inputs, context);
}

/** What users add to the report, from all jobs; a file that none of them has is said. */
async function extrasOfRun(inputs: Inputs, context: ReportContext): Promise<Extras> {
  const { github, project, signal, record, workingDirectory } = context;
  const own = await ownExtras(inputs, workingDirectory, readUserReport);
  const extras = combined([
    ...(await extrasOfOtherJobs(project, github, signal)),
    ...(Object.keys(own).length ? [{ ...own, job: record }] : []),
  ]);
  for (const file of missingFiles(inputs, extras))
    annotate('notice', `The report is without ${file}: no job has that file.`);
  return extras;
}

/** Posts the report to GitHub, where there is one and it is asked for. */
async function post(
  record: RunRecord,
  extras: Extras,
  pageUrl: string | undefined,
  inputs: Inputs,
  context: ReportContext,
): Promise<void> {
  const { github, project, workingDirectory } = context;
  const [owner, repo] = github.repository?.split('/') ?? [];
  if (!inputs.githubToken || !owner || !repo) return;
  if (inputs.comment === 'never' && inputs.check === 'never') return;
  const [{ gitHubApi }, { publish }, { pullRequestsOf, whyReadOnly }, { rulePlaces }] = await Promise.all([
    import('@mlops/core/github-api'),
    import('./publish.ts'),
    import('./pull-requests.ts'),
    import('./rule-places.ts'),
  ]);
  const wanted = { when: inputs.comment, number: inputs.pullRequest };
  const publication = {
    ...{ record, extras, pageUrl, project, owner, repo },
    pulls: (api: GitHubApi) => pullRequestsOf(github, wanted, { owner, repo }, api),
    places: await rulePlaces({ ...github, ...inputs, workingDirectory }),
    readOnly: whyReadOnly(github),
  };
  const api = await gitHubApi(github, inputs.githubToken, context.signal);
  await publish(publication, api, inputs, context);
}

/** Records the run on the branch, where that is wanted and allowed; answers whether it was. */
async function keep(
  record: RunRecord,
  inputs: Inputs,
  { github, signal, workingDirectory }: ReportContext,
): Promise<boolean> {
  const reason = reasonNotToKeep(
    record,
    inputs,
    [github.workspace, workingDirectory].some((folder) => existsSync(join(folder, '.git'))),
  );
  if (reason) {
    annotate('notice', `The run is not recorded: ${reason}.`);
    return false;
  }
  const remote = await originOf(github, workingDirectory, inputs.githubToken);
  try {
    const path = await new BranchStore({ remote, branch: inputs.recordsBranch, signal }).append(
      record,
      aliasesOf(record),
      await keptFiles(record.jobs, github),
    );
    console.log(`Recorded as ${path} on ${inputs.recordsBranch}.`);
    return true;
  } catch (error) {
    if (!(error instanceof RecordsDeniedError)) throw error;
    annotate(
      'notice',
      `The run is not recorded: ${error.message}. ${error.advice} Later runs cannot be compared with this one.`,
    );
    return false;
  }
}

function reasonNotToKeep({ run, jobs }: RunRecord, inputs: Inputs, checkedOut: boolean): string | undefined {
  if (inputs.record === 'never') return "the input 'record' is 'never'";
  if (/^pull_request|^workflow_run$|^issue_comment$/.test(run.event))
    return `runs of the event '${run.event}' are not kept`;
  if (jobs.length === 0) return 'no job recorded anything';
  if (!checkedOut) return 'the repository is not checked out';
  return undefined;
}
