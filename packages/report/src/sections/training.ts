import type { GateRecord, TrainingRecord } from '@mlops/core/record';
import { curveChart } from '../charts/curves.ts';
import { type Html, html } from '../html.ts';
import { determinismSection, resourcesSection } from '../resources.ts';
import { foldingTable, table } from '../table.ts';
import { durationText, measuredText } from '../text.ts';
import { dataPart, parametersPart } from './differences.ts';

/** What was trained, of what, and how it went. */
export function trainingPart(training: TrainingRecord, gates: readonly GateRecord[]): Html {
  const baseline = gates.find((gate) => gate.baseline)?.baseline ?? null;
  const curves = Object.entries(groupCurves(training.curves));
  // The gate's comparison has them, too.
  return html`${gates.length === 0 && metricsPart(training)}
${curves.length > 0 && html`<h3>Curves</h3><div class="charts">${curves.map(([title, series]) => curveChart(title, series))}</div>`}
${training.repeats && repeatsPart(training, training.repeats)}
${parametersPart(training, baseline)}
${dataPart(training, baseline)}
${stagesPart(training)}
${training.resources && resourcesSection(training.resources)}
${training.determinism && determinismSection(training.determinism)}`;
}

function metricsPart({ metrics }: TrainingRecord): Html {
  return html`<h3>Metrics</h3>${foldingTable(
    ['Metric', '#Value'],
    Object.entries(metrics).map(([metric, value]) => [html`<code>${metric}</code>`, measuredText(value)]),
  )}`;
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

function repeatsPart(
  { metrics, spread = {} }: TrainingRecord,
  repeats: NonNullable<TrainingRecord['repeats']>,
): Html {
  const names = Object.keys(metrics);
  return html`<h3>Seeds</h3>${foldingTable(
    ['Metric', '#Mean', '#Deviation', ...repeats.map(({ seed }) => `#seed ${seed}`)],
    names.map((name) => [
      html`<code>${name}</code>`,
      measuredText(metrics[name] ?? null),
      measuredText(spread[name] ?? null),
      ...repeats.map((repeat) => measuredText(repeat.metrics[name] ?? null)),
    ]),
  )}`;
}

function stagesPart({ stages }: TrainingRecord): Html {
  if (stages.length === 0) return html``;
  const counts = ['ran', 'skipped', 'failed', 'stopped', 'not-reached']
    .map((outcome) => ({ outcome, count: stages.filter((stage) => stage.outcome === outcome).length }))
    .filter(({ count }) => count > 0);
  return html`<h3>Stages</h3><details><summary>${counts.map(({ outcome, count }) => `${count} ${outcome}`).join(', ')}: why each of them</summary>${table(
    ['Stage', 'Outcome', '#Time', 'Why'],
    stages.map((stage) => [
      html`<code>${stage.name}</code>`,
      stage.outcome === 'failed' ? html`<span class="fail-text">${stage.outcome}</span>` : stage.outcome,
      durationText(stage.durationMs),
      html`${stage.reason}${stage.outcome === 'skipped' && html` <span class="soft">(saved ${durationText(stage.savedMs)})</span>`}`,
    ]),
  )}</details>`;
}
