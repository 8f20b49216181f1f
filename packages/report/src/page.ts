import type { DeploymentRecord, GateRecord, JobRecord, RunRecord, TrainingRecord } from '@mlops/core/record';
import { curveChart, timeline } from './charts.ts';
import type { Extras } from './extras.ts';
import { modelCardSection, userReportSection } from './extras-sections.ts';
import { Html, html } from './html.ts';
import { determinismSection, resourcesSection } from './resources.ts';
import { style } from './style.ts';
import { table } from './table.ts';
import { bytesText, digestText, durationText, headline, marks, measuredText, timeText } from './text.ts';

/**
 * The run as one HTML page that needs nothing else: no script, no request, readable in light and dark.
 *
 * @param extras What users add: shown as they formatted it, with nothing in it that runs or is loaded
 */
export async function renderHtml(record: RunRecord, extras: Extras = {}): Promise<string> {
  const { run, jobs } = record;
  const { verdict, text } = headline(record, marks);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${text}</title><style>${new Html(style)}</style></head>
<body><header class="${verdict}"><h1>${text}</h1>
<p>${run.message || 'No commit message'}</p>
<p class="soft">${run.repository ?? 'local run'} · <code>${run.commit.slice(0, 7)}</code>${run.dirty && ' with uncommitted changes'} · ${run.ref} · ${run.event} · ${timeText(run.finishedAt)} · ${durationText(Date.parse(run.finishedAt) - Date.parse(run.startedAt))}${run.url && html` · ${link(run.url, 'run')}`}</p></header>
<main>${lineage(record)}
${jobs.flatMap((job) => job.gates.map(gateSection))}
${extras.userReport && (await userReportSection(extras.userReport))}
${jobs.flatMap((job) => job.trainings.map(trainingSection))}
${await modelCardSection(record, extras.modelCard)}
${jobs.flatMap((job) => job.deployments.map(deploymentSection))}
${jobsSection(jobs)}</main>
<footer>Made from the run's record, schema ${record.schema}.</footer></body></html>
`;
  return page.text;
}

/** commit → environment → model → package → deployment */
function lineage({ run, jobs }: RunRecord): Html {
  const environment = jobs.flatMap((job) => job.environments).at(0);
  const links = [
    html`<li>commit <code>${run.commit.slice(0, 7)}</code></li>`,
    environment &&
      html`<li>Python ${environment.python}, lock <code>${digestText(environment.lock?.digest ?? null)}</code></li>`,
    ...jobs
      .flatMap((job) => job.trainings)
      .map(
        ({ model }) =>
          model && html`<li>model <code>${digestText(model.digest)}</code>, ${bytesText(model.bytes)}</li>`,
      ),
    ...jobs
      .flatMap((job) => job.packages)
      .map((one) => html`<li>package <code>${digestText(one.digest)}</code>, ${bytesText(one.bytes)}</li>`),
    ...jobs
      .flatMap((job) => job.deployments)
      .map((one) => html`<li>${one.outcome} to ${one.environment} as <code>${one.revision}</code></li>`),
  ];
  return html`<h2>Lineage</h2><ul class="lineage">${links}</ul>`;
}

function gateSection(gate: GateRecord): Html {
  const baseline = gate.baseline
    ? html`against <code>${gate.baseline.ref}</code>${gate.baseline.commit && html` at <code>${gate.baseline.commit.slice(0, 7)}</code>`}`
    : 'without a baseline';
  return html`<h2>Gate: <span class="${gate.verdict}-text">${gate.verdict}</span> <span class="soft">${baseline}</span></h2>
${table(
  ['Verdict', 'Metric', 'Rule', '#Candidate', '#Baseline', 'Why'],
  gate.rules.map((rule) => [
    html`<span class="${rule.verdict}-text">${marks[rule.verdict]} ${rule.verdict}</span>`,
    html`<code>${rule.metric}</code>`,
    `${rule.rule} ${rule.rule === 'threshold' ? (rule.greaterIsBetter ? '≥ ' : '≤ ') : ''}${rule.bound}`,
    measuredText(rule.candidate),
    measuredText(rule.baseline),
    rule.explanation,
  ]),
)}`;
}

function trainingSection(training: TrainingRecord): Html {
  const curves = Object.entries(groupCurves(training.curves));
  return html`<h2>${training.name}</h2>
<h3>Stages</h3>${timeline(training.stages)}
${table(
  ['Stage', 'Outcome', '#Time', 'Why'],
  training.stages.map((stage) => [
    html`<code>${stage.name}</code>`,
    stage.outcome,
    durationText(stage.durationMs),
    html`${stage.reason}${stage.outcome === 'skipped' && html` <span class="soft">(saved ${durationText(stage.savedMs)})</span>`}`,
  ]),
)}
<h3>Metrics</h3>${table(
    ['Metric', '#Value'],
    Object.entries(training.metrics).map(([metric, value]) => [
      html`<code>${metric}</code>`,
      measuredText(value),
    ]),
  )}
${curves.length > 0 && html`<h3>Curves</h3>${curves.map(([title, series]) => curveChart(title, series))}`}
${training.resources && resourcesSection(training.resources)}
<h3>Parameters</h3>${table(
    ['Parameter', 'Value'],
    Object.entries(training.parameters).map(([name, value]) => [
      html`<code>${name}</code>`,
      JSON.stringify(value),
    ]),
  )}
${training.determinism && determinismSection(training.determinism)}`;
}

/** `train.loss` and `valid.loss` share a chart named loss; so do `train_loss` and `valid_loss`. */
function groupCurves(curves: TrainingRecord['curves']): Record<string, TrainingRecord['curves']> {
  const groups: Record<string, TrainingRecord['curves']> = {};
  for (const [name, points] of Object.entries(curves)) {
    const title = name.replace(/\b(train|training|valid|validation|val|test)(?:[._/-]|$)/g, '') || name;
    groups[title] = { ...groups[title], [name]: points };
  }
  return groups;
}

function deploymentSection(deployment: DeploymentRecord): Html {
  return html`<h2>${deployment.environment}: ${deployment.outcome}</h2>
<p>${deployment.url && html`${link(deployment.url)} · `}revision <code>${deployment.revision}</code>${deployment.previousRevision && html`, before it <code>${deployment.previousRevision}</code>`} · ${durationText(deployment.durationMs)}</p>
${deployment.reason && html`<p class="fail-text">${deployment.reason}</p>`}
${
  deployment.smoke.length > 0 &&
  table(
    ['', 'Smoke request', '#Status', '#Time', 'Response'],
    deployment.smoke.map((smoke) => [
      smoke.passed ? marks.pass : marks.fail,
      html`<code>${smoke.request}</code>`,
      smoke.status ?? '–',
      durationText(smoke.durationMs),
      html`<code>${smoke.response.slice(0, 200)}</code>`,
    ]),
  )
}`;
}

function jobsSection(jobs: readonly JobRecord[]): Html {
  return html`<h2>Jobs</h2>
${table(
  ['Job', 'Step', 'Outcome', '#Time', 'Runner'],
  jobs.flatMap((job) =>
    job.steps.map((step) => [
      job.job,
      html`<code>${step.action}</code>`,
      step.outcome === 'success'
        ? step.outcome
        : html`<span class="fail-text">${step.outcome}</span>${step.error && html`<details><summary>Why</summary><pre>${step.error}</pre></details>`}`,
      durationText(step.durationMs),
      `${job.hardware.runner}, ${job.hardware.os} ${job.hardware.arch}, ${job.hardware.cores} × ${job.hardware.cpu}, ${bytesText(job.hardware.memoryBytes)}`,
    ]),
  ),
)}`;
}

/** Only to what a browser opens without running it, unlike `javascript:`. */
function link(url: string, text = url): Html {
  return /^https?:\/\//i.test(url) ? html`<a href="${url}">${text}</a>` : html`${text}`;
}
