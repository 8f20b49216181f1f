import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Example, expectSuccess, jobsOf, reportOf, stagesThat } from './example.ts';

/** Projects that do not stand at the repository's root, and several calls of one workflow in a run. */

const folder = 'models/tumor';
let example: Example;

beforeAll(async () => {
  example = await Example.open({ subfolder: folder });
});
afterAll(() => example.close());

test('a project in a subfolder goes through the whole pipeline', async () => {
  const inputs = '    with:\n';
  await example.edit(
    '../../.github/workflows/ml.yml',
    inputs,
    `${inputs}      working-directory: ${folder}\n`,
  );
  await example.push('Name the folder');
  const run = await example.run();

  expectSuccess(run);
  const { training, gate, deployment } = await reportOf(run);
  expect(stagesThat('ran', training)).toEqual(['data', 'features', 'train', 'evaluate']);
  expect(gate.verdict).toBe('pass');
  expect(deployment).toMatchObject({ outcome: 'deployed', environment: 'staging' });
  expect(await example.labels(deployment?.url ?? '')).toEqual(['malignant', 'benign']);
  expect((await example.records.alias('models-tumor', 'staging'))?.record.run.id).toBe(run.runId);
});

test('two legs of a matrix that call train.yml do not write the same artifacts', async () => {
  const workflow = {
    name: 'Matrix',
    on: 'push',
    permissions: { contents: 'read' },
    jobs: {
      train: {
        strategy: { matrix: { environment: ['staging', 'production'] } },
        uses: `${inject('release').slug}/.github/workflows/train.yml@v1`,
        with: {
          'working-directory': folder,
          environment: `\${{ matrix.environment }}`,
          matrix: `\${{ toJSON(matrix) }}`,
        },
      },
    },
  };
  await example.add({ '.github/workflows/matrix.yml': JSON.stringify(workflow) });
  await example.push('Train twice');
  const run = await example.run({ workflow: 'matrix.yml' });

  expectSuccess(run);
  expect(jobsOf(run)).toMatchObject({
    'train (staging) / Train': 'success',
    'train (production) / Train': 'success',
  });
  expect(run.artifacts.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      ...['models-tumor-staging', 'models-tumor-staging-package'],
      ...['models-tumor-production', 'models-tumor-production-package'],
    ]),
  );
});
