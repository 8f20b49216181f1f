import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, type RunResult, startEngine, temporaryRepository } from '../../src/engine/index.ts';

const called = `
name: train
on:
  workflow_call:
    inputs: { model: { type: string, required: true } }
    outputs: { greeting: { value: '\${{ jobs.fit.outputs.greeting }}' } }
jobs:
  fit:
    runs-on: ubuntu-latest
    outputs: { greeting: 'hello \${{ steps.greet.outputs.who }}', fixed: constant }
    steps:
      - uses: actions/checkout@v4
      - id: greet
        run: |
          cat data.txt
          echo "who=\${{ inputs.model }}" >> "$GITHUB_OUTPUT"
          echo "# Trained" >> "$GITHUB_STEP_SUMMARY"
          echo "::warning file=a.py,line=3,title=Look%2C here::a::b is 100%25 odd"
`;

const pipeline = `
name: pipeline
on:
  workflow_call:
    outputs: { greeting: { value: '\${{ jobs.train.outputs.greeting }}' } }
jobs:
  train:
    uses: org/mlops/.github/workflows/train.yml@v1.0.0
    with: { model: tree }
  report: { needs: train, runs-on: ubuntu-latest, steps: [{ run: echo }] }
`;

const caller = `
name: ML
on: push
jobs:
  ml: { uses: org/mlops/.github/workflows/pipeline.yml@v1 }
  use:
    needs: ml
    runs-on: ubuntu-latest
    steps: [{ run: 'echo "got \${{ needs.ml.outputs.greeting }}"' }]
  each:
    runs-on: [self-hosted, gpu]
    strategy: { fail-fast: false, matrix: { k: [1, 2] } }
    outputs: { same: '\${{ steps.maybe.outcome }}' }
    steps:
      - id: maybe
        continue-on-error: true
        run: exit \${{ matrix.k }}
  broken:
    name: Bad one
    runs-on: ubuntu-latest
    steps:
      - run: exit 3
      - run: echo never
      - { if: always(), run: 'echo "::error::it broke"' }
  after: { needs: broken, runs-on: ubuntu-latest, steps: [{ run: echo }] }
`;

describe('a run', () => {
  let engine: Engine;
  let tree: string;
  let result: RunResult;
  const lines: string[] = [];

  beforeAll(async () => {
    tree = await mkdtemp(join(tmpdir(), 'mlops-tree-'));
    const workflows = join(tree, '.github', 'workflows');
    await mkdir(workflows, { recursive: true });
    await writeFile(join(workflows, 'train.yml'), called);
    await writeFile(join(workflows, 'pipeline.yml'), pipeline);
    engine = await startEngine({ releaseTree: tree, slug: 'org/mlops', refs: ['v1', 'v1.0.0'] });
    const repository = await temporaryRepository({
      'data.txt': 'the data\n',
      '.github/workflows/ml.yml': caller,
    });
    result = await engine.run({ repository: repository.path, onLine: (line) => lines.push(line) });
    await repository.close();
  }, 120_000);

  afterAll(async () => {
    await engine.close();
    await rm(tree, { recursive: true });
  });

  const job = (name: string) => {
    const found = result.jobs.find((one) => one.name === name);
    if (!found) throw new Error(`No job ${name} in ${result.jobs.map((one) => one.name).join(', ')}`);
    return found;
  };

  it('names jobs as GitHub does, through every level of called workflows', () => {
    expect(result.jobs.map(({ name }) => name).sort()).toEqual(
      [
        'Bad one',
        'after',
        'each (1)',
        'each (2)',
        'ml',
        'ml / report',
        'ml / train',
        'ml / train / fit',
        'use',
      ].sort(),
    );
  });

  it('tells how each job and step ended', () => {
    expect(result.success).toBe(false);
    expect(Object.fromEntries(result.jobs.map(({ name, result: end }) => [name, end]))).toEqual({
      'Bad one': 'failure',
      after: 'skipped',
      'each (1)': 'success',
      'each (2)': 'success',
      ml: 'success',
      'ml / report': 'success',
      'ml / train': 'success',
      'ml / train / fit': 'success',
      use: 'success',
    });
    expect(job('Bad one').steps.map(({ outcome }) => outcome)).toEqual(['failure', 'skipped', 'success']);
    expect(job('each (1)').steps[0]).toMatchObject({
      id: 'maybe',
      outcome: 'failure',
      conclusion: 'success',
    });
    expect(result.problems).toEqual([]);
  });

  it('gives the outputs of steps, jobs and called workflows', () => {
    expect(job('ml / train / fit').steps[1]?.outputs).toEqual({ who: 'tree' });
    expect(job('ml / train / fit').outputs).toEqual({ greeting: 'hello tree', fixed: 'constant' });
    expect(job('ml / train').outputs).toEqual({ greeting: 'hello tree' });
    expect(job('ml').outputs).toEqual({ greeting: 'hello tree' });
    expect(job('each (2)').outputs).toEqual({ same: 'failure' });
    expect(job('use').steps[0]?.log).toEqual(['got hello tree']);
  });

  it('gives summaries, annotations and the log', () => {
    expect(job('ml / train / fit').summary).toBe('# Trained\n');
    expect(job('ml / train / fit').steps[1]?.log[0]).toBe('the data');
    expect(result.annotations).toEqual(
      expect.arrayContaining([
        {
          level: 'warning',
          job: 'ml / train / fit',
          file: 'a.py',
          line: 3,
          title: 'Look, here',
          message: 'a::b is 100% odd',
        },
        { level: 'error', job: 'Bad one', message: 'it broke' },
      ]),
    );
    expect(result.annotations).toHaveLength(2);
    expect(lines.join('\n')).toBe(result.log);
    expect(result.log).toContain('the data');
  });
});
