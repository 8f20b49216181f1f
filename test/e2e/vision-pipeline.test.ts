import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Example, expectSuccess, jobsOf, reportOf, stagesThat } from './example.ts';
import { openVision, shorten } from './vision-example.ts';

/** The example vision-pytorch as a repository that is pushed to. */

let example: Example;
let python: string;

beforeAll(async () => {
  ({ example, python } = await openVision());
});
afterAll(() => example.close());

test('the example is checked and green', async () => {
  const run = await example.run({ workflow: 'ci.yml' });

  expectSuccess(run);
  expect(jobsOf(run)).toEqual({ ci: 'success', 'ci / Check (ubuntu-latest)': 'success' });
});

test('a push trains, gates, packages and deploys, and the service reads digits', async () => {
  await shorten(example, 4, 4);
  const install = `  install: >-
    uv venv --clear --python ">=3.11,<3.15" .venv &&
    uv pip install --python .venv --require-hashes -r requirements.txt
`;
  await example.edit('mlops.yaml', install, '');
  await example.edit('mlops.yaml', 'serve: .venv/bin/python', `serve: ${python}`);
  await example.push('Train for a moment');
  const run = await example.run();

  expectSuccess(run);
  const { training, gate, page, deployment } = await reportOf(run);
  expect(stagesThat('ran', training)).toEqual(['data', 'train', 'evaluate']);
  expect(gate.verdict).toBe('pass');
  expect(gate.data?.candidate?.examples).toBe(449);
  const byStroke = gate.rules.find(({ columns }) => columns?.includes('stroke'));
  expect(byStroke?.slices?.map(({ value }) => value)).toEqual(['medium', 'thick', 'thin']);
  expect(gate.rules.filter(({ pattern }) => pattern === 'recall[*]')).toHaveLength(10);
  expect(gate.plots?.confusion?.classes).toHaveLength(10);
  for (const part of ['By stroke: ', 'Confusion matrix']) expect(page).toContain(part);
  expect(deployment).toMatchObject({ environment: 'staging', outcome: 'deployed' });
  expect(await example.labels(deployment?.url ?? '')).toEqual([0, 4]);
});
