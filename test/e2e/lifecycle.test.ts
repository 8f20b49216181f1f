import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactFiles, type RunResult } from '@mlops/testkit/engine';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { Example, expectSuccess, jobsOf, reportOf, stagesThat } from './example.ts';

/** The life of one repository: each test starts from what the one before it has left, as each push does. */

const stages = ['data', 'features', 'train', 'evaluate'];
const malignantAndBenign = ['malignant', 'benign'];
const secrets = { GITHUB_TOKEN: 'ghs_0token0of0the0test', REGISTRY_PASSWORD: 'hunter2-of-the-registry' };

let example: Example;
/** What serves in staging. */
let served: { url: string; modelDigest: string; revision: string };

beforeAll(async () => {
  example = await Example.open();
});
afterAll(() => example.close());

test('a push trains, gates, packages, deploys and records', async () => {
  const run = await example.run({ secrets });

  expectSuccess(run);
  expect(jobsOf(run)).toEqual({
    pipeline: 'success',
    'pipeline / Train': 'success',
    'pipeline / Train / Train': 'success',
    'pipeline / Train / More': 'skipped',
    'pipeline / Image': 'skipped',
    'pipeline / Deploy': 'success',
    'pipeline / Report': 'success',
  });
  const { record, page, training, gate, deployment } = await reportOf(run);
  expect(stagesThat('ran', training)).toEqual(stages);
  expect(gate).toMatchObject({ verdict: 'pass', baseline: null });
  expect(gate.data?.candidate).toMatchObject({ examples: 142, duplicates: 0 });
  const bySize = gate.rules.find(({ columns }) => columns?.includes('size'));
  expect(bySize?.slices?.map(({ value, verdict }) => [value, verdict])).toEqual([
    ['large', 'pass'],
    ['medium', 'pass'],
    ['small', 'pass'],
  ]);
  expect(run.artifacts.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['model', 'model-package', 'mlops-report']),
  );
  expect(record.run).toMatchObject({ event: 'push', ref: 'refs/heads/main', message: 'Add the example' });
  expect(page).toMatch(/^<!doctype html>[\s\S]*accuracy[\s\S]*<\/html>/i);
  for (const part of ['By size: ', 'Confusion matrix', 'ROC', 'Calibration', 'Timeline', 'Lineage'])
    expect(page).toContain(part);
  expect(run.jobs.find(({ name }) => name === 'pipeline / Report')?.summary).toContain('Gate: pass');

  const left = await everythingFrom(run);
  for (const secret of Object.values(secrets)) expect(left).not.toContain(secret);

  expect(deployment).toMatchObject({
    environment: 'staging',
    outcome: 'deployed',
    previousRevision: null,
    modelDigest: training.model?.digest,
  });
  served = deployment as typeof served;
  expect(await example.labels(served.url)).toEqual(malignantAndBenign);

  const [path] = await example.records.list();
  const staging = await example.records.alias('model', 'staging');
  expect(staging).toMatchObject({
    alias: { record: path, modelDigest: served.modelDigest, revision: served.revision },
    record: { run: { id: run.runId } },
  });
});

test('a second push of the same skips every stage, each with a reason, and leaves the deployment', async () => {
  const run = await example.run();

  expectSuccess(run);
  const { training, gate, deployment } = await reportOf(run);
  expect(stagesThat('skipped', training)).toEqual(stages);
  for (const { reason, savedMs } of training.stages) {
    expect(reason).toMatch(/\w/);
    expect(savedMs).toBeGreaterThan(0);
  }
  expect(training.model?.digest).toBe(served.modelDigest);
  expect(gate).toMatchObject({ verdict: 'pass', baseline: { kind: 'alias', ref: 'alias:staging' } });
  const compared = gate.rules.filter(({ rule }) => rule === 'non_inferiority_margin');
  for (const { explanation } of compared) expect(explanation).toContain('the same of every example');
  expect(deployment).toMatchObject({ outcome: 'unchanged', url: served.url, revision: served.revision });
  expect(await example.records.list()).toHaveLength(2);
});

test('a changed hyperparameter runs the stages that depend on it, and replaces what serves', async () => {
  await example.edit('params.yaml', 'max_iter: 120', 'max_iter: 150');
  await example.push('Train longer');
  const run = await example.run();

  expectSuccess(run);
  const { training, gate, deployment } = await reportOf(run);
  expect(stagesThat('ran', training)).toEqual(['train', 'evaluate']);
  expect(stagesThat('skipped', training)).toEqual(['data', 'features']);
  expect(training.parameters).toMatchObject({ 'train.max_iter': 150 });
  expect(gate.baseline).toMatchObject({ kind: 'alias', ref: 'alias:staging' });
  const compared = gate.rules.filter(({ rule }) => rule === 'non_inferiority_margin');
  expect(compared.map(({ metric, examples }) => [metric, examples])).toEqual([
    ['accuracy', 142],
    ['roc_auc', 142],
    ['log_loss', 142],
  ]);
  for (const { interval, change } of compared) {
    expect(interval).toBeDefined();
    expect(change).not.toBeNull();
  }
  expect(gate.data).toMatchObject({ paired: 142, unpaired: { candidate: 0, baseline: 0 } });
  expect(deployment).toMatchObject({
    outcome: 'deployed',
    url: served.url,
    previousRevision: served.revision,
  });
  expect(deployment?.revision).not.toBe(served.revision);
  served = deployment as typeof served;
  expect(await example.labels(served.url)).toEqual(malignantAndBenign);
  expect((await example.records.alias('model', 'staging'))?.alias.revision).toBe(served.revision);
});

test('a worse model stops at the gate: it is neither packaged nor deployed', async () => {
  await example.edit('params.yaml', 'max_iter: 150', 'max_iter: 1');
  await example.push('Hardly train');
  const run = await example.run();

  expect(run.success).toBe(false);
  expect(jobsOf(run)).toMatchObject({ pipeline: 'failure', 'pipeline / Train / Train': 'failure' });
  expect(jobsOf(run)).not.toMatchObject({ 'pipeline / Deploy': 'success' });
  expect(run.artifacts.map(({ name }) => name)).not.toContain('model-package');
  const errors = run.annotations.filter(({ level }) => level === 'error').map(({ message }) => message);
  expect(errors.join('\n')).toContain('log_loss');
  expect(await example.labels(served.url)).toEqual(malignantAndBenign);
  expect((await example.records.alias('model', 'staging'))?.alias.revision).toBe(served.revision);
});

// In a workflow of one's own, since the engine ends the whole run when a called workflow fails.
test('the report of a run that the gate failed names the rule', async () => {
  await example.add({ '.github/workflows/own.yml': ownWorkflow(inject('release').slug) });
  await example.push('Use single actions');
  onTestFinished(async () => {
    await example.git('revert', '--no-edit', 'HEAD~2..HEAD');
    await example.git('push', '--quiet', 'origin', 'HEAD');
  });
  const run = await example.run({ workflow: 'own.yml' });

  expect(jobsOf(run)).toEqual({ train: 'failure', report: 'success' });
  const { gate, page, record } = await reportOf(run);
  expect(gate).toMatchObject({ verdict: 'fail', passed: false });
  const failed = gate.rules.filter(({ verdict }) => verdict === 'fail').map(({ metric }) => metric);
  expect(failed).toContain('log_loss');
  expect(page).toContain('log_loss');
  const summary = run.jobs.find(({ name }) => name === 'report')?.summary;
  expect(summary).toMatch(/evaluate-gate failed .* Gate: fail/);
  expect(summary).toContain('log_loss');
  expect(record.jobs.flatMap(({ packages }) => packages)).toEqual([]);
  expect((await example.records.alias('model', 'staging'))?.alias.revision).toBe(served.revision);
});

test('a pull request trains and gates; it neither deploys nor records', async () => {
  const before = { records: await example.recordsTip(), cached: await cachedFiles() };
  await example.git('checkout', '--quiet', '-b', 'regularize');
  await example.edit('params.yaml', 'l2_regularization: 1.0', 'l2_regularization: 1.1');
  await example.push('Regularize more');
  const run = await example.run({ event: 'pull_request' });

  expectSuccess(run);
  expect(jobsOf(run)).toMatchObject({ 'pipeline / Deploy': 'skipped', 'pipeline / Report': 'success' });
  const { record, training, gate, deployment } = await reportOf(run);
  expect(record.run.event).toBe('pull_request');
  expect(stagesThat('ran', training)).toEqual(['train', 'evaluate']);
  expect(gate.baseline).toMatchObject({ kind: 'alias', ref: 'alias:staging' });
  expect(deployment).toBeUndefined();
  expect(await example.recordsTip()).toBe(before.records);
  expect(await cachedFiles()).not.toEqual(before.cached);
});

test("a fork's pull request does the same, sees no secret and leaves nothing in the caches", async () => {
  const before = { records: await example.recordsTip(), cached: await cachedFiles() };
  await example.edit('params.yaml', 'l2_regularization: 1.1', 'l2_regularization: 1.2');
  await example.edit('mlops.yaml', 'python -m tumor.train\n', 'python -m tumor.train && env > model/env\n');
  await example.push('Take a look around');
  const run = await example.run({ event: 'pull_request', fork: true, secrets });

  expectSuccess(run);
  const { training, deployment } = await reportOf(run);
  expect(stagesThat('ran', training)).toEqual(['train', 'evaluate']);
  expect(deployment).toBeUndefined();
  expect(await example.recordsTip()).toBe(before.records);
  expect(await cachedFiles()).toEqual(before.cached);
  const left = await everythingFrom(run);
  expect(left).toContain('GITHUB_ACTIONS=true'); // The stage did see an environment.
  expect(left).not.toMatch(/^(ACTIONS_RUNTIME_TOKEN|INPUT_\S+)=/m);
  for (const secret of Object.values(secrets)) expect(left).not.toContain(secret);
});

test('a pushed tag deploys to production, beside staging', async () => {
  await example.git('checkout', '--quiet', 'main');
  await example.git('tag', 'v1.0.0');
  await example.git('checkout', '--quiet', 'v1.0.0');
  const run = await example.run({ ref: 'refs/tags/v1.0.0' });

  expectSuccess(run);
  const { training, gate, deployment } = await reportOf(run);
  expect(stagesThat('skipped', training)).toEqual(stages);
  expect(gate.rules.find(({ metric }) => metric === 'recall')?.severity).toBe('fail');
  expect(deployment).toMatchObject({
    environment: 'production',
    outcome: 'deployed',
    modelDigest: served.modelDigest,
  });
  for (const url of [deployment?.url ?? '', served.url])
    expect(await example.labels(url)).toEqual(malignantAndBenign);
  const [production, staging] = [
    await example.records.alias('model', 'production'),
    await example.records.alias('model', 'staging'),
  ];
  expect(production?.record.run).toMatchObject({ id: run.runId, ref: 'refs/tags/v1.0.0' });
  expect(staging?.alias.revision).toBe(served.revision);
});

test.for([
  // GitHub's payload of a schedule tells nothing about the repository, so neither its default branch.
  ['schedule', { payload: { repository: { default_branch: null } } }],
  ['workflow_dispatch', {}],
] as const)('the event %s on the default branch does what a push does', async ([event, options]) => {
  await example.git('checkout', '--quiet', 'main');
  await example.push('Go on'); // So that the commit has no tag, which the engine would take for the ref.
  const run = await example.run({ event, ...options });

  expectSuccess(run);
  const { record, training, deployment } = await reportOf(run);
  expect(record.run.event).toBe(event);
  expect(stagesThat('skipped', training)).toEqual(stages);
  expect(deployment).toMatchObject({ environment: 'staging', outcome: 'unchanged', url: served.url });
  expect((await example.records.alias('model', 'staging'))?.record.run.id).toBe(run.runId);
});

/** What the cache service holds. */
async function cachedFiles(): Promise<string[]> {
  const folder = join(example.engine.folder, 'cache');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** All that a run leaves behind for others to read, before the engine masks anything. */
async function everythingFrom(run: RunResult): Promise<string> {
  const files = (await Promise.all(run.artifacts.map(artifactFiles))).flatMap((artifact) =>
    Object.values(artifact).map(String),
  );
  return [run.log, JSON.stringify(run.jobs), ...files].join('\n');
}

/** The jobs of a pipeline from single actions, as the second way to use them. */
function ownWorkflow(slug: string): string {
  const action = (name: string) => `${slug}/actions/${name}@v1`;
  return JSON.stringify({
    name: 'Own',
    on: 'push',
    permissions: { contents: 'write' },
    jobs: {
      train: {
        'runs-on': 'ubuntu-latest',
        steps: [
          { uses: 'actions/checkout@v6' },
          ...['setup-python-cuda', 'train', 'evaluate-gate', 'package'].map((name) => ({
            uses: action(name),
          })),
          { uses: action('report'), if: 'always()', with: { scope: 'job' } },
        ],
      },
      report: {
        'runs-on': 'ubuntu-latest',
        needs: 'train',
        if: '!cancelled()',
        steps: [{ uses: 'actions/checkout@v6' }, { uses: action('report') }],
      },
    },
  });
}
