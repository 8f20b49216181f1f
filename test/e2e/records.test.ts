import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Example, expectSuccess, jobsOf, noticesOf } from './example.ts';
import { readOnlyGitServer } from './git-server.ts';

/** The store of runs on a branch at origin, when it refuses and when two write at once. */

let example: Example;

beforeAll(async () => {
  example = await Example.open();
});
afterAll(() => example.close());

test("without 'contents: write' all jobs are green, and a notice names the permission", async () => {
  const server = await readOnlyGitServer(example.origin);
  try {
    await example.git('remote', 'set-url', 'origin', server.url);
    const run = await example.run({ secrets: { GITHUB_TOKEN: 'ghs_0may0only0read' } });

    expectSuccess(run);
    expect(jobsOf(run)).toMatchObject({ 'pipeline / Deploy': 'success', 'pipeline / Report': 'success' });
    expect(noticesOf(run).join('\n')).toContain('contents: write');
    expect(run.artifacts.map(({ name }) => name)).toContain('mlops-report');
    expect(server.credentials).toContain('x-access-token:ghs_0may0only0read');
    expect(await example.records.list()).toEqual([]);
  } finally {
    await server.close();
    await example.git('remote', 'set-url', 'origin', pathToFileURL(example.origin).href);
  }
});

test('two runs that end at once are both recorded', async () => {
  const clones = ['first', 'second'].map((branch) => ({ branch, path: join(example.home, branch) }));
  for (const { branch, path } of clones) {
    await example.git('clone', '--quiet', example.origin, path);
    await example.git('-C', path, 'checkout', '--quiet', '-b', branch);
  }
  await meetAtTheDoor(example.origin);
  const runs = await Promise.all(clones.map(({ path }) => example.run({ repository: path })));

  runs.forEach(expectSuccess);
  const recorded = await example.records.list();
  expect(recorded).toHaveLength(2);
  for (const [index, { branch }] of clones.entries())
    expect(await example.records.newest(branch)).toMatchObject({ run: { id: runs[index]?.runId } });
  const pushes = (await readdir(example.origin)).filter((name) => name.startsWith('arrived-'));
  expect(pushes.length, 'the second found the branch moved and tried again').toBeGreaterThan(2);
});

/** Lets nobody push before two are there, so that one of them finds the branch moved. */
async function meetAtTheDoor(origin: string): Promise<void> {
  const hook = join(origin, 'hooks', 'pre-receive');
  const meet = `#!/bin/sh
touch "arrived-$$"
tries=0
until [ "$(ls arrived-* | wc -l)" -ge 2 ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 3000 ] || exit 1
  sleep 0.1
done
`;
  await writeFile(hook, meet);
  await chmod(hook, 0o755);
}
