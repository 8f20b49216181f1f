import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inOrder, sourcesOf } from '../src/graph.ts';
import { type Stage, stagesSchema } from '../src/stages.ts';

function stage(name: string, inputs: string[] = [], outputs: string[] = []): Stage {
  return { name, run: 'true', inputs, outputs, params: [], seeded: true };
}

/** `path: message` of each problem, as the schema reports it. */
function problems(stages: unknown): string[] {
  const issues = stagesSchema.safeParse(stages).error?.issues ?? [];
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('what a stage leaves out is empty', () => {
  expect(stagesSchema.parse([{ name: 'a', run: 'true' }])).toEqual([stage('a')]);
});

describe('refused are', () => {
  test('names twice', () => {
    expect(problems([stage('train'), stage('Train')])).toEqual([
      '1.name: stage 1 has the same name; names must differ by more than case',
    ]);
  });

  test('outputs that two stages write', () => {
    expect(problems([stage('a', [], ['model']), stage('b', [], ['./model/'])])).toEqual([
      "1.outputs.0: stage 'a' writes it too; every output has one stage that writes it",
    ]);
    expect(problems([stage('a', [], ['data']), stage('b', [], ['data/x'])])).toEqual([
      "1.outputs.0: it overlaps with 'data', an output of stage 'a'; every output has one stage that writes it",
    ]);
    expect(problems([stage('a', [], ['m', 'm/x'])])).toEqual([
      "0.outputs.1: it overlaps with 'm', an output of the same stage; every output has one stage that writes it",
    ]);
  });

  test("inputs among the same stage's outputs", () => {
    expect(problems([stage('a', ['model/x'], ['model'])])).toEqual([
      "0.inputs.0: it is, or lies inside, 'model', an output of the same stage",
    ]);
    expect(problems([stage('a', ['data'], ['data/out'])])).toEqual([
      "0.inputs.0: it covers 'data/out', an output of the same stage; name only what the stage reads",
    ]);
  });

  test("inputs that hold another stage's output", () => {
    expect(problems([stage('a', [], ['data/out']), stage('b', ['data'])])).toEqual([
      "1.inputs.0: it covers 'data/out', an output of stage 'a'; list that output by itself, and beside it only what is not an output",
    ]);
  });

  test('circles', () => {
    expect(problems([stage('a', ['z'], ['x']), stage('b', ['x'], ['y']), stage('c', ['y'], ['z'])])).toEqual([
      '1.inputs.0: the stages go round in a circle: a → b → c → a',
    ]);
  });

  test('unknown keys, wrong types and names', () => {
    expect(problems([{ name: 'a', run: 'true', deps: [] }])[0]).toContain('deps');
    expect(problems([{ name: 'a b', run: 'true' }])[0]).toContain('a name has letters');
    expect(problems([{ name: 'a', run: '' }])).toHaveLength(1);
    expect(problems([])).toHaveLength(1);
  });
});

describe('the order', () => {
  test('follows dependencies, and otherwise the file', () => {
    const stages = [
      stage('evaluate', ['model']),
      stage('lint'),
      stage('train', ['d/x'], ['model']),
      stage('data', [], ['d']),
    ];
    expect(inOrder(stages).map(({ name }) => name)).toEqual(['lint', 'data', 'train', 'evaluate']);
    expect(sourcesOf(stages[2] as Stage, stages)).toEqual([
      { input: 'd/x', producer: { stage: stages[3], output: 'd' } },
    ]);
  });

  test('puts every stage after what it depends on, however they are written', () => {
    const graph = fc
      .array(fc.array(fc.nat({ max: 20 }), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
      .map((edges) =>
        edges.map((to, i) =>
          stage(
            `s${i}`,
            [...new Set(to.filter((j) => j < i))].map((j) => `o${j}`),
            [`o${i}`],
          ),
        ),
      )
      .chain((stages) => fc.shuffledSubarray(stages, { minLength: stages.length }));
    fc.assert(
      fc.property(graph, (stages) => {
        expect(problems(stages)).toEqual([]);
        const done = new Set<string>();
        for (const next of inOrder(stages)) {
          for (const input of next.inputs) expect(done).toContain(input);
          for (const output of next.outputs) done.add(output);
        }
        expect(done.size).toBe(stages.length);
      }),
    );
  });
});
