import type { GateRecord, TrainingRecord } from '@mlops/core/record';
import { type Comparison, comparisons, type Tendency } from '../comparison.ts';
import { type Html, html } from '../html.ts';
import { changeText, intervalText, valueText } from '../rule-text.ts';
import { type Cell, foldingTable } from '../table.ts';

/** Every metric of the candidate, and how it changed against the baseline. */
export function changesPart(gate: GateRecord, training: TrainingRecord | undefined): Html {
  const all = comparisons(gate, training);
  if (all.length === 0) return html``;
  if (!all.some(({ baseline }) => baseline !== null))
    return html`<h3>Metrics</h3>${foldingTable(
      ['Metric', '#Value', '#Interval'],
      all.map(({ metric, candidate, candidateInterval }) => [
        html`<code>${metric}</code>`,
        valueText(metric, candidate),
        candidateInterval ? intervalText(candidateInterval, metric) : '',
      ]),
    )}`;
  const guessed = all.some(({ tendency }) => tendency && !tendency.noiseKnown);
  return html`<h3>What changed</h3>${foldingTable(
    ['Metric', 'Outcome', '#Change', '#Candidate', '#Baseline'],
    all.map(changeRow),
  )}${guessed && html`<p class="soft">Where noise is unknown there is no interval, and the numbers alone are compared.</p>`}`;
}

function changeRow(one: Comparison): Cell[] {
  const { metric, candidate, candidateInterval, baseline, change, changeInterval, tendency } = one;
  const small = (text: string) => html`<small>${text}</small>`;
  return [
    html`<code>${metric}</code>`,
    tendency ? tendencyHtml(tendency) : candidate === null ? 'not measured' : baseline === null ? 'new' : '',
    html`${changeText(change, metric)}${changeInterval && small(intervalText(changeInterval, metric))}`,
    html`${valueText(metric, candidate)}${candidateInterval && small(intervalText(candidateInterval, metric))}`,
    valueText(metric, baseline),
  ];
}

/** The arrow is the number's, the word says what that means. */
export function tendencyHtml({ arrow, outcome, noiseKnown }: Tendency): Html {
  const kinds: Partial<Record<Tendency['outcome'], string>> = {
    better: 'pass-text',
    worse: 'fail-text',
    undecided: 'inconclusive-text',
  };
  return html`<span class="${noiseKnown ? (kinds[outcome] ?? 'soft') : 'soft'}">${arrow} ${outcome}${!noiseKnown && outcome !== 'unchanged' && ', noise unknown'}</span>`;
}

/** `0.9718 [0.951, 0.985]` */
export function measuredWithInterval({ metric, candidate, candidateInterval }: Comparison): string {
  return `${valueText(metric, candidate)}${candidateInterval ? ` ${intervalText(candidateInterval, metric)}` : ''}`;
}
