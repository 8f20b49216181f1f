import { type GateRecord, givenInputs, type StageRecord, type TrainingRecord } from '@mlops/core/record';
import { type Difference, dataDifferences, parameterDifferences } from '../differences.ts';
import { type Html, html } from '../html.ts';
import { foldingTable, table } from '../table.ts';
import { bytesText, countText, digestText } from '../text.ts';

type Content = StageRecord['inputs'][number];
type Baseline = GateRecord['baseline'];

/** What differs from the baseline's parameters, and all of them, folded. */
export function parametersPart(training: TrainingRecord, baseline: Baseline): Html {
  const entries = Object.entries(training.parameters);
  const differ = parameterDifferences(training, baseline);
  if (entries.length === 0 && !differ?.length) return html``;
  const all = table(
    ['Parameter', 'Value'],
    entries.map(([name, value]) => [html`<code>${name}</code>`, html`<code>${JSON.stringify(value)}</code>`]),
  );
  return html`<h3>Parameters</h3>${
    differ &&
    (differ.length === 0
      ? html`<p>The same as the baseline's.</p>`
      : foldingTable(
          ['', 'Parameter', 'Baseline', 'Candidate'],
          differ.map(({ name, kind, baseline, candidate }) => [
            kindHtml(kind),
            html`<code>${name}</code>`,
            baseline === undefined ? '–' : html`<code>${JSON.stringify(baseline)}</code>`,
            candidate === undefined ? '–' : html`<code>${JSON.stringify(candidate)}</code>`,
          ]),
        ))
  }${entries.length > 0 && html`<details><summary>All ${countText(entries.length, 'parameter')}</summary>${all}</details>`}`;
}

/** The data that no stage made: what differs from the baseline's, and all of them, folded. */
export function dataPart(training: TrainingRecord, baseline: Baseline): Html {
  const given = givenInputs(training.stages);
  const differ = dataDifferences(training, baseline);
  if (given.length === 0 && !differ?.length) return html``;
  const all = table(
    ['Path', '#Size', 'Digest'],
    given.map(({ path, bytes, digest }) => [
      html`<code>${path}</code>`,
      bytesText(bytes),
      html`<code>${digestText(digest)}</code>`,
    ]),
  );
  return html`<h3>Data and code that were read</h3>${
    differ &&
    (differ.length === 0
      ? html`<p>The same as the baseline's.</p>`
      : foldingTable(
          ['', 'Path', '#Size', 'Baseline', 'Candidate'],
          differ.map((one) => [
            kindHtml(one.kind),
            html`<code>${one.name}</code>`,
            sizeText(one),
            html`<code>${digestText(one.baseline?.digest)}</code>`,
            html`<code>${digestText(one.candidate?.digest)}</code>`,
          ]),
        ))
  }${given.length > 0 && html`<details><summary>All ${countText(given.length, 'input')}</summary>${all}</details>`}`;
}

function kindHtml(kind: Difference<unknown>['kind']): Html {
  const signs = { added: '+', removed: '−', changed: '~' };
  return html`<span class="nowrap">${signs[kind]} ${kind}</span>`;
}

function sizeText({ baseline, candidate }: Difference<Content>): string {
  if (!baseline || !candidate) return bytesText((candidate ?? baseline)?.bytes ?? 0);
  if (baseline.bytes === candidate.bytes) return bytesText(candidate.bytes);
  return `${bytesText(baseline.bytes)} → ${bytesText(candidate.bytes)}`;
}
