import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jobRecordSchema } from '@mlops/core/record';
import { fakeRunner } from '@mlops/testkit/runner-files';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Project } from './train-project.ts';

vi.setConfig({ testTimeout: 60_000 });

const all = ['data', 'features', 'train', 'evaluate'];
let project: Project;
beforeEach(async () => {
  project = await Project.pipeline();
});
afterEach(() => project.destroy());

async function changeDepth(depth: number): Promise<void> {
  await project.write({ 'params.json': `{"other": 2, "train": {"max_depth": ${depth}}}` });
}

describe('a pipeline', () => {
  test('runs every stage the first time, and hands on what it made', async () => {
    const first = await project.train();
    expect(first.errors).toEqual([]);
    expect(first.exitCode).toBe(0);
    expect(first.ran).toEqual(all);
    expect(first.why('train')).toBe('never ran here');
    expect(first.log).toContain('trained with depth 6');
    expect(first.outputs).toMatchObject({
      'model-path': join(project.folder, 'model'),
      'model-digest': expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      metrics: '{"test.accuracy":0.6}',
      'artifact-name': 'model',
      duration: expect.stringMatching(/^\d+(\.\d+)?$/),
    });
    expect(first.result.summary).toContain('| `train` | 🔁 ran | never ran here |');
    expect(first.result.summary).toContain('| `test.accuracy` | 0.6 |');
    expect(jobRecordSchema.safeParse(first.result.record).error).toBeUndefined();
    expect(first.training).toMatchObject({
      name: 'model',
      metrics: { 'test.accuracy': 0.6 },
      parameters: { 'train.max_depth': 6, other: 1 },
      model: { path: 'model', digest: first.outputs['model-digest'], artifact: null },
    });
    expect(first.result.annotations).toMatchObject([
      { level: 'notice', message: expect.stringContaining('no artifact service') },
    ]);
  });

  test('skips everything when nothing changed, and touches no file', async () => {
    const first = await project.train();
    const again = await project.train();
    expect(again.exitCode).toBe(0);
    expect(again.skipped).toEqual(all);
    expect(again.restored).toEqual([]);
    expect(again.outputs).toEqual({
      ...first.outputs,
      duration: expect.anything(),
      'stages-run': '[]',
      'stages-skipped': JSON.stringify(all),
    });
    expect(again.training?.stages.every(({ savedMs }) => savedMs > 0)).toBe(true);
  });

  test('brings back the model and metrics alone after a fresh checkout', async () => {
    const first = await project.train();
    await project.checkOutAnew();
    const again = await project.train();
    expect(again.skipped).toEqual(all);
    expect(again.restored).toEqual(['model', 'metrics.json']);
    expect(again.outputs['model-digest']).toBe(first.outputs['model-digest']);
    expect(project.has('data')).toBe(false);
  });

  test('runs what depends on a changed parameter, with no more inputs than that needs', async () => {
    await project.train();
    await project.checkOutAnew();
    await changeDepth(8);
    const changed = await project.train();
    expect(changed.ran).toEqual(['train', 'evaluate']);
    expect(changed.why('train')).toBe('params train.max_depth changed: 6 → 8');
    expect(changed.why('evaluate')).toBe('input model changed');
    expect(changed.restored).toEqual(['data/features.json']);
    expect(project.has('data/raw.txt')).toBe(false);
    expect(changed.outputs.metrics).toBe('{"test.accuracy":0.8}');
  });

  test('finds the result of an earlier parameter again', async () => {
    await project.train();
    await changeDepth(8);
    await project.train();
    await changeDepth(6);
    const back = await project.train();
    expect(back.skipped).toEqual(all);
    expect(back.outputs.metrics).toBe('{"test.accuracy":0.6}');
    expect(project.read('model/weights.json')).toContain('"depth":6');
  });

  test('goes no further than the change does', async () => {
    await project.train();
    await project.write({ 'src/text.txt': 'one two   three\n' });
    const changed = await project.train();
    expect(changed.ran).toEqual(['data', 'features']);
    expect(changed.why('data')).toBe('input src/text.txt changed');
    expect(changed.why('features')).toBe('input data/raw.txt changed');
    expect(changed.skipped).toEqual(['train', 'evaluate']);
  });

  test('does not take what tools leave in folders for a change', async () => {
    const run = [{ name: 'all', run: 'node src/data.mjs', inputs: ['src'], outputs: ['data/raw.txt'] }];
    await project.write({ 'mlops.yaml': JSON.stringify({ train: { run } }) });
    await project.train();
    await project.write({ 'src/__pycache__/data.pyc': 'x', 'src/.DS_Store': 'x' });
    expect((await project.train()).skipped).toEqual(['all']);
  });

  test('runs stages that declare nothing they depend on, and stages that are forced', async () => {
    const run = [
      { name: 'fetch', run: 'node src/data.mjs', outputs: ['data/raw.txt'] },
      {
        name: 'features',
        run: 'node src/features.mjs',
        inputs: ['data/raw.txt'],
        outputs: ['data/features.json'],
      },
    ];
    await project.write({ 'mlops.yaml': JSON.stringify({ train: { run } }) });
    await project.train();
    const again = await project.train();
    expect(again.ran).toEqual(['fetch']);
    expect(again.why('fetch')).toBe('it declares neither inputs nor params, so it always runs');
    const forced = await project.train({ force: 'features' });
    expect(forced.ran).toEqual(['fetch', 'features']);
    expect(forced.why('features')).toBe('forced');
  });

  test('runs everything with force: all or without a cache', async () => {
    await project.train();
    expect((await project.train({ force: 'all' })).ran).toEqual(all);
    const kept = await project.cached();
    await changeDepth(3);
    const uncached = await project.train({ cache: 'off' });
    expect(uncached.ran).toEqual(all);
    expect(uncached.why('data')).toBe('the cache is off');
    expect(await project.cached()).toEqual(kept);
  });

  test('runs again when the environment or the command changed', async () => {
    await project.write({ 'requirements.txt': 'numpy==2.0.0\n' });
    await project.train();
    await project.write({ 'requirements.txt': 'numpy==2.0.1\n' });
    const changed = await project.train();
    expect(changed.ran).toEqual(['data', 'features', 'train', 'evaluate']);
    expect(changed.why('data')).toBe('environment changed (requirements.txt)');
  });

  test('goes by the environment that was set up earlier in the job', async () => {
    const withEnvironment = async (digit: string) => {
      const runner = await fakeRunner({ workspace: project.folder });
      const before = (await project.train({ cache: 'off' })).result.record;
      const digest = `sha256:${digit.repeat(64)}`;
      const environment = {
        manager: 'uv',
        python: '3.12.1',
        lock: null,
        digest,
        cacheHit: false,
        durationMs: 1,
      };
      await mkdir(join(runner.temp, 'mlops'), { recursive: true });
      await writeFile(
        join(runner.temp, 'mlops/run-record.json'),
        JSON.stringify({ ...before, environments: [environment] }),
      );
      return project.train({}, { after: runner });
    };
    await withEnvironment('1');
    expect((await withEnvironment('1')).skipped).toEqual(all);
    const changed = await withEnvironment('2');
    expect(changed.ran).toEqual(all);
    expect(changed.why('data')).toBe('environment changed (uv, Python 3.12.1)');
  });

  test('keeps the jobs of a matrix apart, in name and in cache', async () => {
    const one = await project.train({ matrix: '{"fold": 1, "python": "3.12"}' });
    const two = await project.train({ matrix: '{"fold": 2, "python": "3.12"}' });
    expect([one, two].map(({ outputs }) => outputs['artifact-name'])).toEqual([
      'model-1-3.12',
      'model-2-3.12',
    ]);
    expect(two.ran).toEqual(all);
    expect(two.result.record?.matrix).toEqual({ fold: 2, python: '3.12' });
    expect((await project.train({ matrix: '{"fold": 1, "python": "3.12"}' })).skipped).toEqual(all);
  });

  test('writes nothing on behalf of code that is not trusted', async () => {
    const untrusted = await project.train({}, { event: 'pull_request_target' });
    expect(untrusted.ran).toEqual(all);
    expect(untrusted.log).toContain("not saved: caches are not written on 'pull_request_target'");
    expect(await project.cached()).toEqual([]);
  });

  test('gives its commands neither its inputs nor the tokens of the run', async () => {
    const names = ['ACTIONS_RUNTIME_TOKEN', 'INPUT_RUN', 'INPUT_MATRIX'];
    const run = `node -e "console.log('seen:', ${names.map((name) => `process.env.${name}`).join(', ')})"`;
    const result = await project.train({ run, upload: false }, { env: { ACTIONS_RUNTIME_TOKEN: 's3cret' } });
    expect(result.log).toContain('seen: undefined undefined undefined');
  });
});

test('no command is kept in the cache, since its text may hold a secret', async () => {
  const run = [{ name: 'a', run: 'node src/data.mjs # s3cret', inputs: ['src'], outputs: ['data/raw.txt'] }];
  await project.write({ 'mlops.yaml': JSON.stringify({ train: { run } }) });
  expect((await project.train()).ran).toEqual(['a']);
  const kept = await project.cachedText();
  expect(kept).toContain('src');
  expect(kept).not.toContain('s3cret');
});

describe('outputs that are not what they were', () => {
  test('on the disk are replaced', async () => {
    await project.train();
    const weights = project.read('model/weights.json');
    await project.write({ 'model/weights.json': '{}', 'data/features.json': '[]' });
    const again = await project.train();
    expect(again.skipped).toEqual(all);
    expect(again.restored).toEqual(['data/features.json', 'model']);
    expect(again.log).toContain('are not what it wrote: they are replaced');
    expect(project.read('model/weights.json')).toBe(weights);
  });

  test('in the cache are not used: their stage runs again', async () => {
    await project.train();
    await project.checkOutAnew();
    await project.damage('data/features.json');
    await changeDepth(8);
    const again = await project.train();
    expect(again.ran).toEqual(['features', 'train', 'evaluate']);
    expect(again.why('features')).toBe('its outputs are needed, and no longer in the cache');
    expect(again.outputs.metrics).toBe('{"test.accuracy":0.8}');
    expect(project.read('data/features.json')).toBe('["one","two","three"]');
  });

  test('when evicted are made again where they are needed, and no others', async () => {
    await project.train();
    await project.checkOutAnew();
    expect(await project.evict('data/features.json')).toBe(1);
    expect((await project.train()).skipped).toEqual(all);
    await project.checkOutAnew();
    await changeDepth(8);
    const again = await project.train();
    expect(again.ran).toEqual(['features', 'train', 'evaluate']);
    expect(again.restored).toEqual(['data/raw.txt']);
  });

  test('all evicted but the ledger: every stage runs, and says why', async () => {
    await project.train();
    await project.checkOutAnew();
    for (const path of ['data/raw.txt', 'data/features.json', 'model', 'metrics.json'])
      await project.evict(path);
    const again = await project.train();
    expect(again.ran).toEqual(all);
    expect(all.map((stage) => again.why(stage))).toEqual(
      all.map(() => 'its outputs are needed, and no longer in the cache'),
    );
    expect(again.outputs.metrics).toBe('{"test.accuracy":0.6}');
  });

  test('and without a ledger the saved outputs are found by their key', async () => {
    await project.train();
    await project.checkOutAnew();
    expect(await project.evict('.mlops-ledger.json')).toBe(1);
    const again = await project.train();
    expect(again.skipped).toEqual(all);
    expect(again.outputs.metrics).toBe('{"test.accuracy":0.6}');
  });

  test('a stage that is not deterministic makes what depends on it run again, once it ran', async () => {
    await project.write({
      'src/features.mjs': `import { writeFileSync } from 'node:fs'; writeFileSync('data/features.json', String(process.hrtime.bigint()));`,
    });
    await project.train();
    await project.checkOutAnew();
    for (const path of ['data/features.json', 'model']) await project.evict(path);
    const again = await project.train();
    expect(again.ran).toEqual(['features', 'train', 'evaluate']);
    expect(project.read('model/weights.json')).toContain(project.read('data/features.json'));
  });
});
