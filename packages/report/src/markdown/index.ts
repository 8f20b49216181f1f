import { code, plain } from '@mlops/core';
import type { RunRecord } from '@mlops/core/record';
import type { Extras } from '../extras.ts';
import { failuresOf } from '../failures.ts';
import { type Model, modelsOf } from '../models.ts';
import { headline, signs } from '../text.ts';
import { modelCardMarkdown, userReportMarkdown } from './extras.ts';
import { changes, gateDetails, open } from './gate.ts';
import { overview } from './overview.ts';
import { deployments, trainingDetails, trainingMetrics } from './training.ts';

/** GitHub drops a summary of more than 1 MiB as a whole; this leaves room for what is below. */
const bytesShown = 900 * 1024;

/** Characters of a step's error; all of it is on the page. */
const errorShown = 2000;

export interface MarkdownOptions extends Extras {
  /** Bytes that it may have; by default what a step summary holds. */
  limit?: number;
  /** Of the page, for a link to it. */
  pageUrl?: string;
}

/**
 * The run as Markdown, for the step summary or a comment: the verdict, what changed and which rules did not pass, why;
 * then what the user wrote; the rest is folded. What does not fit is left to the page, beginning with the last.
 */
export function renderMarkdown(
  record: RunRecord,
  { limit = bytesShown, pageUrl, ...extras }: MarkdownOptions = {},
): string {
  const { run, jobs } = record;
  const source = `${code(run.commit.slice(0, 7))}${run.dirty ? ' (with uncommitted changes)' : ''} on ${code(run.ref)} by ${plain(run.event)}`;
  const page = pageUrl ? ` · [The whole report](${pageUrl})` : '';
  const models = modelsOf(record);
  const gates = gatesOf(record, models);
  return fitting(limit, [
    `## ${plain(headline(record, signs).text)}`,
    `${run.message ? `${plain(run.message)} — ${source}` : source}${page}`,
    ...failures(record),
    ...(models.length > 1 ? [overview(models)] : []),
    ...gates.flatMap(({ gate, model, label }) => [...changes(gate, model?.training, label), ...open(gate)]),
    ...models.flatMap((model) => (model.gates.length ? [] : trainingMetrics(model))),
    ...jobs.flatMap(({ deployments: made }) => made.flatMap(deployments)),
    ...userReportMarkdown(extras),
    ...gates.flatMap(({ gate, model }) => gateDetails(gate, model?.training)),
    ...models.flatMap(trainingDetails),
    ...modelCardMarkdown(extras),
  ]);
}

/** Each gate once, with the training that it judged, if it is only one. */
function gatesOf({ jobs }: RunRecord, models: readonly Model[]) {
  const all = jobs.flatMap((job) => job.gates);
  return all.map((gate) => {
    const model = models.find(({ gates, shared }) => gates.includes(gate) && !shared.includes(gate));
    return { gate, model, label: all.length > 1 ? (model?.label ?? gate.name ?? 'all') : undefined };
  });
}

/** The sections that fit. */
function fitting(limit: number, sections: readonly string[]): string {
  const shown: string[] = [];
  const left = '_The rest is in the report._';
  let bytes = left.length + 2;
  let isAll = true;
  for (const section of sections.filter(Boolean)) {
    const added = Buffer.byteLength(section) + 2;
    if (bytes + added > limit) isAll = false;
    else {
      bytes += added;
      shown.push(section);
    }
  }
  return [...shown, ...(isAll ? [] : [left])].join('\n\n');
}

function failures({ jobs }: RunRecord): string[] {
  return failuresOf(jobs).map(
    ({ action, outcome, error, jobs }) =>
      `**${plain(action)} ${outcome}** in ${plain(jobs.join(', '))}: ${plain(error.slice(0, errorShown))}`,
  );
}
