import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withBrowser } from '@mlops/testkit/browser';
import { artifactFiles } from '@mlops/testkit/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manyRuns } from '../../packages/report/test/many-runs.ts';
import { Example, expectSuccess, noticesOf } from './example.ts';
import { readOnlyGitServer } from './git-server.ts';

/** The dashboard's workflow, and its page as the bundled action makes it. */

let example: Example;

beforeAll(async () => {
  example = await Example.open();
  for (const record of manyRuns(3)) await example.records.append(record);
});
afterAll(() => example.close());

test('the workflow publishes a page that works in a browser', async () => {
  const result = await example.run({ workflow: 'dashboard.yml', event: 'workflow_dispatch' });
  expectSuccess(result);
  const artifacts = Object.fromEntries(result.artifacts.map((artifact) => [artifact.name, artifact]));
  expect(Object.keys(artifacts)).toEqual(['mlops-dashboard', 'mlops-dashboard.html']);

  const published = await example.git('-C', example.origin, 'show', 'gh-pages:dashboard/index.html');
  const page = join(example.home, 'dashboard.html');
  await writeFile(page, published);
  await withBrowser(async (browser) => {
    const visit = await browser.open(`${pathToFileURL(page)}#view=metrics`);
    await visit.page.waitForSelector('figure svg');
    for (const view of ['Durations', 'Costs', 'Aliases', 'Runs']) {
      await visit.page.locator(`.tabs ::-p-text(${view})`).click();
      await visit.page.waitForSelector(`.tabs ::-p-text(${view})[aria-current]`);
    }
    await visit.page.waitForSelector('.runs tbody tr');
    expect(await visit.page.$$('.runs tbody tr')).toHaveLength(3);
    await visit.page.locator('.runs button.open').click();
    await visit.page.waitForSelector('dialog h3');
    expect(visit).toMatchObject({ complaints: [], requests: [] });
  });
});

test("without 'contents: write' the page is an artifact, and a notice names the permission", async () => {
  const server = await readOnlyGitServer(example.origin);
  try {
    await example.git('remote', 'set-url', 'origin', server.url);
    const tip = await example.git('ls-remote', example.origin, 'gh-pages');
    const result = await example.run({
      ...{ workflow: 'dashboard.yml', event: 'workflow_dispatch' },
      secrets: { GITHUB_TOKEN: 'ghs_0may0only0read' },
    });
    expectSuccess(result);
    expect(noticesOf(result).join('\n')).toContain("Grant 'permissions: contents: write'");
    const page = result.artifacts.find(({ name }) => name === 'mlops-dashboard');
    expect(String(page && (await artifactFiles(page))['index.html'])).toContain('of 3 recorded runs');
    expect(await example.git('ls-remote', example.origin, 'gh-pages')).toBe(tip);
  } finally {
    await server.close();
    await example.git('remote', 'set-url', 'origin', pathToFileURL(example.origin).href);
  }
});
