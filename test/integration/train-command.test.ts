import { afterEach, describe, expect, test, vi } from 'vitest';
import { Project } from './train-project.ts';

vi.setConfig({ testTimeout: 60_000 });

let project: Project;
afterEach(() => project.destroy());

const script = `
  import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
  mkdirSync('out', { recursive: true });
  writeFileSync('out/model.bin', 'weights');
  writeFileSync('metrics.json', '{"acc": 0.9}');
  writeFileSync('curve.jsonl', '{"epoch": 1, "loss": 2}\\n{"epoch": 2, "loss": 1}\\n');
`;

describe('a command by itself', () => {
  test('runs every time, and its metrics.json is read without being named', async () => {
    project = await Project.with({ 'train.mjs': script }, { run: 'node train.mjs', model: 'out' });
    for (let i = 0; i < 2; i++) {
      const result = await project.train();
      expect(result.errors).toEqual([]);
      expect(result.ran).toEqual(['train']);
      expect(result.why('train')).toBe('a command by itself always runs');
      expect(result.outputs.metrics).toBe('{"acc":0.9}');
      expect(result.training?.model).toMatchObject({ path: 'out', bytes: 7 });
    }
    expect(await project.cached()).toEqual([]);
  });

  test('has curves, whose last values are metrics', async () => {
    project = await Project.with({ 'train.mjs': script }, { metrics: ['metrics.json', 'curve.jsonl'] });
    const result = await project.train({ run: 'node train.mjs' });
    expect(result.outputs.metrics).toBe('{"acc":0.9,"loss":1}');
    expect(result.training?.curves).toEqual({
      loss: [
        { step: 1, value: 2 },
        { step: 2, value: 1 },
      ],
    });
  });

  test('does not pass off metrics that were there before as its own', async () => {
    const files = { 'metrics.json': '{"acc": 1}', 'train.mjs': '' };
    project = await Project.with(files, { run: 'node train.mjs', metrics: ['metrics.json'] });
    const named = await project.train();
    expect(named.exitCode).toBe(1);
    expect(named.errors).toEqual([
      "the metrics file 'metrics.json' was there before, and this run did not write it\nLet the command write it, or remove it from the repository and from the input 'metrics'.",
    ]);
    await project.write({ 'mlops.yaml': '' });
    const found = await project.train({ run: 'node train.mjs' });
    expect(found.exitCode).toBe(0);
    expect(found.log).toContain('metrics.json is there, but is not read: this run did not write it.');
    expect(found.outputs.metrics).toBe('{}');
  });

  test('that writes no model is an error with what is there', async () => {
    project = await Project.with({ 'train.mjs': script }, { run: 'node train.mjs', model: 'out/modle.bin' });
    const result = await project.train();
    expect(result.exitCode).toBe(1);
    expect(result.errors[0]).toContain("the model 'out/modle.bin' is not there after training");
    expect(result.errors[0]).toContain("Did you mean 'out/model.bin'?");
  });

  test('may have several lines, and stops at the first that fails', async () => {
    project = await Project.with({}, {});
    const run = 'node -e "console.log(1)"\nnode -e "process.exit(4)"\nnode -e "console.log(3)"';
    const result = await project.train({ run });
    expect(result.exitCode).toBe(1);
    expect(result.errors[0]).toContain('exit code 4');
    expect(result.log).not.toMatch(/^3$/m);
  });
});
