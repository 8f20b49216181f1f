import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BranchStore, type RunRecord } from '@mlops/core/record';
import { type ArtifactServer, artifactFiles, startArtifactServer } from '@mlops/testkit/engine';
import { type ActionResult, runAction } from '@mlops/testkit/runner-files';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { manyRuns, pathOf } from '../../packages/report/test/many-runs.ts';
import { git, Origin } from './origin.ts';

const action = fileURLToPath(new URL('../../actions/report', import.meta.url));

let origin: Origin;
const results: ActionResult[] = [];
beforeEach(async () => {
  origin = await Origin.with({ 'train.py': '' });
});
afterEach(async () => {
  for (const result of results.splice(0)) await result.runner.remove();
  await origin.remove();
});

async function dashboard(
  inputs: Record<string, string> = {},
  env: Record<string, string> = {},
): Promise<ActionResult> {
  const result = await runAction(action, {
    ...{ workspace: origin.checkout, env },
    inputs: { scope: 'dashboard', ...inputs },
  });
  results.push(result);
  return result;
}

async function record(...records: RunRecord[]): Promise<void> {
  const store = new BranchStore({ remote: { url: origin.bare } });
  for (const one of records) await store.append(one);
}

const notices = ({ annotations }: ActionResult) =>
  annotations.flatMap(({ level, message }) => (level === 'notice' ? [message] : []));
const pageOf = async (result: ActionResult) =>
  readFile(join(result.outputs['dashboard-path'] ?? '', 'index.html'), 'utf8');
const show = (file: string, branch = 'gh-pages') => git(origin.bare, ['show', `${branch}:${file}`]);
const commits = (branch = 'gh-pages') => git(origin.bare, ['log', '--format=%s', branch]);
const ours = 'Publish the dashboard to dashboard/index.html';

describe('the dashboard', () => {
  test('is made of the records on their branch, and told in the summary', async () => {
    await record(...manyRuns(3));
    const result = await dashboard({ 'dashboard-path': 'site' });
    expect(result.exitCode).toBe(0);
    expect(result.outputs['dashboard-path']).toBe(join(origin.checkout, 'site'));
    expect(await pageOf(result)).toContain('of 3 recorded runs');
    expect(result.summary).toContain('## Dashboard of 3 recorded runs');
    expect(notices(result)).toEqual([]);
  });

  test('is empty, with a notice, before the first run is recorded', async () => {
    const result = await dashboard();
    expect(result.exitCode).toBe(0);
    expect(await pageOf(result)).toContain('of 0 recorded runs');
    expect(notices(result)).toEqual([
      "There is no branch 'mlops-records' yet, so the dashboard is empty. The first run that is recorded creates it.",
    ]);
  });

  test('leaves out what it cannot read, and names it', async () => {
    await record(...manyRuns(1));
    fastImport('mlops-records', { 'runs/heads/main/x.json': '{"schema":2}' });
    const result = await dashboard();
    expect(await pageOf(result)).toContain('of 1 recorded runs; 1 could not be read');
    expect(notices(result)).toEqual([
      "A record is left out of the dashboard, for this version cannot read it: 'runs/heads/main/x.json': schema: Invalid input: expected 1.",
    ]);
  });

  test('is an artifact, and by itself one that a browser shows', async () => {
    await record(...manyRuns(2));
    const server: ArtifactServer = await startArtifactServer(join(origin.root, 'artifacts'));
    try {
      const result = await dashboard(
        {},
        { ACTIONS_RESULTS_URL: server.url, ACTIONS_RUNTIME_TOKEN: server.token('1') },
      );
      expect(result.outputs['artifact-name']).toBe('mlops-dashboard');
      const pages = await Promise.all(server.artifacts('1').map(artifactFiles));
      expect(pages.map((files) => Object.keys(files))).toEqual([['index.html'], ['mlops-dashboard.html']]);
    } finally {
      await server.close();
    }
  });

  test('is made of 10,000 records in well under a minute', async () => {
    const files = Object.fromEntries(
      [...manyRuns(10_000)].map((one) => [pathOf(one), JSON.stringify(one, null, 1)]),
    );
    fastImport('mlops-records', files);
    const result = await dashboard();
    expect(result.exitCode).toBe(0);
    const page = await pageOf(result);
    expect(page).toContain('of 10,000 recorded runs.');
    expect(Buffer.byteLength(page)).toBeLessThan(10e6);
  }, 60_000);
});

describe('publishing', () => {
  test('makes the branch, and then replaces its commit, so that it does not grow', async () => {
    await record(...manyRuns(1));
    const first = await dashboard({ publish: 'branch' });
    expect(first.outputs.published).toBe('true');
    await record(...manyRuns(2, 2));
    await dashboard({ publish: 'branch' });
    expect(await commits()).toBe(ours);
    expect(await show('dashboard/index.html')).toContain('of 3 recorded runs');
    expect(await git(origin.bare, ['ls-tree', '-r', '--name-only', 'gh-pages'])).toBe(
      '.nojekyll\ndashboard/index.html',
    );
  });

  test("leaves other files and everybody else's commits as they are", async () => {
    fastImport('gh-pages', { 'index.html': 'my site', 'docs/a.md': 'A' });
    await dashboard({ publish: 'branch' });
    await dashboard({ publish: 'branch' });
    expect(await commits()).toBe(`${ours}\nBy hand`);
    fastImport('gh-pages', { 'docs/b.md': 'B' });
    await dashboard({ publish: 'branch' });
    await dashboard({ publish: 'branch', 'pages-folder': 'other/place' });
    expect(await commits()).toBe(
      `Publish the dashboard to other/place/index.html\nBy hand\n${ours}\nBy hand`,
    );
    expect(await show('index.html')).toBe('my site');
    expect(await git(origin.bare, ['ls-tree', '-r', '--name-only', 'gh-pages'])).toBe(
      '.nojekyll\ndashboard/index.html\ndocs/a.md\ndocs/b.md\nindex.html\nother/place/index.html',
    );
  });

  test('writes over no page that is not a dashboard', async () => {
    fastImport('gh-pages', { 'index.html': 'my site' });
    const result = await dashboard({ publish: 'branch', 'pages-folder': '.' });
    expect(result.exitCode).toBe(1);
    expect(result.annotations.at(-1)).toMatchObject({
      level: 'error',
      message: expect.stringContaining("'index.html' on the branch 'gh-pages' is no dashboard"),
    });
    expect(await commits()).toBe('By hand');
  });

  test('works to the root of a branch of any name', async () => {
    const inputs = { publish: 'branch', 'pages-branch': 'site/runs', 'pages-folder': '.' };
    await dashboard(inputs);
    await dashboard(inputs);
    expect(await git(origin.bare, ['ls-tree', '-r', '--name-only', 'site/runs'])).toBe(
      '.nojekyll\nindex.html',
    );
  });

  test('several jobs at once publish one after the other', async () => {
    await record(...manyRuns(1));
    const folders = ['a', 'b', 'c', 'd'];
    await Promise.all(folders.map((folder) => dashboard({ publish: 'branch', 'pages-folder': folder })));
    expect(results.map(({ exitCode, outputs }) => [exitCode, outputs.published])).toEqual(
      folders.map(() => [0, 'true']),
    );
    for (const folder of folders) expect(await show(`${folder}/index.html`)).toContain('of 1 recorded runs');
    expect((await commits()).split('\n')).toHaveLength(1);
  });

  test('without permission is a notice, and the page is there all the same', async () => {
    await record(...manyRuns(1));
    await origin.refusePushes('remote: Permission to acme/model.git denied to github-actions[bot].');
    const result = await dashboard({ publish: 'branch' });
    expect(result.exitCode).toBe(0);
    expect(result.outputs.published).toBe('false');
    expect(notices(result)).toEqual([expect.stringContaining("Grant 'permissions: contents: write'")]);
    expect(await pageOf(result)).toContain('of 1 recorded runs');
  });

  test.each([
    [{ 'pages-folder': '../x' }, "input pages-folder: '../x' is not a folder of a branch"],
    [{ 'pages-folder': '/etc' }, "input pages-folder: '/etc' is not a folder of a branch"],
    [{ 'pages-folder': 'a/.git/hooks' }, "input pages-folder: 'a/.git/hooks' is not a folder of a branch"],
    [
      { 'pages-branch': '--upload-pack=x' },
      "input pages-branch: '--upload-pack=x' is not a name of a branch",
    ],
    [{ 'pages-branch': 'a..b' }, "input pages-branch: 'a..b' is not a name of a branch"],
    [{ 'pages-branch': 'mlops-records' }, "input pages-branch: 'mlops-records' is the branch of the records"],
  ])('refuses %j', async (inputs, message) => {
    const result = await dashboard({ publish: 'branch', ...inputs });
    expect(result.exitCode).toBe(1);
    expect(result.annotations[0]?.message).toContain(message);
  });
});

/** Commits files by hand, many at once. */
function fastImport(branch: string, files: Record<string, string>): void {
  const from = execFileSync('git', ['for-each-ref', '--format=from %(refname)^0', `refs/heads/${branch}`], {
    cwd: origin.bare,
    encoding: 'utf8',
  });
  const changes = Object.entries(files).map(
    ([path, content]) => `M 100644 inline ${path}\ndata ${Buffer.byteLength(content)}\n${content}\n`,
  );
  execFileSync('git', ['fast-import', '--quiet'], {
    cwd: origin.bare,
    input: `commit refs/heads/${branch}\ncommitter Ada <ada@example.com> 1700000000 +0000\ndata 7\nBy hand\n${from}${changes.join('')}\n`,
  });
}
