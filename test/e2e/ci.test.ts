import { afterAll, beforeAll, expect, test } from 'vitest';
import { Example, expectSuccess, jobsOf } from './example.ts';

/** The workflow that checks a project's code. */

let example: Example;

beforeAll(async () => {
  example = await Example.open();
});
afterAll(() => example.close());

test('the example is checked and green', async () => {
  const run = await example.run({ workflow: 'ci.yml' });

  expectSuccess(run);
  expect(jobsOf(run)).toEqual({ ci: 'success', 'ci / Check (ubuntu-latest)': 'success' });
});

test('an import that is not used and a failing test are shown where they stand', async () => {
  await example.edit('tumor/table.py', 'import csv\n', 'import csv\nimport zipfile\n');
  await example.add({ 'tests/test_sums.py': 'def test_sums():\n    one = 1\n\n    assert one + 1 == 3\n' });
  await example.push('Break two things');
  const run = await example.run({ workflow: 'ci.yml' });

  expect(jobsOf(run)).toEqual({ ci: 'failure', 'ci / Check (ubuntu-latest)': 'failure' });
  const found = run.annotations
    .filter(({ level, file }) => level === 'error' && file)
    .sort((a, b) => (String(a.file) < String(b.file) ? -1 : 1));
  expect(found).toEqual([
    expect.objectContaining({
      file: 'tests/test_sums.py',
      line: 4,
      title: 'tests: tests/test_sums.py::test_sums',
      message: 'assert (1 + 1) == 3',
    }),
    expect.objectContaining({
      file: 'tumor/table.py',
      line: 7,
      title: 'lint: F401',
      message: expect.stringContaining('`zipfile` imported but unused'),
    }),
  ]);
});
