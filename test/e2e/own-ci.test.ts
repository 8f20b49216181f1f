import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Engine, startEngine } from '@mlops/testkit/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, jobsOf } from './example.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

test("a leg of this repository's own checks is green, dependencies installed anew", async () => {
  const { XDG_CACHE_HOME, XDG_DATA_HOME } = process.env;
  const run = await engine.run({
    repository: fileURLToPath(new URL('../..', import.meta.url)),
    workflow: 'ci.yml',
    event: 'workflow_dispatch',
    ref: 'HEAD', // No branch is checked out in the checks of a pull request.
    inputs: { suites: JSON.stringify([{ suite: 'lint', runner: 'ubuntu-latest' }]) },
    // The user's caches: packages come from pnpm's store, tools that were built stay built.
    env: {
      HOME: homedir(),
      XDG_CACHE_HOME: XDG_CACHE_HOME ?? join(homedir(), '.cache'),
      XDG_DATA_HOME: XDG_DATA_HOME ?? join(homedir(), '.local', 'share'),
    },
  });

  const [leg] = run.jobs.flatMap(({ steps }) => steps.filter(({ name }) => name === 'Test'));
  expect(leg?.outcome, leg?.log.join('\n')).toBe('success');
  expectSuccess(run);
  expect(jobsOf(run)).toEqual({ 'lint (ubuntu-latest)': 'success', passed: 'success' });
  expect(leg?.log.join('\n')).toMatch(/^\d+ passed, 0 failed$/m);
});
