import { type GateRecord, numberOf, type RuleRecord, type SliceRecord, sliceName } from '@mlops/core/record';
import { type Domain, domainOf, type Strip, strip } from '../charts/strip.ts';
import { type Html, html } from '../html.ts';
import {
  askedText,
  boundOf,
  boundText,
  byText,
  changeText,
  intervalText,
  metricOfChange,
  slicesTitle,
  valueText,
} from '../rule-text.ts';
import { foldingTable } from '../table.ts';
import { countText, marks } from '../text.ts';

/** More drawings than these make a page slow and tell nobody more. */
const mostDrawn = 200;

/** Every rule with its evidence, those that did not pass first, then its slices. */
export function rulesPart({ rules }: GateRecord): Html {
  const order = ['fail', 'inconclusive', 'warn', 'pass'];
  const sorted = rules.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  return html`<h3>Rules</h3>${foldingTable(
    ['Verdict', 'Rule', '~Evidence', 'Why'],
    sorted.map((rule, i) => [
      verdictHtml(rule.verdict),
      html`<code>${rule.metric}</code>${byText(rule)}<small>${askedText(rule)}${rule.severity === 'warn' && ', else a warning'}</small>`,
      i < mostDrawn ? evidence(rule) : '',
      html`${rule.explanation}<small>${footing(rule)}</small>`,
    ]),
    30,
  )}<p class="soft">Dots are values, or changes for the better; lines are their intervals, and the shaded side of the dashed line is what a rule lets pass.</p>
${rules.filter(({ slices }) => slices?.length).map(slicesPart)}`;
}

function verdictHtml(verdict: RuleRecord['verdict']): Html {
  return html`<span class="${verdict}-text nowrap">${marks[verdict]} ${verdict}</span>`;
}

/** What the numbers rest on. */
function footing({ method, examples, needed, pValue, worstSlice }: RuleRecord): string {
  return [
    ...(method ? [method] : []),
    ...(examples === undefined ? [] : [`n = ${examples.toLocaleString('en')}`]),
    ...(pValue === undefined
      ? []
      : [pValue < 0.0001 ? 'p < 0.0001' : `p = ${Number(pValue.toPrecision(2))}`]),
    ...(needed === undefined ? [] : [`some ${needed.toLocaleString('en')} would have decided it`]),
    ...(worstSlice === undefined ? [] : [`worst: ${worstSlice}`]),
  ].join(' · ');
}

function evidence(rule: RuleRecord): Html | string {
  const shown = stripOf(rule, rule);
  const domain = shown && domainOf([shown]);
  if (!shown || !domain) return '–';
  return html`${strip({ ...shown, label: `${rule.metric}: ${labelOf(rule, rule)}`, kind: rule.verdict }, domain)}<small>${labelOf(rule, rule)}</small>`;
}

/** Value or change against its bound; undefined where neither is known. */
function stripOf(
  rule: RuleRecord,
  { candidate, change, interval }: RuleRecord | SliceRecord,
): Omit<Strip, 'label' | 'kind'> | undefined {
  const point = rule.rule === 'threshold' ? candidate : change;
  if (point === null || !Number.isFinite(numberOf(point))) return undefined;
  return {
    point: numberOf(point),
    interval: interval && [numberOf(interval.low), numberOf(interval.high)],
    bound: {
      at: boundOf(rule),
      passes: rule.rule === 'threshold' && !rule.greaterIsBetter ? 'below' : 'above',
    },
  };
}

function labelOf(rule: RuleRecord, { candidate, change, interval }: RuleRecord | SliceRecord): string {
  const metric = metricOfChange(rule);
  const value = rule.rule === 'threshold' ? valueText(metric, candidate) : changeText(change, metric);
  return `${value}${interval ? ` ${intervalText(interval, metric)}` : ''}, bound ${boundText(rule)}`;
}

/** The slices of a rule on one scale, the worst first, as in a forest plot. */
function slicesPart(rule: RuleRecord): Html {
  const slices = (rule.slices ?? []).toSorted((a, b) => badness(rule, b) - badness(rule, a));
  const strips = slices.slice(0, mostDrawn).map((slice) => stripOf(rule, slice));
  const domain = domainOf(strips.filter((one) => one !== undefined));
  return html`<h3>${slicesTitle(rule)}: <code>${rule.metric}</code> ${askedText(rule)}</h3>${foldingTable(
    ['Verdict', 'Slice', '#Examples', '~Evidence', 'Why'],
    slices.map((slice, i) => [
      slice.verdict === 'too-small'
        ? html`<span class="soft nowrap">– too small</span>`
        : verdictHtml(slice.verdict),
      html`<code>${sliceName(slice)}</code>${sliceName(slice) === rule.worstSlice && html`<small><strong>worst</strong></small>`}`,
      slice.examples?.toLocaleString('en') ?? '–',
      sliceEvidence(rule, slice, strips[i], domain),
      html`${slice.explanation}${slice.needed !== undefined && html`<small>some ${countText(slice.needed, 'example')} would have decided it</small>`}`,
    ]),
    25,
  )}`;
}

function sliceEvidence(
  rule: RuleRecord,
  slice: SliceRecord,
  shown: Omit<Strip, 'label' | 'kind'> | undefined,
  domain: Domain | undefined,
): Html | string {
  if (!shown || !domain) return labelOf(rule, slice);
  const label = `${sliceName(slice)}: ${labelOf(rule, slice)}`;
  const kind = slice.verdict === 'too-small' ? 'none' : slice.verdict;
  return html`${strip({ ...shown, label, kind }, domain)}<small>${labelOf(rule, slice).replace(/, bound .*/, '')}</small>`;
}

/** How far below what is asked; what is too small to be judged comes last. */
function badness(rule: RuleRecord, slice: SliceRecord): number {
  const shown = stripOf(rule, slice);
  if (slice.verdict === 'too-small') return Number.NEGATIVE_INFINITY;
  if (!shown?.bound) return Number.MAX_VALUE;
  return shown.bound.passes === 'above' ? shown.bound.at - shown.point : shown.point - shown.bound.at;
}
