import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rulePlaces } from '../src/rule-places.ts';

let workspace: string;
beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'places-'));
});
afterEach(async () => {
  await rm(workspace, { recursive: true });
});

const config = `# A comment.
train:
  run: accuracy
evaluate-gate:
  rules:
    accuracy: &rule
      threshold: 0.9
    "f1": *rule
    1.5: 0.2
environments:
  staging:
    evaluate-gate:
      rules: { accuracy: 0.8, only_here: 0.1 }
`;

const places = (changes: Partial<Parameters<typeof rulePlaces>[0]> = {}) =>
  rulePlaces({
    workspace,
    workingDirectory: workspace,
    config: undefined,
    environment: undefined,
    workflowPath: '.github/workflows/ml.yml',
    ...changes,
  });

test('a rule stands where the config file names its metric', async () => {
  await writeFile(join(workspace, 'mlops.yaml'), config);
  const place = await places();
  const lines = ['accuracy', 'f1', '1.5', 'only_here', 'run', undefined].map(
    (metric) => place?.(metric).line,
  );
  expect(lines).toEqual([6, 8, 9, 13, 1, 1]);
  expect(place?.().path).toBe('mlops.yaml');
});

test("an environment's overlay comes first, and a file of another name and folder counts", async () => {
  await mkdir(join(workspace, 'models', 'a'), { recursive: true });
  await writeFile(join(workspace, 'models', 'a', 'gate.yaml'), config);
  const place = await places({
    workingDirectory: join(workspace, 'models', 'a'),
    config: 'gate.yaml',
    environment: 'staging',
  });
  expect(place?.('accuracy')).toEqual({ path: 'models/a/gate.yaml', line: 13 });
  expect(place?.('f1').line).toBe(8);
});

test('without a config file it is the workflow, and without that nowhere', async () => {
  expect((await places())?.('accuracy')).toEqual({ path: '.github/workflows/ml.yml', line: 1 });
  expect(await places({ workflowPath: undefined })).toBeUndefined();
});

test.each(['', 'evaluate-gate:', 'evaluate-gate: [', '- a list', 'environments: 1', 'a: *missing'])(
  'a file that says little or is broken is no reason to fail: %j',
  async (text) => {
    await writeFile(join(workspace, 'mlops.yaml'), text);
    expect((await places())?.('accuracy')).toEqual({ path: 'mlops.yaml', line: 1 });
  },
);
