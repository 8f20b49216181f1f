import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { withoutAliases } from '../src/aliases.ts';

const expand = (source: string) => withoutAliases(source, 'workflows/x.yml');

test('an alias of a block, of a value and of a flow collection is replaced by what is written at its anchor', () => {
  const source = `jobs:
  one:
    runs-on: &runner ubuntu-latest # any
    needs: &needs [a, 'b']
    permissions: &permissions
      contents: read # check out
    steps: &steps
      # First.
      - run: |
          echo 1

          echo 2
      - run: echo 3 # last

  two:
    runs-on: *runner
    needs: *needs
    permissions: *permissions
    steps: *steps
  three: # ends with one
    steps: *steps
`;
  const { text, problems } = expand(source);
  expect(problems).toEqual([]);
  expect(text).toMatchInlineSnapshot(`
    "jobs:
      one:
        runs-on: ubuntu-latest # any
        needs: [a, 'b']
        permissions:
          contents: read # check out
        steps:
          # First.
          - run: |
              echo 1

              echo 2
          - run: echo 3 # last

      two:
        runs-on: ubuntu-latest
        needs: [a, 'b']
        permissions:
          contents: read # check out
        steps:
          # First.
          - run: |
              echo 1

              echo 2
          - run: echo 3 # last
      three: # ends with one
        steps:
          # First.
          - run: |
              echo 1

              echo 2
          - run: echo 3 # last
    "
  `);
  expect(parse(text)).toEqual(parse(source));
});

test('without aliases nothing changes', () => {
  const source = '# a\njobs:\n  one: { steps: [a & b, "*c"] }\n';
  expect(expand(source).text).toBe(source);
});

test.each([
  ['a: *x\nb: &x 1\n', "'*x' comes before its anchor '&x', or there is none", 1],
  ['a:\n  b: &x\n    c: 1\nd: *x\n', "'*x' must be indented as its anchor '&x' is", 4],
])('%j is refused', (source, message, line) => {
  expect(expand(source).problems).toMatchObject([{ message, place: { file: 'workflows/x.yml', line } }]);
});

test('train.yml means the same without its aliases', async () => {
  const source = await readFile(new URL('../../../workflows/train.yml', import.meta.url), 'utf8');
  const { text, problems } = expand(source);
  expect(problems).toEqual([]);
  expect(text).not.toMatch(/[&*](steps|runner|outputs|permissions)\b/);
  expect(parse(text)).toEqual(parse(source));
});
