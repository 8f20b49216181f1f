import type { GateRecord, RunRecord } from '@mlops/core/record';
import type { Extras } from './extras.ts';
import { Html, html, link } from './html.ts';
import { gatesApart, type Model, modelsOf } from './models.ts';
import { type Section, withContents } from './section.ts';
import { costsPart } from './sections/costs.ts';
import { deploymentPart } from './sections/deployment.ts';
import { modelCardPart, userReportPart } from './sections/extras.ts';
import { gatePart, verdictAside } from './sections/gate.ts';
import { failuresPart, jobsPart } from './sections/jobs.ts';
import { lineagePart } from './sections/lineage.ts';
import { overviewPart } from './sections/overview.ts';
import { timelinePart } from './sections/timeline.ts';
import { trainingPart } from './sections/training.ts';
import { style } from './style.ts';
import { durationText, headline, jobName, marks, timeText } from './text.ts';

/**
 * The run as one HTML page that needs nothing else: no script, no request, readable in light and dark.
 *
 * @param extras What users add: shown as they formatted it, with nothing in it that runs or is loaded
 */
export async function renderHtml(record: RunRecord, extras: Extras = {}): Promise<string> {
  const { run, jobs } = record;
  const { verdict, text } = headline(record, marks);
  const { contents, body } = withContents(await sectionsOf(record, extras));
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${text}</title><style>${new Html(style)}</style></head>
<body><header class="${verdict}"><h1>${text}</h1>
<p>${run.message || 'No commit message'}</p>
<p class="soft">${run.repository ?? 'local run'} · <code>${run.commit.slice(0, 7)}</code>${run.dirty && ' with uncommitted changes'} · ${run.ref} · ${run.event} by ${run.actor} · ${timeText(run.finishedAt)} · ${durationText(Date.parse(run.finishedAt) - Date.parse(run.startedAt))}${run.url && html` · ${link(run.url, 'run')}`}</p>
${failuresPart(jobs)}</header>
${contents}<main>${body}</main>
<footer>Made from the run's record, schema ${record.schema}.</footer></body></html>
`;
  return page.text;
}

async function sectionsOf(record: RunRecord, { userReport, modelCard }: Extras): Promise<Section[]> {
  const { jobs } = record;
  const models = modelsOf(record);
  const card = await modelCardPart(record, modelCard);
  return [
    ...(models.length > 1 ? [{ title: 'Trainings', body: overviewPart(models, idOf) }] : []),
    ...gatesApart(record, models).map((gate) => gateSection(gate, undefined)),
    ...(models.length > 1
      ? models.map((model, i) => ({ ...modelSection(model), id: idOf(i) }))
      : models.flatMap(modelSections)),
    ...(userReport ? [{ title: 'Report of the project', body: await userReportPart(userReport) }] : []),
    ...jobs.flatMap((job) =>
      job.deployments.map((one) => ({
        title: `${one.environment}: ${one.outcome}${job.matrix ? ` by ${jobName(job)}` : ''}`,
        body: deploymentPart(one),
      })),
    ),
    ...(jobs.length
      ? [
          { title: 'Timeline', body: timelinePart(record) },
          { title: 'Cost', body: costsPart(record) },
          { title: 'Lineage', body: lineagePart(record) },
        ]
      : []),
    ...(card ? [{ title: 'Model card', body: card }] : []),
    ...(jobs.length ? [{ title: 'Jobs', body: jobsPart(jobs) }] : []),
  ];
}

function idOf(model: number): string {
  return `model-${model + 1}`;
}

/** Of the only training, whose verdict comes first. */
function modelSections(model: Model): Section[] {
  return [
    ...ownGates(model).map((gate) => gateSection(gate, model)),
    { title: `Training: ${model.label}`, body: trainingPart(model.training, model.gates) },
  ];
}

/** Of one of many trainings, folded unless it needs a look. */
function modelSection(model: Model): Section {
  const gates = ownGates(model);
  return {
    title: model.label,
    aside: html`${gates.map(verdictAside)}`,
    body: html`${gates.map((gate) => gatePart(gate, model.training))}${trainingPart(model.training, model.gates)}`,
    folded: gates.every(({ verdict }) => verdict === 'pass'),
  };
}

function gateSection(gate: GateRecord, model: Model | undefined): Section {
  const title = gate.name && gate.name !== model?.label ? `Gate of ${gate.name}` : 'Gate';
  return { title, aside: verdictAside(gate), body: gatePart(gate, model?.training) };
}

/** Those that are about this training alone. */
function ownGates({ gates, shared }: Model): GateRecord[] {
  return gates.filter((gate) => !shared.includes(gate));
}
