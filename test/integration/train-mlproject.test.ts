import { afterEach, expect, test, vi } from 'vitest';
import { Project } from './train-project.ts';

vi.setConfig({ testTimeout: 60_000 });

let project: Project;
afterEach(() => project.destroy());

const files = {
  MLproject: `name: demo
conda_env: conda.yaml
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      data: {type: path, default: data.txt}
    command: "node train.mjs {alpha} {data}"
  validate:
    command: "node -e \\"require('fs').writeFileSync('model', 'valid')\\""
`,
  'conda.yaml': 'dependencies: [python]\n',
  'data.txt': '',
  'params.yaml': 'seed: 1\n',
  'train.mjs': `
import { writeFileSync } from 'node:fs';
const [alpha, data, ...rest] = process.argv.slice(2);
writeFileSync('model', JSON.stringify({ alpha, data, rest, uri: process.env.MLFLOW_TRACKING_URI }));
writeFileSync('metrics.json', JSON.stringify({ alpha: Number(alpha) }));
`,
};

test('an MLproject is trained with its defaults, with given parameters, and with more than it declares', async () => {
  project = await Project.with(files, { model: 'model' });
  const env = { VIRTUAL_ENV: '', CONDA_PREFIX: '', MLFLOW_TRACKING_URI: 'http://127.0.0.1:5000' };
  const plain = await project.train({}, { env });
  expect(plain.errors).toEqual([]);
  expect(plain.outputs.metrics).toBe('{"alpha":0.5}');
  expect(JSON.parse(project.read('model'))).toMatchObject({
    alpha: '0.5',
    rest: [],
    uri: env.MLFLOW_TRACKING_URI,
  });
  expect(JSON.parse(project.read('model')).data).toMatch(/[\\/]project[\\/]data\.txt$/);
  expect(plain.training?.parameters).toMatchObject({ seed: 1, alpha: '0.5' });
  expect(plain.result.annotations.map(({ message }) => message).join('\n')).toContain(
    'MLproject asks for the environment in conda.yaml, and none is active',
  );

  const given = await project.train({ parameters: '{alpha: 0.25, note: "it\'s $HOME"}' }, { env });
  expect(given.errors).toEqual([]);
  expect(given.outputs.metrics).toBe('{"alpha":0.25}');
  expect(JSON.parse(project.read('model')).rest).toEqual(['--note', "it's $HOME"]);
  expect(given.log).toContain('Appended, because the entry point does not declare them: note');

  const other = await project.train({ 'entry-point': 'validate' }, { env });
  expect(other.errors).toEqual([]);
  expect(project.read('model')).toBe('valid');
});

test('mistakes end the step before anything runs, with file and line', async () => {
  project = await Project.with(files, { model: 'model', parameters: { alpha: 'high' } });
  const result = await project.train();
  expect(result.exitCode).toBe(1);
  expect(result.errors).toEqual([
    "MLproject:6 the parameter 'alpha' is declared float, but 'high' is not a number\nCorrect it where it is given.",
  ]);
  expect(project.has('model')).toBe(false);
  const mixed = await project.train({ run: 'node train.mjs' });
  expect(mixed.errors).toEqual([
    "the inputs 'entry-point' and 'parameters' are for an MLproject, and the input 'run' is set\nLeave them away, or leave the input 'run' away.",
  ]);
});
