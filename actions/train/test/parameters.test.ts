import { UserError } from '@mlops/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseParameters, readParameters } from '../src/parameters.ts';

async function texts(yaml: string): Promise<Record<string, string>> {
  const { all } = await parseParameters(yaml, 'params.yaml');
  return Object.fromEntries([...all].map(([key, { text }]) => [key, text]));
}

describe('parameters', () => {
  test('are the leaves by dotted key, as they are spelled', async () => {
    const yaml = `
      train: { lr: 1e-4, depth: 6, layers: [1, 2.0, {b: x, a: "1"}], name: "resnet", none: }
      empty: {}
      seed: "1"
    `;
    expect(await texts(yaml)).toEqual({
      'train.lr': '1e-4',
      'train.depth': '6',
      'train.layers': '[1, 2.0, {a: "1", b: x}]',
      'train.name': 'resnet',
      'train.none': 'null',
      empty: '{}',
      seed: '"1"',
    });
  });

  test('do not change with comments, layout, order or needless quotes', async () => {
    const plain = await texts('a: {x: 1, y: text}\nb: [1, 2]\n');
    const other = await texts('# note\nb:\n  - 1 # one\n  - 2\n\na:\n    y: "text"\n    x:   1\n');
    expect(other).toEqual(plain);
  });

  test.each([
    ['1e-4', '1.0e-4'],
    ['1', '1.0'],
    ['1', '"1"'],
    ['yes', '"yes"'],
    ['null', '"null"'],
    ['', '""'],
    ['[a, b]', '["a, b"]'],
    ['[1, 2]', '\n  - 1, 2'],
    ['2026-01-01', '"2026-01-01"'],
  ])('%s is not %s, since Python may read them differently', async (a, b) => {
    expect(await texts(`k: ${a}`)).not.toEqual(await texts(`k: ${b}`));
  });

  test('follow anchors and merge keys', async () => {
    const yaml =
      'base: &b {lr: 1, depth: 2}\ntrain:\n  <<: *b\n  depth: 3\ncopy: *b\nboth:\n  <<: [{lr: 9}, *b]\n';
    expect(await texts(yaml)).toMatchObject({
      'train.lr': '1',
      'train.depth': '3',
      'copy.depth': '2',
      'both.lr': '9',
      'both.depth': '2',
    });
  });

  test('select a value, or all of a mapping', async () => {
    const parameters = await parseParameters(
      'train: {lr: 1, opt: {name: adam}}\ntrainer: 2\n',
      'params.yaml',
    );
    expect(Object.keys(parameters.select(['train'], 's'))).toEqual(['train.lr', 'train.opt.name']);
    expect(parameters.select(['train.lr', 'trainer'], 's')).toEqual({
      'train.lr': { text: '1', value: 1 },
      trainer: { text: '2', value: 2 },
    });
  });

  test('a key that is missing is an error with the nearest one and its place', async () => {
    const parameters = await parseParameters('data: 1\ntrain:\n  max_depth: 6\n  lr: 1\n', 'params.yaml');
    expect(() => parameters.select(['train.max_dept'], 'fit')).toThrow(
      expect.objectContaining({
        message: "stage 'fit': the parameter 'train.max_dept' is not in params.yaml",
        advice: "Did you mean 'train.max_depth'? 'train' has train.max_depth, train.lr.",
        place: { file: 'params.yaml', line: 2, column: 1 },
      }),
    );
    expect(() => parameters.select(['zzz'], 'fit')).toThrow(
      expect.objectContaining({ advice: 'It has data, train.' }),
    );
  });

  test('malformed files are errors with their place', async () => {
    await expect(parseParameters('a: [1\nb: 2\n', 'p.yaml')).rejects.toThrow(UserError);
    await expect(parseParameters('- 1\n', 'p.yaml')).rejects.toThrow('must be a mapping');
    await expect(parseParameters('a: 1\na: 2\n', 'p.yaml')).rejects.toThrow('unique');
    expect((await parseParameters('', 'p.yaml')).all.size).toBe(0);
    expect(await readParameters(import.meta.dirname, 'no-such.yaml', import.meta.dirname)).toBeUndefined();
  });

  test('any values: the same in any layout, different when one differs', async () => {
    const key = fc.stringMatching(/^[a-z]{1,4}$/);
    const leaf = fc.oneof(
      fc.integer(),
      fc.boolean(),
      fc.string(),
      fc.constant(null),
      fc.array(fc.string(), { maxLength: 3 }),
    );
    const tree = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf)), { minKeys: 1 });
    await fc.assert(
      fc.asyncProperty(tree, tree, async (a, b) => {
        const block = await texts(stringify(a));
        expect(
          await texts(stringify(a, { collectionStyle: 'flow', defaultKeyType: 'QUOTE_DOUBLE' })),
        ).toEqual(block);
        const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
        expect(JSON.stringify(sorted(await texts(stringify(b)))) === JSON.stringify(sorted(block))).toBe(
          same,
        );
      }),
      { numRuns: 100 },
    );
  });
});

function sorted(value: unknown): unknown {
  if (!value || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
