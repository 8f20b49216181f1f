import type { JobRecord, RunRecord, StageRecord } from '@mlops/core/record';
import { type Span, span } from '../charts/span.ts';
import { type Html, html } from '../html.ts';
import { type Cell, table } from '../table.ts';
import { durationText, jobName } from '../text.ts';

/** A job of more stages has them folded. */
const mostStages = 40;

interface Row {
  name: Html;
  /** Undefined for what never started. */
  span?: Omit<Span, 'from'> & { at: number };
  said: Html | string;
}

/** All jobs over the time that the run took, with their steps and the stages within. */
export function timelinePart({ run, jobs }: RunRecord): Html {
  const begin = Math.min(Date.parse(run.startedAt), ...jobs.map(({ startedAt }) => Date.parse(startedAt)));
  const end = Math.max(Date.parse(run.finishedAt), ...jobs.map(({ finishedAt }) => Date.parse(finishedAt)));
  const draw = (rows: readonly Row[]) =>
    table(
      ['What', '~When', '#Time'],
      rows.map((row): Cell[] => [
        row.name,
        row.span ? span({ ...row.span, from: row.span.at - begin }, end - begin) : '',
        row.said,
      ]),
    );
  const long = jobs.filter(({ trainings }) => stagesOf(trainings).length > mostStages);
  const short = jobs.filter((job) => !long.includes(job));
  return html`${short.length > 0 && draw(short.flatMap(rowsOf))}${long.map(
    (job) =>
      html`${draw([jobRow(job)])}<details><summary>${stagesOf(job.trainings).length} stages</summary>${draw(rowsOf(job).slice(1))}</details>`,
  )}<p class="soft">Over ${durationText(end - begin)}. Outlined bars are cache hits, beside which stands what they saved.</p>`;
}

/** A job, then its steps as they started, each with the stages that started within it. */
function rowsOf(job: JobRecord): Row[] {
  const steps = job.steps.toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
  const stages = stagesOf(job.trainings);
  const placed = new Set<StageRecord>();
  const within = steps.flatMap((step): Row[] => {
    const from = Date.parse(step.startedAt);
    const own = stages.filter(
      (stage) => !placed.has(stage) && isBetween(stage, from, from + step.durationMs),
    );
    for (const stage of own) placed.add(stage);
    return [stepRow(step), ...own.map(stageRow)];
  });
  return [jobRow(job), ...within, ...stages.filter((stage) => !placed.has(stage)).map(stageRow)];
}

function stagesOf(trainings: JobRecord['trainings']): StageRecord[] {
  return trainings.flatMap(({ stages }) => stages);
}

function isBetween({ startedAt, outcome }: StageRecord, from: number, to: number): boolean {
  const at = Date.parse(startedAt);
  return outcome !== 'not-reached' && at >= from && at <= to;
}

function jobRow(job: JobRecord): Row {
  const at = Date.parse(job.startedAt);
  const durationMs = Math.max(0, Date.parse(job.finishedAt) - at);
  return {
    name: html`<strong>${jobName(job)}</strong>`,
    span: { at, durationMs, kind: 'job', label: `${jobName(job)}: ${durationText(durationMs)}` },
    said: durationText(durationMs),
  };
}

function stepRow({ action, startedAt, durationMs, outcome }: JobRecord['steps'][number]): Row {
  const label = `${action}: ${outcome} in ${durationText(durationMs)}`;
  return {
    name: html`<span class="in1">${action}</span>`,
    span: {
      ...{ at: Date.parse(startedAt), durationMs, label },
      kind: outcome === 'success' ? 'success' : 'failure',
    },
    said:
      outcome === 'success'
        ? durationText(durationMs)
        : html`<span class="fail-text">${outcome}</span> ${durationText(durationMs)}`,
  };
}

function stageRow({ name, startedAt, durationMs, outcome, savedMs }: StageRecord): Row {
  const shown = html`<code class="in2">${name}</code>`;
  if (outcome === 'not-reached') return { name: shown, said: 'not reached' };
  const isCached = outcome === 'skipped';
  const said = isCached ? `cached, saved ${durationText(savedMs)}` : durationText(durationMs);
  const kind = isCached ? 'cached' : outcome === 'ran' ? 'success' : 'failure';
  return {
    name: shown,
    span: { at: Date.parse(startedAt), durationMs, kind, label: `${name}: ${outcome}, ${said}` },
    said: kind === 'failure' ? html`<span class="fail-text">${outcome}</span> ${said}` : said,
  };
}
