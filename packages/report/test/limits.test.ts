import type { JobRecord, RunRecord } from '@mlops/core/record';
import { describe, expect, test } from 'vitest';
import { renderHtml, renderMarkdown } from '../src/index.ts';
import { sampleRecord } from './sample-record.ts';

describe('a run in which every text is hostile', () => {
  const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)>\n# h ![p](//e/p.png) [l](javascript:alert(1)) | \`c\` &lt; \${x}`;
  const record = withTexts(sampleRecord(), hostile);

  test('is a page whose markup is the same as ever', async () => {
    const [usual, attacked] = [await renderHtml(sampleRecord()), await renderHtml(record)].map(elements);
    const notLinks = (name: string) => name !== 'a';
    expect(attacked?.filter(notLinks)).toEqual(usual?.filter(notLinks));
  });

  test('is a summary without markup of theirs', () => {
    const text = renderMarkdown(record);
    const outsideCode = text.replace(/`[^`\n]*`/g, '').replace(/<\/?(?:code|details|summary)>/g, '');
    expect(outsideCode).not.toMatch(/<|!\[|\]\(/);
    const headings = text.split('\n').filter((line) => line.startsWith('#'));
    expect(headings).toHaveLength(2);
    const widths = (markdown: string) =>
      markdown.split('\n').flatMap((line) => (line.startsWith('|') ? line.split('|').length - 2 : []));
    expect(widths(text)).toEqual(widths(renderMarkdown(sampleRecord())));
  });

  test('has links to web pages only', async () => {
    const [job] = record.jobs;
    for (const deployment of job?.deployments ?? []) deployment.url = 'javascript:alert(1)';
    record.run.url = 'javascript:alert(1)';
    expect(await renderHtml(record)).not.toContain('href="javascript');
    expect(await renderHtml(sampleRecord())).toContain('<a href="http://127.0.0.1:8000">');
  });
});

describe('a run of 50 jobs with 2000 metrics and 500 stages', () => {
  const record = large();

  test('has a summary that GitHub shows, which says what is left out', () => {
    const text = renderMarkdown(record);
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024);
    expect(text).toContain('_1899 more are in the report._');
    expect(text).toContain('_The rest is in the report._');
  });

  test('shows the rules that did not pass among those that are shown', () => {
    expect(renderMarkdown(record)).toContain('`metric.1999`');
  });

  test('is a page with everything in it', async () => {
    const page = await renderHtml(record);
    expect(elements(page).length).toBeGreaterThan(50 * 2500);
    expect(page.match(/<code>metric\.1998</g)).toHaveLength(50 * 2);
  });
});

test('jobs that failed alike are counted in the headline', () => {
  const record = sampleRecord();
  record.jobs = [...record.jobs, ...structuredClone(record.jobs)];
  expect(renderMarkdown(record)).toMatch(/^## ❌ package failed \(2 times\) · ⚠️ Gate: warn · /);
});

/** The elements of a page in order; fails for one that is not nested as HTML asks. */
function elements(page: string): string[] {
  const names: string[] = [];
  const open: string[] = [];
  const style = page.indexOf('</style>');
  const body = `${page.slice(page.indexOf('<html'), page.indexOf('<style>') + 7)}${page.slice(style)}`;
  for (const [tag] of body.matchAll(/<[^>]*>?/g)) {
    const [, closing, name = '', empty] =
      /^<(\/?)([a-z][a-z0-9]*)(?: [a-zA-Z][\w-]*="[^"<>]*")*( ?\/)?>$/.exec(tag) ?? [];
    const parent = open.at(-1) ?? '';
    if (!name) throw new Error(`this is no tag: ${tag}`);
    if (closing) {
      if (open.pop() !== name) throw new Error(`${tag} ends ${parent}`);
      continue;
    }
    names.push(name);
    if (/^(p|h1|h2|h3|pre)$/.test(parent) && !/^(a|code|span)$/.test(name))
      throw new Error(`${tag} stands in ${parent}`);
    if (!empty && name !== 'meta') open.push(name);
  }
  expect(open).toEqual([]);
  return names;
}

/** The record with this text before every other one, and before every name, wherever the schema allows any. */
function withTexts(record: RunRecord, text: string): RunRecord {
  const fixed = /^(outcome|verdict|kind|rule|severity|cpuSource|startedAt|finishedAt)$/;
  const named = /^(parameters|metrics|curves|libraries|seeds|flags|threads)$/;
  const changed = (value: unknown, name: string): unknown => {
    if (typeof value === 'string')
      return fixed.test(name) || /^(sha256|md5):|^(NaN|-?Infinity)$/.test(value) ? value : text + value;
    if (Array.isArray(value)) return value.map((one) => changed(one, ''));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [named.test(name) ? text + key : key, changed(one, key)]),
    );
  };
  const hostile = changed(record, '') as RunRecord;
  for (const rule of hostile.jobs.flatMap(({ gates }) => gates).flatMap(({ rules }) => rules))
    if (rule.worstSlice && rule.slices?.[1])
      rule.worstSlice = `${rule.slices[1].column}=${rule.slices[1].value}`;
  return hostile;
}

function large(): RunRecord {
  const record = sampleRecord();
  const [job] = record.jobs;
  const [training, gate, rule, stage] = [
    job?.trainings[0],
    job?.gates[0],
    job?.gates[0]?.rules[0],
    job?.trainings[0]?.stages[0],
  ];
  if (!job || !training || !gate || !rule || !stage) throw new Error('the sample has become smaller');
  const metrics = Array.from({ length: 2000 }, (_, i) => `metric.${i}`);
  training.metrics = Object.fromEntries(metrics.map((name, i) => [name, i / 7]));
  training.stages = Array.from({ length: 500 }, (_, i) => ({ ...stage, name: `stage-${i}` }));
  gate.rules = metrics.map((metric) => ({
    ...rule,
    metric,
    verdict: metric === 'metric.1999' ? 'fail' : 'pass',
  }));
  record.jobs = Array.from({ length: 50 }, (): JobRecord => structuredClone(job));
  return record;
}
