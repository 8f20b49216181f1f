import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@mlops/core';
import { type ActionResult, type RunnerOptions, runAction } from '@mlops/testkit/runner-files';
import { afterEach, describe, expect, test } from 'vitest';

const results: ActionResult[] = [];
afterEach(async () => {
  for (const result of results.splice(0)) await result.runner.remove();
});

async function probe(
  does: string,
  options: RunnerOptions & { phase?: 'main' | 'post'; signal?: AbortSignal } = {},
) {
  const result = await runAction(join(import.meta.dirname, 'probe'), {
    ...options,
    inputs: { does, ...options.inputs },
  });
  results.push(result);
  return result;
}

describe('the runtime', () => {
  test('writes outputs, summary and record', async () => {
    const result = await probe('succeed');
    expect(result.exitCode).toBe(0);
    expect(result.outputs).toEqual({ 'first-output': 'early', 'second-output': '2' });
    expect(result.summary.trim()).toBe('## Summary so far');
    expect(result.record?.steps).toMatchObject([{ action: 'train', outcome: 'success' }]);
    expect(result.annotations).toEqual([]);
  });

  test("shows a user's mistake where it is, without a stack trace, and keeps what is known", async () => {
    const result = await probe('user-error');
    expect(result.exitCode).toBe(1);
    expect(result.annotations).toEqual([
      expect.objectContaining({
        level: 'error',
        title: 'Probe',
        file: 'metrics.json',
        line: 3,
        message: "the metric 'acc' is missing\nAdd it.",
      }),
    ]);
    expect(`${result.stdout}${result.stderr}`).not.toMatch(/\n\s+at /);
    expect(result.outputs).toEqual({ 'first-output': 'early' });
    expect(result.summary).toContain('Summary so far');
    expect(result.record?.steps).toMatchObject([
      { outcome: 'failure', error: "the metric 'acc' is missing" },
    ]);
  });

  test('owns up to a bug, with the stack', async () => {
    const { exitCode, annotations } = await probe('bug');
    expect(exitCode).toBe(1);
    expect(annotations[0]?.message).toMatch(
      /This is a bug in train, not in your repository[\s\S]*TypeError: x is not a function\n\s+at /,
    );
  });

  test("shows a failed command's exit code and last words", async () => {
    const { annotations } = await probe('command');
    expect(annotations[0]?.message).toContain('failed with exit code 4. Its last words:\n  no such table');
  });

  test("keeps to GitHub's ten annotations a step and logs the rest", async () => {
    const { annotations, stdout } = await probe('annotate');
    expect(annotations).toHaveLength(10);
    expect(stdout).toContain('warning: number 12');
  });

  test('lets no secret into outputs, summary or record', async () => {
    const result = await probe('leak', { inputs: { token: 'hunter2' } });
    expect(result.masks).toEqual(expect.arrayContaining(['s3cret', 'hunter2']));
    expect(result.outputs).toEqual({ 'first-output': 'early' });
    expect(result.annotations).toMatchObject([
      { level: 'warning', message: "The output 'second-output' contains a masked secret and is not set." },
    ]);
    expect(result.summary).toContain('the token is ***');
    expect(JSON.stringify(result.record)).not.toContain('s3cret');
  });

  test.skipIf(process.platform === 'win32')(
    'cancels what runs, says so, and still runs its post step',
    async () => {
      const workspace = await mkdtemp(join(tmpdir(), 'probe-'));
      const cancellation = new AbortController();
      const running = probe('wait', { workspace, signal: cancellation.signal });
      const started = async () => (existsSync(join(workspace, 'started')) ? true : undefined);
      await waitFor(started, { what: 'the step to start', deadlineMs: 30_000, everyMs: 20 });
      cancellation.abort();
      const result = await running;
      await rm(workspace, { recursive: true });
      expect(result.exitCode).toBe(1);
      expect(result.annotations).toMatchObject([{ level: 'error', message: 'train was cancelled.' }]);
      expect(result.record?.steps).toMatchObject([{ outcome: 'cancelled' }]);
      const post = await probe('wait', { phase: 'post', after: result });
      expect(post.stdout).toContain('post ran');
    },
  );

  test('reports every wrong input in one go', async () => {
    const { exitCode, annotations } = await probe('sucseed', { inputs: { 'working-directory': 'nowhere' } });
    expect(exitCode).toBe(1);
    expect(annotations[0]?.message).toBe(
      "input does: 'sucseed' is not allowed here\nDid you mean 'succeed'? Allowed: succeed, user-error, bug, annotate, leak, wait, command.",
    );
  });

  test('says nothing again at the end of the job about inputs that were refused', async () => {
    const refused = await probe('sucseed');
    const post = await probe('sucseed', { phase: 'post', after: refused });
    expect(post).toMatchObject({ exitCode: 0, annotations: [] });
    expect(post.stdout).not.toContain('post ran');
  });

  test('adds to the record of the job step by step', async () => {
    const first = await probe('succeed');
    const second = await probe('user-error', { after: first });
    expect(second.record?.steps.map(({ outcome }) => outcome)).toEqual(['success', 'failure']);
  });
});
