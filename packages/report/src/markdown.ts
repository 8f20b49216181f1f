import { code, plain, table } from '@mlops/core';
import type { JobRecord, RunRecord } from '@mlops/core/record';
import type { Extras } from './extras.ts';
import { extrasMarkdown } from './extras-markdown.ts';
import { facts } from './resources.ts';
import { digestText, durationText, headline, measuredText, signs, type Verdict } from './text.ts';

/** A table with more rows than this ends in how many are left to the page. */
const rowsShown = 100;
/** GitHub drops a summary of more than 1 MiB as a whole; this leaves room for what is below. */
const bytesShown = 900 * 1024;

export interface MarkdownOptions extends Extras {
  /** Bytes that it may have; by default what a step summary holds. */
  limit?: number;
  /** Of the page, for a link to it. */
  pageUrl?: string;
}

/** The run as Markdown, for the step summary or a comment: verdict first, then evidence, metrics, stages and deployments. */
export function renderMarkdown(
  record: RunRecord,
  { limit = bytesShown, pageUrl, ...extras }: MarkdownOptions = {},
): string {
  const { run } = record;
  const source = `${code(run.commit.slice(0, 7))}${run.dirty ? ' (with uncommitted changes)' : ''} on ${code(run.ref)} by ${plain(run.event)}`;
  const page = pageUrl ? ` · [The whole report](${pageUrl})` : '';
  return fitting(limit, [
    `## ${plain(headline(record, signs).text)}`,
    `${run.message ? `${plain(run.message)} — ${source}` : source}${page}`,
    ...record.jobs.flatMap((job) => [...gates(job), ...trainings(job), ...deployments(job)]),
    ...failures(record),
    ...extrasMarkdown(extras),
  ]);
}

/** The sections as far as they fit. */
function fitting(limit: number, sections: readonly string[]): string {
  const shown: string[] = [];
  const left = '_The rest is in the report._';
  let bytes = left.length + 2;
  for (const section of sections.filter(Boolean)) {
    bytes += Buffer.byteLength(section) + 2;
    if (bytes > limit) return [...shown, left].join('\n\n');
    shown.push(section);
  }
  return shown.join('\n\n');
}

function gates(job: JobRecord): string[] {
  const order: Verdict[] = ['fail', 'inconclusive', 'warn', 'pass'];
  return job.gates.map((gate) =>
    longTable(
      [
        '',
        'Metric',
        'Rule',
        '#Candidate',
        `#Baseline${gate.baseline ? ` (${code(gate.baseline.ref)})` : ''}`,
        'Why',
      ],
      gate.rules
        // Where not all of them are shown, those that did not pass are.
        .toSorted((a, b) =>
          gate.rules.length > rowsShown ? order.indexOf(a.verdict) - order.indexOf(b.verdict) : 0,
        )
        .map((rule) => [
          signs[rule.verdict],
          code(rule.metric),
          plain(`${rule.rule} ${rule.bound}`),
          measuredText(rule.candidate),
          measuredText(rule.baseline),
          plain(rule.explanation),
        ]),
    ),
  );
}

function trainings(job: JobRecord): string[] {
  return job.trainings.flatMap((training) => [
    `### ${plain(training.name)}${training.model ? ` · model ${code(digestText(training.model.digest))}` : ''}`,
    longTable(
      ['Stage', 'Outcome', '#Time', 'Why'],
      training.stages.map((stage) => [
        code(stage.name),
        stage.outcome,
        stage.outcome === 'skipped' ? `saved ${durationText(stage.savedMs)}` : durationText(stage.durationMs),
        plain(stage.reason),
      ]),
    ),
    longTable(
      ['Metric', '#Value'],
      Object.entries(training.metrics).map(([metric, value]) => [code(metric), measuredText(value)]),
    ),
    ...(training.resources
      ? [
          facts(training.resources)
            .map(([what, used]) => `**${what}** ${plain(used)}`)
            .join(' · '),
        ]
      : []),
  ]);
}

function deployments(job: JobRecord): string[] {
  return job.deployments.flatMap((deployment) => [
    `### ${plain(deployment.environment)}: ${deployment.outcome}${deployment.url ? ` at ${plain(deployment.url)}` : ''}`,
    ...(deployment.reason ? [plain(deployment.reason)] : []),
    longTable(
      ['', 'Smoke request', '#Status', '#Time'],
      deployment.smoke.map((smoke) => [
        smoke.passed ? signs.pass : signs.fail,
        code(smoke.request),
        String(smoke.status ?? '–'),
        durationText(smoke.durationMs),
      ]),
    ),
  ]);
}

function failures(record: RunRecord): string[] {
  const failed = record.jobs.flatMap((job) => job.steps.filter((step) => step.outcome !== 'success'));
  return failed.map((step) => `**${plain(step.action)} ${step.outcome}**: ${plain(step.error ?? '')}`);
}

/** A table of the first rows; nothing for one without rows. */
function longTable(head: string[], rows: string[][]): string {
  if (rows.length === 0) return '';
  const left = rows.length - rowsShown;
  return `${table(head, rows.slice(0, rowsShown))}${left > 0 ? `\n\n_${left} more are in the report._` : ''}`;
}
