import { runRecordSchema } from '@mlops/core/record';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeHtml } from '../src/html.ts';
import { renderHtml, renderMarkdown } from '../src/index.ts';
import { bytesText, durationText } from '../src/text.ts';
import { sampleRecord } from './sample-record.ts';

describe('the page', async () => {
  const page = await renderHtml(sampleRecord());

  test('says first what failed, then the verdict', () => {
    expect(page).toMatch(
      /<h1>✗ package failed · ! Gate: warn · deployed to staging at http:\/\/127\.0\.0\.1:8000<\/h1>/,
    );
  });

  test('needs nothing from elsewhere and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(/);
  });

  test('shows what comes from the repository as text', () => {
    expect(page).toContain('Deepen the trees &#60;script&#62;');
  });

  test('holds every section, to which its contents lead', () => {
    const headings = [...page.matchAll(/<h2 id="(\w+)">([^<]*)/g)].map(([, id, title]) => [
      id,
      title?.trim(),
    ]);
    expect(headings.map(([, title]) => title)).toEqual([
      ...[
        'Gate',
        'Training: model',
        'staging: deployed',
        'Timeline',
        'Cost',
        'Lineage',
        'Model card',
        'Jobs',
      ],
    ]);
    for (const [id, title] of headings) expect(page).toContain(`<a href="#${id}">${title}</a>`);
    const parts = [...page.matchAll(/<h3>(?:<code>)?([^<:]*)/g)].map(([, title]) => title?.trim());
    expect(parts).toEqual([
      ...['What changed', 'Rules', 'By site', 'Confusion matrix', 'Plots', 'Curves', 'Parameters'],
      ...['Data and code that were read', 'Stages', 'Resources', 'What decides the result', 'model'],
    ]);
    expect(page).toContain('&#39;serve.py&#39; matches no file');
  });

  test('says in words what each drawing shows', () => {
    const drawings = [...page.matchAll(/<svg ([^>]*)>/g)].map(([, attributes = '']) => attributes);
    expect(drawings.length).toBeGreaterThan(20);
    for (const attributes of drawings)
      expect(attributes).toMatch(/role="img" aria-label="[^"]{8,}"|class="sample".* aria-hidden="true"/);
    for (const label of [
      'Load, %: CPU between 30 and 90, GPU between 80 and 95',
      'Memory in use, GB: Machine between 2 and 6.4, GPU between 9 and 11',
      'loss: train.loss ends at 0.14, valid.loss ends at 0.29',
      'test.log_loss: +0.03 [−0.067, 0.124], bound +0.1',
      'site=Lyon: 0.952 [0.9222, 0.9706], bound 0.93',
      'ROC curve: candidate area about 0.943; baseline area about 0.917',
      'features: skipped, cached, saved 400 ms',
    ])
      expect(page).toContain(`aria-label="${label}"`);
    expect(page).toContain('1.04 USD (GitHub&#39;s price for Linux X64, 4 cores and a GPU)');
  });

  test('leaves out what a machine did not tell', async () => {
    const record = sampleRecord();
    const training = record.jobs[0]?.trainings[0];
    const nothing = {
      cpuMean: null,
      memoryPeakBytes: null,
      diskFreeLeastBytes: null,
      processes: null,
      gpus: [],
    };
    Object.assign(training?.resources ?? {}, nothing, { diskFree: [null, null, null, null, null] });
    Object.assign(training?.determinism ?? {}, { seeds: {} });
    const page = await renderHtml(record);
    expect(page).not.toMatch(/Free disk|Power|Temperature|<td class="">(Memory|Disk)<|NaN between|Infinity/);
    expect(page).toContain('No seed was seen in parameters, variables or options.');
  });

  test('is made of a run in which nothing was recorded', async () => {
    expect(await renderHtml({ ...sampleRecord(), jobs: [] })).toContain('No gate ran');
  });
});

test('the sample is a valid record', () => {
  expect(runRecordSchema.parse(sampleRecord())).toEqual(sampleRecord());
});

test('the summary', () => {
  expect(renderMarkdown(sampleRecord())).toMatchSnapshot();
});

test('no text can leave its place in the markup', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(escapeHtml(text)).not.toMatch(/[<>"']/);
    }),
  );
});

test('durations and sizes read well at each of their bounds', () => {
  expect([0, 999, 1000, 59_999, 60_000, 3_599_999, 3_600_000].map(durationText)).toEqual([
    '0 ms',
    '999 ms',
    '1.0 s',
    '60.0 s',
    '1 min 00 s',
    '59 min 59 s',
    '1 h 00 min',
  ]);
  expect([0, 999, 1000, 1_500_000, 2e9].map(bytesText)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 MB',
    '2.0 GB',
  ]);
});
