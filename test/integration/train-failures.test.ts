import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@mlops/core';
import { jobRecordSchema } from '@mlops/core/record';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Project, pipeline } from './train-project.ts';

vi.setConfig({ testTimeout: 60_000 });

let project: Project;
afterEach(() => project.destroy());

describe('a stage that fails', () => {
  test('keeps the results before it, and stops what comes after it', async () => {
    project = await Project.pipeline();
    const working = project.read('src/train.mjs');
    await project.write({
      'src/train.mjs': `import { mkdirSync } from 'node:fs'; mkdirSync('model'); console.error('out of memory'); process.exit(3);`,
    });
    const failed = await project.train();
    expect(failed.exitCode).toBe(1);
    expect(failed.errors).toEqual([
      "stage 'train': 'node src/train.mjs' failed with exit code 3. Its last words:\n  out of memory\nIts whole log is above, in the group 'Stage train'.",
    ]);
    expect(failed.ran).toEqual(['data', 'features']);
    expect(['train', 'evaluate'].map((stage) => failed.outcome(stage))).toEqual(['failed', 'not-reached']);
    expect(jobRecordSchema.safeParse(failed.result.record).error).toBeUndefined();
    expect(failed.result.summary).toContain('| `train` | ❌ failed |');
    expect(failed.result.summary).toContain('| `evaluate` | ⏹️ not reached |');
    expect(failed.outputs['model-digest']).toBeUndefined();
    expect(await project.cached()).not.toContain('model');

    await project.checkOutAnew();
    await project.write({ 'src/train.mjs': working });
    const mended = await project.train();
    expect(mended.ran).toEqual(['train', 'evaluate']);
    expect(mended.skipped).toEqual(['data', 'features']);
  });

  test('to write what it declares is told what is there instead', async () => {
    project = await Project.pipeline();
    await project.write({
      'src/train.mjs': `import { mkdirSync } from 'node:fs'; mkdirSync('models');`,
    });
    const { errors, outcome, exitCode } = await project.train().then((result) => ({
      ...{ errors: result.errors, exitCode: result.exitCode },
      outcome: result.outcome('train'),
    }));
    expect(exitCode).toBe(1);
    expect(outcome).toBe('failed');
    expect(errors).toEqual([
      "stage 'train' ended well, but its output 'model' is not there\nDid you mean 'models'? The working directory holds: data, mlops.yaml, models, params.json, src.",
    ]);
    expect(await project.cached()).not.toContain('model');
  });

  test('to write metrics that can be read keeps the model and its stages', async () => {
    project = await Project.pipeline();
    await project.write({
      'src/evaluate.mjs': `import { writeFileSync } from 'node:fs'; writeFileSync('metrics.json', '{"test":\\n {"accuracy": oops}}');`,
    });
    const failed = await project.train();
    expect(failed.exitCode).toBe(1);
    expect(failed.errors).toEqual([
      "metrics.json:2 not valid JSON: this was not expected: 'oops}}'\nWrite the file with a JSON library, such as Python's 'json.dump'.",
    ]);
    expect(failed.ran).toEqual(['data', 'features', 'train', 'evaluate']);
    expect(failed.outputs['artifact-name']).toBe('model');
    expect(project.has('model/weights.json')).toBe(true);
  });

  test('NaN among the metrics is kept for the gate to see', async () => {
    project = await Project.pipeline();
    await project.write({
      'src/evaluate.mjs': `import { writeFileSync } from 'node:fs'; writeFileSync('metrics.json', '{"loss": NaN, "acc": 1}');`,
    });
    const result = await project.train();
    expect(result.exitCode).toBe(0);
    expect(result.outputs.metrics).toBe('{"loss":"NaN","acc":1}');
    expect(result.training?.metrics).toEqual({ loss: 'NaN', acc: 1 });
  });
});

describe.skipIf(process.platform === 'win32')('a run that is cancelled', () => {
  test('leaves no process and no result behind, and is taken up again', async () => {
    project = await Project.pipeline();
    const working = project.read('src/train.mjs');
    // A child of the command's own, as a data loader would be; both note their ids and would go on for minutes.
    await writeFile(join(project.folder, 'src/child.mjs'), `setTimeout(() => {}, 600_000);`);
    await project.write({
      'src/train.mjs': `
        import { spawn } from 'node:child_process';
        import { mkdirSync, writeFileSync } from 'node:fs';
        mkdirSync('model');
        const child = spawn(process.execPath, ['src/child.mjs'], { stdio: 'ignore' });
        writeFileSync('pids', process.pid + ' ' + child.pid);
        setTimeout(() => {}, 600_000);`,
    });
    const cancellation = new AbortController();
    const running = project.train({}, { signal: cancellation.signal });
    const pids = await waitFor(
      async () =>
        project.has('pids') && project.read('pids').includes(' ') ? project.read('pids') : undefined,
      { what: 'the stage to start', deadlineMs: 30_000 },
    );
    cancellation.abort();
    const cancelled = await running;
    expect(cancelled.exitCode).toBe(1);
    expect(cancelled.errors).toEqual(['train was cancelled.']);
    for (const pid of pids.split(' ').map(Number)) {
      const gone = async () => (isAlive(pid) ? undefined : true);
      expect(await waitFor(gone, { what: `process ${pid} to end`, deadlineMs: 10_000 })).toBe(true);
    }
    expect(cancelled.outcome('train')).toBe('failed');
    expect(await project.cached()).toEqual(['data', 'data', 'data/features.json', 'data/raw.txt']);
    expect(project.has('.mlops-ledger.json')).toBe(false);

    await project.write({ 'src/train.mjs': working });
    await project.checkOutAnew();
    const again = await project.train();
    expect(again.skipped).toEqual(['data', 'features']);
    expect(again.ran).toEqual(['train', 'evaluate']);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a mistake is found before anything runs:', () => {
  const [data, features, train] = pipeline.run;
  const write = 'node src/data.mjs';

  test.each<[string, object]>([
    ['no run', {}],
    ['a stage without a name', { run: [{ run: write }] }],
    ['an unknown key', { run: [{ name: 'a', run: write, output: ['x'] }] }],
    ['a name twice', { run: [data, { ...data, outputs: ['x'] }] }],
    ['an output twice', { run: [data, { ...data, name: 'b' }] }],
    ['an input among the outputs', { run: [{ ...data, inputs: ['data/raw.txt/x'] }] }],
    ['a circle', { run: [{ ...data, inputs: ['data/features.json'] }, features] }],
    ['an absolute path', { run: [{ ...data, outputs: ['/tmp/x'] }] }],
    ['a path that escapes', { run: [{ ...data, inputs: ['../x'] }] }],
    ['an input that is not there', { run: [{ ...data, inputs: ['src/dta.mjs'] }] }],
    ['a pattern that matches nothing', { run: [{ ...data, inputs: ['src/*.py'] }] }],
    [
      'an unknown parameter',
      { run: [{ ...data, params: ['train.max_dept'] }], 'params-file': 'params.json' },
    ],
    ['no file with parameters', { run: [{ ...train, inputs: [] }] }],
    ['metrics that no stage writes', { run: [data], metrics: ['metric.json'] }],
    ['a model that no stage writes', { run: [data], model: 'data/row.txt' }],
    ['metrics in an unknown format', { run: write, metrics: ['metrics.txt'] }],
    ['an unknown stage to force', { run: [data], force: ['dta'] }],
    ['a model outside', { run: write, model: '../model' }],
    ['an unknown input', { run: write, metric: ['m.json'] }],
  ])('%s', async (_, section) => {
    project = await Project.pipeline();
    await project.write({ 'mlops.yaml': JSON.stringify({ train: section }, null, 2) });
    const result = await project.train();
    expect(result.exitCode).toBe(1);
    expect(project.has('data')).toBe(false);
    expect(result.errors.join('\n')).not.toMatch(/This is a bug|\n\s+at /);
    expect(result.errors.join('\n').replaceAll(project.folder, '<project>')).toMatchSnapshot();
  });
});
