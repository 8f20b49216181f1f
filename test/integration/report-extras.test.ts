import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionResult } from '@mlops/testkit/runner-files';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { job, training } from './origin.ts';
import { messages, ReportRuns } from './report-runs.ts';

const png = Buffer.from('89504e470d0a1a0a', 'hex');
const data = `data:image/png;base64,${png.toString('base64')}`;
const inputs = { 'user-report': 'report.md', 'model-card': 'MODEL_CARD.md' };

let runs: ReportRuns;
beforeEach(async () => {
  runs = await ReportRuns.start();
});
afterEach(() => runs.stop());

const put = (files: Record<string, string | Buffer>) =>
  Promise.all(
    Object.entries(files).map(([name, content]) => writeFile(join(runs.origin.checkout, name), content)),
  );
const pageOf = ({ outputs }: ActionResult) => readFile(outputs['report-path'] ?? '', 'utf8');
const trained = job(1, { trainings: [training({ metrics: { accuracy: 0.9 } })] });

test('a report of the project and a model card are on the page, in the summary and in the comment', async () => {
  await put({
    'report.md': '# Findings\n\n![Loss](loss.png) ![](gone.png)\n\n<script>alert(1)</script>',
    'loss.png': png,
    'MODEL_CARD.md': '---\nlicense: mit\n---\nFor cats only.\n',
  });
  const pull = runs.repository.addPullRequest();
  const result = await runs.report(inputs, { record: trained, ...runs.ofPull(pull) });
  expect(messages(result, 'error')).toEqual([]);
  const page = await pageOf(result);
  expect(page).toContain(`<img src="${data}" alt="Loss"`);
  expect(page).toContain('(The picture gone.png is missing.)');
  expect(page).not.toContain('<script');
  expect(page).toContain('<code>license</code></td><td class="">mit</td>');
  expect(page).toContain('For cats only.');
  for (const text of [result.summary, runs.repository.comments[0]?.body ?? ''])
    expect(text).toContain('# Findings\n\n(picture in the report page) (picture in the report page)');
});

test('legs of a matrix hand theirs on, and pictures of one name stay apart', async () => {
  const pictures = { small: 'small picture', large: 'large picture' };
  for (const [size, picture] of Object.entries(pictures)) {
    await put({
      'report.md': `Of the ${size} model: ![${size}](loss.png)`,
      'loss.png': picture,
      'MODEL_CARD.md': 'For cats only.',
    });
    const record = job(1, { matrix: { size }, trainings: [training({ name: size })] });
    const leg = await runs.report(
      { scope: 'job', ...inputs },
      { record, run: 7, env: { GITHUB_JOB: 'train' } },
    );
    expect(messages(leg, 'error')).toEqual([]);
  }
  // The job that ends the run has a checkout of its own, without what the legs made.
  for (const name of ['report.md', 'loss.png', 'MODEL_CARD.md']) await rm(join(runs.origin.checkout, name));
  const result = await runs.report(inputs, { run: 7 });
  expect(messages(result, 'error')).toEqual([]);
  expect(messages(result, 'notice').join()).not.toContain('The report is without');
  const page = await pageOf(result);
  for (const [size, picture] of Object.entries(pictures)) {
    expect(page).toContain(`<h4>train (size=${size})</h4>`);
    expect(page).toContain(
      `<img src="data:image/png;base64,${Buffer.from(picture).toString('base64')}" alt="${size}"`,
    );
  }
  expect(page.match(/For cats only\./g)).toHaveLength(1);
  expect(result.summary).toContain('Of the large model: (picture in the report page)');
});

test('a file that no job has is a notice, and the report is there', async () => {
  const result = await runs.report(inputs, { record: trained });
  expect(result.exitCode).toBe(0);
  expect(messages(result, 'notice').slice(0, 2)).toEqual([
    "The report is without user-report 'report.md': no job has that file.",
    "The report is without model-card 'MODEL_CARD.md': no job has that file.",
  ]);
  expect(await pageOf(result)).not.toContain('Report of the project');
});

test('a picture from outside of the project is an error that names the line', async () => {
  await put({ 'report.md': 'Findings\n\n![](../secret.png)', '../secret.png': 'secret' });
  const result = await runs.report(inputs, { record: trained });
  expect(result.exitCode).toBe(1);
  expect(result.annotations.find(({ level }) => level === 'error')).toMatchObject({
    file: 'report.md',
    line: 3,
    message: expect.stringContaining("the picture '../secret.png' is outside of the working directory"),
  });
});
