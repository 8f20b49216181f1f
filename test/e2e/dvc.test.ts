import { artifactFiles, type RunResult } from '@mlops/testkit/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Example, expectSuccess, jobsOf, noticesOf, reportOf } from './example.ts';

/** examples/dvc-pipeline as its users get it: nothing has changed, one leaf has, somebody commits the lock. */

const stages = ['prepare', 'features', 'train', 'evaluate', 'explain'];

let example: Example;
beforeAll(async () => {
  example = await Example.open({ name: 'dvc-pipeline' });
});
afterAll(() => example.close());

test('a first run takes the model that is committed, and starts no stage', async () => {
  const run = await example.run();

  expectSuccess(run);
  expect(jobsOf(run)).toMatchObject({
    'pipeline / Train / Train': 'success',
    'pipeline / Image': 'skipped',
    'pipeline / Deploy': 'skipped',
  });
  const { training, gate, page } = await reportOf(run);
  expect(training.stages.map(({ name, outcome }) => [name, outcome])).toEqual(
    stages.map((name) => [name, 'skipped']),
  );
  expect(run.log).not.toContain('dvc repro');
  expect(fetched(run)).toEqual(['dvc pull model']);
  expect(training.metrics).toMatchObject({ 'test.mae': 43.5849, 'test.r2': 0.3873 });
  expect(Object.keys(training.curves)).toEqual(['train_mae', 'validation_mae']);
  expect(training.parameters).toMatchObject({ 'features.degree': 2, 'explain.repeats': 5 });
  expect(gate).toMatchObject({ verdict: 'pass', baseline: null });
  expect(page).toContain('test.mae');
  const package_ = run.artifacts.find(({ name }) => name === 'model-package');
  expect(package_).toBeDefined();
});

test('a second run of the same does not start DVC at all', async () => {
  const run = await example.run();

  expectSuccess(run);
  const { training } = await reportOf(run);
  expect(training.stages.every(({ outcome }) => outcome === 'skipped')).toBe(true);
  expect(fetched(run)).toEqual([]);
  expect(await example.git('status', '--porcelain')).toBe('');
});

test('a changed leaf runs alone, with what it needs, and leaves dvc.lock to whoever commits it', async () => {
  await example.edit('params.yaml', 'repeats: 5', 'repeats: 6');
  await example.push('Explain more carefully');
  const run = await example.run();

  expectSuccess(run);
  const { training } = await reportOf(run);
  expect(
    training.stages.filter(({ outcome }) => outcome === 'ran').map(({ name, reason }) => [name, reason]),
  ).toEqual([['explain', 'params explain.repeats changed: 5 → 6']]);
  expect(run.log).toContain('dvc repro: explain');
  expect(noticesOf(run).join('\n')).toContain('dvc.lock is not that of the commit any more (explain)');
  const artifact = run.artifacts.find(({ name }) => name === 'model');
  const files = artifact ? await artifactFiles(artifact) : {};
  expect(String(files['dvc.lock'])).toContain('repeats: 6');
  expect(await example.git('log', '--oneline')).not.toContain('dvc.lock');
});

test('the result is remembered although nobody committed the lock', async () => {
  const run = await example.run();

  expectSuccess(run);
  const { training } = await reportOf(run);
  expect(training.stages.every(({ outcome }) => outcome === 'skipped')).toBe(true);
  expect(fetched(run)).toEqual([]);
  expect(training.stages.find(({ name }) => name === 'explain')?.savedMs).toBeGreaterThan(0);
});

test('the checks of the example pass', async () => {
  const run = await example.run({ workflow: 'ci.yml' });
  expectSuccess(run);
});

/** The commands of DVC that were started, each in a group of the log. */
function fetched({ log }: RunResult): string[] {
  const commands = log.match(/group::dvc (?:pull|repro)[^\n"\\:]*/g) ?? [];
  return [...new Set(commands.map((text) => text.replace('group::', '').trim()))];
}
