import type { JobRecord, RunRecord } from '@mlops/core/record';
import { describe, expect, test } from 'vitest';
import { renderHtml, renderMarkdown } from '../src/index.ts';
import { sampleRecord } from './sample-record.ts';

describe('a run in which every text is hostile', () => {
  const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)>\n# h ![p](//e/p.png) [l](javascript:alert(1)) | \`c\` &lt; \${x}`;
  const record = withTexts(sampleRecord(), hostile);

  test('is a page whose markup is the same as ever', async () => {
    const [usual, attacked] = [await renderHtml(sampleRecord()), await renderHtml(record)].map(elements);
    expect(attacked).toEqual(usual?.filter((name) => name !== 'a'));
  });

  test('is a summary without markup of theirs', () => {
    const text = renderMarkdown(record);
    const outsideCode = text.replace(/`[^`\n]*`/g, '').replace(/<\/?code>/g, '');
    expect(outsideCode).not.toMatch(/<|!\[|\]\(/);
    const headings = text.split('\n').filter((line) => line.startsWith('#'));
    expect(headings).toHaveLength(3);
    const columns = text
      .split('\n')
      .flatMap((line) => (line.startsWith('|') ? line.split('|').length - 2 : []));
    expect(columns).toEqual([6, 6, 6, 6, 4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4, 4]);
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
    expect(text).toContain('_1900 more are in the report._');
    expect(text).toContain('_400 more are in the report._');
  });

  test('shows the rules that did not pass among those that are shown', () => {
    expect(renderMarkdown(record)).toContain('`metric.1999`');
  });

  test('is a page with everything in it', async () => {
    const page = await renderHtml(record);
    expect(elements(page).length).toBeGreaterThan(50 * 2500);
    expect(page.match(/metric\.1998</g)).toHaveLength(50 * 2);
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

/** The record with this text wherever the schema allows any text. */
function withTexts(record: RunRecord, text: string): RunRecord {
  const [job] = record.jobs;
  const [training] = job?.trainings ?? [];
  const [gate] = job?.gates ?? [];
  const [deployment] = job?.deployments ?? [];
  if (!job || !training || !gate?.baseline || !deployment) throw new Error('the sample has become smaller');
  Object.assign(record.run, {
    message: text,
    ref: text,
    commit: text,
    event: text,
    repository: text,
    url: text,
  });
  Object.assign(job, {
    job: text,
    hardware: { ...job.hardware, cpu: text, os: text, arch: text, runner: text },
  });
  for (const step of job.steps) Object.assign(step, { action: text, ...(step.error && { error: text }) });
  for (const environment of job.environments) environment.python = text;
  training.name = text;
  for (const stage of training.stages) Object.assign(stage, { name: text, reason: text });
  const renamed = <T>(values: Record<string, T>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [`${name}${text}`, value]));
  training.metrics = renamed(training.metrics);
  training.curves = renamed(training.curves);
  training.parameters = renamed(training.parameters);
  gate.baseline.ref = text;
  for (const rule of gate.rules) Object.assign(rule, { metric: text, rule: text, explanation: text });
  Object.assign(deployment, { environment: text, revision: text, previousRevision: text, url: text });
  for (const smoke of deployment.smoke) Object.assign(smoke, { request: text, response: text });
  return record;
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
