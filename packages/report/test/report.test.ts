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

  test('holds every section', () => {
    for (const title of [
      'Lineage',
      'Gate:',
      'Stages',
      'Metrics',
      'Curves',
      'Resources',
      'What decides the result',
      'Parameters',
      'staging: deployed',
      'Model card',
      'Jobs',
    ])
      expect(page).toContain(title);
    expect(page.match(/<svg/g)).toHaveLength(7);
    expect(page).toContain('&#39;serve.py&#39; matches no file');
  });

  test('draws what was used over time, and says it to those who do not see it', () => {
    expect(page).toContain(
      'aria-label="Load, %, over minutes: CPU between 30 and 90, GPU between 80 and 95"',
    );
    expect(page).toContain(
      'aria-label="Memory in use, GB, over minutes: Machine between 2 and 6.4, GPU between 9 and 11"',
    );
    expect(page).toContain(
      '<td class="">1.04 USD (GitHub&#39;s price for Linux X64, 4 cores and a GPU)</td>',
    );
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
    expect(page.match(/<svg/g)).toHaveLength(4);
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
