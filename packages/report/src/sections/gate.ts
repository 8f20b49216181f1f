import type { GateRecord, PredictionsRecord, TrainingRecord } from '@mlops/core/record';
import { calibrationPlot, precisionRecallPlot, residualPlot, rocPlot } from '../charts/plots.ts';
import { type Html, html, link } from '../html.ts';
import { bytesText, countText, digestText, marks } from '../text.ts';
import { changesPart } from './changes.ts';
import { confusionPart } from './confusion.ts';
import { rulesPart } from './rules.ts';

/** The verdict's evidence: what changed, each rule, slices, and how the model errs. */
export function gatePart(gate: GateRecord, training: TrainingRecord | undefined): Html {
  return html`<p class="soft">${againstText(gate)}${footingText(gate)}</p>
${changesPart(gate, training)}
${rulesPart(gate)}
${gate.plots && plotsPart(gate.plots)}
${gate.data && dataPart(gate.data)}`;
}

/** For a heading. */
export function verdictAside({ verdict }: GateRecord): Html {
  return html`<span class="${verdict}-text">${marks[verdict]} ${verdict}</span>`;
}

function againstText({ baseline, passed }: GateRecord): Html {
  const against = baseline
    ? html`Against <code>${baseline.ref}</code>${baseline.commit && html` at <code>${baseline.commit.slice(0, 7)}</code>`}${baseline.run && html` of ${baseline.run.url ? link(baseline.run.url, `run ${baseline.run.id}`) : `run ${baseline.run.id}`}`}`
    : 'Without a baseline';
  return html`${against}. The model ${passed ? 'may go on' : 'may not go on'}.`;
}

function footingText(gate: GateRecord): Html {
  const { settings, data } = gate;
  const { candidate, paired } = data ?? {};
  const shares = confidences(gate).map((one) => `${Number((one * 100).toPrecision(6))} %`);
  return html`${candidate && ` ${countText(candidate.examples, 'example')}${paired !== null && paired !== undefined ? `, ${paired.toLocaleString('en')} of them paired with the baseline's` : ''}.`}${
    shares.length > 0 && ` Intervals of ${shares.join(' and ')} confidence.`
  }${settings && ` ${settings.resamples.toLocaleString('en')} resamples, seed ${settings.seed}.`}`;
}

function confidences({ rules, metrics = [] }: GateRecord): number[] {
  const intervals = [
    ...rules.map(({ interval }) => interval),
    ...metrics.flatMap(({ candidateInterval, changeInterval }) => [candidateInterval, changeInterval]),
  ];
  return [...new Set(intervals.flatMap((interval) => (interval ? [interval.confidence] : [])))].sort();
}

function plotsPart({
  confusion,
  roc,
  precisionRecall,
  calibration,
  residuals,
}: NonNullable<GateRecord['plots']>): Html {
  const drawn = [
    roc && rocPlot(roc),
    precisionRecall && precisionRecallPlot(precisionRecall),
    calibration && calibrationPlot(calibration),
    residuals && residualPlot(residuals),
  ].filter((one) => one !== undefined);
  return html`${confusion && confusionPart(confusion)}${
    drawn.length > 0 &&
    html`<h3>Plots</h3><div class="charts">${drawn.map((one) => html`<div>${one}</div>`)}</div>`
  }`;
}

/** Which examples were judged, so that others can be told from them. */
function dataPart({ candidate, baseline, unpaired, differentLabels }: NonNullable<GateRecord['data']>): Html {
  const same = candidate && baseline && candidate.testSet === baseline.testSet;
  return html`<details><summary>Examples that were judged</summary><ul>${[candidate, baseline].map(
    (one, i) => one && html`<li>${i === 0 ? 'Candidate' : 'Baseline'}: ${predictionsText(one)}</li>`,
  )}${
    unpaired &&
    html`<li>Unpaired: ${unpaired.candidate} of the candidate's, ${unpaired.baseline} of the baseline's${differentLabels ? `; ${differentLabels} paired ones have different labels` : ''}</li>`
  }${candidate && baseline && html`<li>${same ? 'Both have the same test set.' : html`<span class="warn-text">! The test sets differ.</span>`}</li>`}</ul></details>`;
}

function predictionsText({ files, examples, duplicates, digest, testSet }: PredictionsRecord): Html {
  return html`${countText(examples, 'example')}${duplicates > 0 && `, ${countText(duplicates, 'duplicate')} left out`}, predictions <code>${digestText(digest)}</code>, test set <code>${digestText(testSet)}</code>${files.map(
    ({ path, bytes }) => html`, <code>${path}</code> (${bytesText(bytes)})`,
  )}`;
}
