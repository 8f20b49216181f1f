import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explain } from '../src/explain.ts';
import { type Facts, stageKey } from '../src/key.ts';

const digest = fc.stringMatching(/^[0-9a-f]{8}$/).map((hex) => `sha256:${hex}`);
const name = fc.stringMatching(/^[a-z][a-z./]{0,6}$/);
const factsArbitrary: fc.Arbitrary<Facts> = fc.record({
  command: fc.string(),
  inputs: fc.uniqueArray(fc.record({ path: name, digest, bytes: fc.nat() }), {
    selector: ({ path }) => path,
  }),
  parameters: fc.dictionary(name, fc.string()),
  outputs: fc.uniqueArray(name),
  environment: fc.dictionary(name, digest),
  platform: fc.constantFrom('linux x64', 'win32 x64'),
  matrix: fc.dictionary(name, fc.oneof(fc.string(), fc.integer(), fc.boolean())),
});

function reversed<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).reverse());
}

describe('a key', () => {
  test('does not depend on any order', () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const { inputs, parameters, outputs, environment, matrix } = facts;
        const other: Facts = {
          ...facts,
          inputs: inputs.toReversed(),
          outputs: outputs.toReversed(),
          parameters: reversed(parameters),
          environment: reversed(environment),
          matrix: reversed(matrix),
        };
        expect(stageKey(other)).toBe(stageKey(facts));
        expect(explain(other, facts)).toBe('its last result is no longer in the cache');
      }),
    );
  });

  test('changes with every fact, and the change is told', () => {
    const changes: fc.Arbitrary<[keyof Facts, (facts: Facts) => Facts, string]> = fc.constantFrom(
      ['command', (f: Facts) => ({ ...f, command: `${f.command} ` }), 'command changed'],
      [
        'inputs',
        (f: Facts) => ({ ...f, inputs: [...f.inputs, { path: 'NEW', digest: 'd', bytes: 0 }] }),
        'input NEW added',
      ],
      [
        'inputs',
        (f: Facts) => ({ ...f, inputs: f.inputs.map((i) => ({ ...i, digest: `${i.digest}0` })) }),
        'changed',
      ],
      ['parameters', (f: Facts) => ({ ...f, parameters: { ...f.parameters, NEW: '' } }), 'params NEW added'],
      ['outputs', (f: Facts) => ({ ...f, outputs: [...f.outputs, 'NEW'] }), 'declared outputs changed'],
      [
        'environment',
        (f: Facts) => ({ ...f, environment: { ...f.environment, NEW: 'd' } }),
        'environment added (NEW)',
      ],
      ['platform', (f: Facts) => ({ ...f, platform: 'darwin arm64' }), 'platform changed'],
      ['matrix', (f: Facts) => ({ ...f, matrix: { ...f.matrix, NEW: 1 } }), 'matrix NEW changed'],
    );
    fc.assert(
      fc.property(factsArbitrary, changes, (facts, [what, change, told]) => {
        fc.pre(!(told === 'changed' && facts[what as 'inputs'].length === 0));
        const changed = change(facts);
        expect(stageKey(changed)).not.toBe(stageKey(facts));
        expect(explain(changed, facts)).toContain(told);
      }),
    );
  });

  test('keeps values of different kinds and places apart', () => {
    const base: Facts = {
      ...{ command: '', inputs: [], parameters: {}, outputs: [], environment: {}, platform: '', matrix: {} },
    };
    const keys = [
      base,
      { ...base, matrix: { a: 1 } },
      { ...base, matrix: { a: '1' } },
      { ...base, environment: { a: '1' } },
      { ...base, parameters: { a: '1' } },
      { ...base, outputs: ['a'] },
      { ...base, outputs: ['a', 'b'] },
      { ...base, outputs: ['a,b'] },
    ].map(stageKey);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('why a stage runs', () => {
  const before: Facts = {
    command: 'python train.py',
    inputs: [{ path: 'src/train.py', digest: 'a', bytes: 1 }],
    parameters: { 'train.max_depth': '6', 'train.lr': '0.1' },
    outputs: ['model'],
    environment: { 'uv.lock': 'a' },
    platform: 'linux x64',
    matrix: {},
  };

  test.each<[string, Partial<Facts>]>([
    [
      'params train.max_depth changed: 6 → 8',
      { parameters: { ...before.parameters, 'train.max_depth': '8' } },
    ],
    ['params train.lr removed', { parameters: { 'train.max_depth': '6' } }],
    ['input src/train.py changed', { inputs: [{ path: 'src/train.py', digest: 'b', bytes: 1 }] }],
    ['command changed', { command: 'python train.py --fast' }],
    ['environment changed (uv.lock)', { environment: { 'uv.lock': 'b' } }],
    ['platform changed: linux x64 → linux arm64', { platform: 'linux arm64' }],
    [
      'command changed; input src/train.py changed; params train.lr changed: 0.1 → 1; and 1 more',
      {
        command: 'x',
        inputs: [{ path: 'src/train.py', digest: 'b', bytes: 1 }],
        parameters: { 'train.max_depth': '6', 'train.lr': '1' },
        environment: {},
      },
    ],
  ])('%s', (expected, change) => {
    expect(explain({ ...before, ...change }, before)).toBe(expected);
  });

  test('a stage without a past never ran', () => {
    expect(explain(before, undefined)).toBe('never ran here');
  });
});
