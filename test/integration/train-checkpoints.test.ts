import { waitFor } from '@mlops/core';
import { jobRecordSchema } from '@mlops/core/record';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Project, type Trained } from './train-project.ts';

vi.setConfig({ testTimeout: 120_000 });

/**
 * Twenty steps, each of which depends on all before it; the state is saved after each. A file `plan.json` says at which
 * step something happens: `kill` ends the process like the kernel does, `hang` waits until it is asked to end, and then
 * saves and goes, as trainers do.
 */
const trainer = `
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
const { MLOPS_CHECKPOINT_DIR: dir, MLOPS_RESUME_FROM: from } = process.env;
const plan = existsSync('plan.json') ? JSON.parse(readFileSync('plan.json', 'utf8')) : {};
let state = from ? JSON.parse(readFileSync(from + '/state.json', 'utf8')) : { step: 0, hash: '' };
console.log(from ? 'resumed at step ' + state.step : 'started anew');
const save = () => {
  writeFileSync(dir + '/state.json.tmp', JSON.stringify(state));
  renameSync(dir + '/state.json.tmp', dir + '/state.json');
};
while (state.step < 20) {
  state = { step: state.step + 1, hash: createHash('sha256').update(state.hash + state.step).digest('hex') };
  if (state.step === plan.kill) process.kill(process.pid, 'SIGKILL');
  if (plan.torn === state.step) { writeFileSync(dir + '/state.json', '{"step": 1'); process.kill(process.pid, 'SIGKILL'); }
  save();
  if (state.step === plan.hang) {
    writeFileSync('hanging', String(process.pid));
    await new Promise((resolve) => { process.on('SIGINT', resolve); setInterval(() => {}, 1000); });
    save();
    process.exit(130);
  }
}
mkdirSync('model', { recursive: true });
writeFileSync('model/weights.txt', state.hash);
writeFileSync('metrics.json', JSON.stringify({ score: parseInt(state.hash.slice(0, 8), 16) }));
`;

const command = { run: 'node train.mjs', model: 'model', 'checkpoint-dir': 'checkpoints' };
const stage = {
  name: 'train',
  run: 'node train.mjs',
  inputs: ['train.mjs'],
  outputs: ['model', 'metrics.json'],
};

let project: Project;
/** What an unbroken run gives. */
let unbroken: string;

async function start(train: object): Promise<void> {
  project = await Project.with({ 'train.mjs': trainer }, train);
}

beforeEach(async () => {
  await start(command);
  const result = await project.train();
  expect(result.errors).toEqual([]);
  unbroken = result.outputs.metrics ?? '';
  await project.destroy();
});
afterEach(() => project.destroy());

const plan = (at: object) => project.write({ 'plan.json': JSON.stringify(at) });

function expectFinished(result: Trained): void {
  expect(result.errors).toEqual([]);
  expect(result.outputs).toMatchObject({ finished: 'true', outcome: 'finished', metrics: unbroken });
  expect(jobRecordSchema.safeParse(result.result.record).error).toBeUndefined();
}

describe.skipIf(process.platform === 'win32')('a training that is broken off', () => {
  test.each([
    ['a command', command],
    ['a stage', { run: [stage], model: 'model', 'checkpoint-dir': 'checkpoints' }],
  ])('goes on from its last checkpoint: %s', async (_, train) => {
    await start(train);
    await plan({ kill: 8 });
    const killed = await project.train();
    expect(killed.exitCode).toBe(1);
    expect(killed.outputs).toMatchObject({ finished: 'false', outcome: 'failed' });
    expect(killed.errors.join()).toMatch(
      /^stage 'train': 'node train\.mjs' failed with exit code 137[\s\S]*The cause: it was killed from outside/,
    );
    // On another machine, as a re-run may be.
    await project.checkOutAnew();
    await plan({ kill: 15 });
    const again = await project.train();
    expect(again.log).toMatch(/Resuming from checkpoint 1[\s\S]*resumed at step 7/);
    await project.checkOutAnew();
    await plan({});
    const third = await project.train();
    expect(third.log).toContain('resumed at step 14');
    expectFinished(third);
    expect(third.training?.checkpoints).toMatchObject({ resumedFrom: 2 });

    // It has ended: the next one starts anew, where it runs at all.
    await project.checkOutAnew();
    const next = await project.train();
    expectFinished(next);
    if (train === command) expect(next.log).toContain('started anew');
    else expect(next.skipped).toEqual(['train']);
  });

  test('in the middle of writing its checkpoint goes on from the one before', async () => {
    await start(command);
    await plan({ kill: 8 });
    await project.train();
    await plan({ torn: 12 });
    const torn = await project.train();
    expect(torn.log).toContain('was being written when the command ended, and is not used; checkpoint 1 is');
    await plan({});
    const last = await project.train();
    expect(last.log).toContain('resumed at step 7');
    expectFinished(last);
  });

  test('after its code has changed starts anew, unless a key says otherwise', async () => {
    for (const [inputs, expected] of [
      [{}, 'started anew'],
      [{ 'checkpoint-key': 'mine' }, 'resumed at step 7'],
    ] as const) {
      await start({ ...command, ...inputs });
      await plan({ kill: 8 });
      await project.train();
      await plan({});
      const next = await project.train({}, { env: { GITHUB_SHA: 'f'.repeat(40) } });
      expect(next.log).toContain(expected);
      expectFinished(next);
      if (expected === 'started anew') await project.destroy();
    }
  });

  test('is stopped at its time limit, and goes on in the next job', async () => {
    await start({ ...command, 'time-limit': '3s' });
    await plan({ hang: 5 });
    const stopped = await project.train();
    expect(stopped.exitCode).toBe(1);
    expect(stopped.outputs).toMatchObject({ finished: 'false', outcome: 'time-limit' });
    expect(stopped.errors).toEqual([
      expect.stringMatching(
        /^the time limit of 3\.0 s was reached; the training can go on from checkpoint \d, after [\d.]+ s in all\nRe-run this job to go on\. 'if-unfinished: pass' lets the steps that follow decide by the output 'finished'\.$/,
      ),
    ]);
    expect(stopped.log).toContain(
      'Stopping: the time limit of 3.0 s was reached. The command has 1 min 0 s to save its state.',
    );
    await project.checkOutAnew();
    const passed = await project.train(
      { 'if-unfinished': 'pass', 'time-limit': '2s' },
      { env: { PLAN: 'x' } },
    );
    expect(passed.log).toContain('resumed at step 5');
    expectFinished(passed);
  });

  test('that reaches its limit before it starts can go on all the same', async () => {
    await start(command);
    await plan({ kill: 8 });
    await project.train();
    await project.checkOutAnew();
    const late = await project.train({ 'time-limit': '1ms', 'if-unfinished': 'pass' });
    expect(late.exitCode).toBe(0);
    expect(late.result.annotations.map(({ message }) => message).join()).toContain(
      'the time limit of 1 ms was reached; the training can go on from checkpoint 1',
    );
    expect(late.log).toContain('No other command is started.');
    expect(late.log).not.toContain('resumed at step');
  });

  test('between two stages goes on after the one whose result is kept', async () => {
    const wait = { name: 'wait', run: 'sleep 600', inputs: ['model'], outputs: ['done'] };
    await start({ run: [stage, wait], model: 'model', 'checkpoint-dir': 'checkpoints', 'time-limit': '10s' });
    const stopped = await project.train();
    expect(stopped.errors.join()).toMatch(
      /^the time limit of 10 s was reached; the training can go on after the stage 'train', whose result is kept/,
    );
    expect((await project.train()).skipped).toEqual(['train']);
  });

  test("does not take another project's checkpoint for its own", async () => {
    await start(command);
    await project.write({
      'other/train.mjs': trainer,
      'other/mlops.yaml': JSON.stringify({ train: command }),
    });
    await plan({ kill: 8 });
    await project.train();
    const other = await project.train({ 'working-directory': 'other' });
    expect(other.log).toContain('started anew');
    expectFinished(other);
  });

  test('and is forced starts anew once in a run, and goes on in what follows in it', async () => {
    await start({ ...command, force: ['all'] });
    for (const [run, at, expected] of [
      ['1', 8, 'started anew'],
      ['1', 12, 'resumed at step 7'],
      ['2', 5, 'started anew'],
      ['2', 0, 'resumed at step 4'],
    ] as const) {
      await plan({ kill: at });
      const result = await project.train({}, { env: { GITHUB_RUN_ID: run } });
      expect(result.log).toContain(expected);
    }
  });

  test('may pass unfinished, for the steps that follow to decide', async () => {
    await start({ ...command, 'time-limit': '3s', 'if-unfinished': 'pass' });
    await plan({ hang: 5 });
    const stopped = await project.train();
    expect(stopped.exitCode).toBe(0);
    expect(stopped.errors).toEqual([]);
    expect(stopped.outputs).toMatchObject({ finished: 'false', outcome: 'time-limit' });
    expect(stopped.outputs.metrics).toBeUndefined();
    expect(stopped.result.annotations).toMatchObject([{ level: 'notice', title: 'Not finished' }]);
  });

  test('whose checkpoint no other job could have does not pass unfinished', async () => {
    await start({ ...command, 'time-limit': '3s', 'if-unfinished': 'pass' });
    await plan({ hang: 5 });
    const payload = { pull_request: { head: { repo: { full_name: 'else/where' } } } };
    const stopped = await project.train({}, { event: 'pull_request', payload });
    expect(stopped.exitCode).toBe(1);
    expect(stopped.errors).toEqual([
      expect.stringMatching(
        /^the time limit of 3\.0 s was reached; checkpoint \d is on this machine only: caches are not written for a pull request from a fork: its code is not trusted\nAnother job would start anew\./,
      ),
    ]);
  });

  test('goes on in a next job of a tag, too', async () => {
    const env = { GITHUB_REF: 'refs/tags/v1.0.0' };
    await start({ ...command, 'time-limit': '3s', 'if-unfinished': 'pass' });
    await plan({ hang: 5 });
    expect((await project.train({}, { env })).errors).toEqual([]);
    await project.checkOutAnew();
    await plan({});
    const next = await project.train({}, { env });
    expect(next.log).toContain('resumed at step 5');
    expectFinished(next);
  });

  test('is stopped when its budget is used up, over all attempts', async () => {
    await start({ ...command, budget: '2', prices: { currency: 'EUR', hour: 3600 } });
    await plan({ hang: 5 });
    const stopped = await project.train();
    expect(stopped.outputs).toMatchObject({ finished: 'false', outcome: 'budget' });
    expect(stopped.errors.join()).toMatch(
      /^the budget of 2 EUR is used up; the training can go on from checkpoint/,
    );
    expect(Number(stopped.outputs.cost)).toBeGreaterThan(2);
    const again = await project.train();
    expect(again.errors.join()).toMatch(/^the budget of 2 EUR is used up; /);
    expect(again.log).not.toContain('resumed at');
    const richer = await project.train({ budget: '1000' });
    expectFinished(richer);
  });

  test('at a limit without a checkpoint fails, and says what to do', async () => {
    await start({ run: 'node wait.mjs', 'time-limit': '1s', 'if-unfinished': 'pass' });
    await project.write({ 'wait.mjs': 'setInterval(() => {}, 1000);' });
    const plain = await project.train();
    expect(plain.errors).toEqual([
      "the time limit of 1.0 s was reached, and there is no checkpoint to go on from\nRaise the limit, or have the command write checkpoints and name their folder in 'checkpoint-dir'.",
    ]);
    expect(plain.outputs).toMatchObject({ finished: 'false', outcome: 'time-limit' });
    const named = await project.train({ 'checkpoint-dir': 'checkpoints' });
    expect(named.errors.join()).toContain("Have the command write checkpoints into 'checkpoints' more often");
  });

  test('when it is cancelled keeps its state, and the job after it goes on', async () => {
    await start(command);
    await plan({ hang: 5 });
    const cancellation = new AbortController();
    const running = project.train({}, { signal: cancellation.signal });
    await hanging();
    cancellation.abort();
    const cancelled = await running;
    expect(cancelled.outputs).toMatchObject({ finished: 'false', outcome: 'cancelled' });
    const after = await project.finishJob(cancelled, { run: 'node train.mjs' });
    expect(after.exitCode).toBe(0);
    expect(after.log).toMatch(/Saved checkpoint \d/);
    expect(after.result.annotations).toMatchObject([
      {
        level: 'notice',
        message: expect.stringMatching(
          /^The training was cut off\. Re-run the job to go on from checkpoint \d\.$/,
        ),
      },
    ]);
    await project.checkOutAnew();
    await plan({});
    const next = await project.train();
    expect(next.log).toContain('resumed at step 5');
    expectFinished(next);
  });

  test('when its step is killed as a whole is ended and kept by the post step', async () => {
    await start(command);
    await plan({ hang: 5 });
    const cancellation = new AbortController();
    const running = project.train({}, { signal: cancellation.signal, interruptWith: 'SIGKILL' });
    const pid = await hanging();
    cancellation.abort();
    const killed = await running;
    const after = await project.finishJob(killed, { run: 'node train.mjs' });
    expect(after.log).toContain('The training was cut off; its last checkpoint is kept now.');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await project.checkOutAnew();
    await plan({});
    const next = await project.train();
    expect(next.log).toContain('resumed at step 5');
    expectFinished(next);
  });

  /** The process that waits to be asked to end. */
  async function hanging(): Promise<number> {
    return waitFor(
      async () => (project.has('hanging') ? Number(project.read('hanging')) || undefined : undefined),
      {
        ...{ what: 'the training to hang', deadlineMs: 60_000 },
      },
    );
  }
});

describe('a training with several seeds', () => {
  const seeded = `
import { mkdirSync, writeFileSync } from 'node:fs';
const seed = Number(process.env.MLOPS_SEED);
mkdirSync('model', { recursive: true });
writeFileSync('model/weights.txt', String(seed));
writeFileSync('metrics.json', JSON.stringify({ accuracy: 0.9 + seed / 100 }));`;

  test('reports means and spread, and keeps the model of the first', async () => {
    project = await Project.with(
      { 'seeded.mjs': seeded },
      { run: 'node seeded.mjs', model: 'model', seeds: ['3', '1', '2'] },
    );
    const result = await project.train();
    expect(result.errors).toEqual([]);
    expect(JSON.parse(result.outputs.metrics ?? '').accuracy).toBeCloseTo(0.92, 12);
    expect(JSON.parse(result.outputs['metrics-spread'] ?? '').accuracy).toBeCloseTo(0.01, 12);
    expect(result.training?.repeats?.map(({ seed }) => seed)).toEqual(['3', '1', '2']);
    expect(project.read('model/weights.txt')).toBe('3');
    expect(result.result.summary).toContain('0.92 ± 0.01');
    expect(jobRecordSchema.safeParse(result.result.record).error).toBeUndefined();
  });

  test("runs stages that depend on no seed once, and knows each seed's results again", async () => {
    const data = {
      name: 'data',
      run: 'echo "$MLOPS_SEED" > data.txt',
      inputs: ['in.txt'],
      outputs: ['data.txt'],
      seeded: false,
    };
    const train = {
      name: 'train',
      run: 'node seeded.mjs',
      inputs: ['seeded.mjs', 'data.txt'],
      outputs: ['model', 'metrics.json'],
    };
    project = await Project.with(
      { 'seeded.mjs': seeded, 'in.txt': '1' },
      { run: [data, train], model: 'model', repeat: 2 },
    );
    const first = await project.train();
    expect(first.errors).toEqual([]);
    expect(first.log.match(/Ran data/g)).toHaveLength(1);
    expect(first.log.match(/Ran train/g)).toHaveLength(2);
    expect(project.read('data.txt')).toBe('\n');
    const second = await project.train();
    expect(second.log).not.toMatch(/^Ran /m);
    expect(second.outputs.metrics).toBe(first.outputs.metrics);
    const third = await project.train({ repeat: '3' });
    expect(third.log.match(/Ran train/g)).toHaveLength(1);
  });

  test('that a seed fails fails, and says which', async () => {
    const failing = `if (process.env.MLOPS_SEED === '1') throw new Error('diverged');\n${seeded.replace(/import .*\n/, '')}`;
    project = await Project.with(
      { 'seeded.mjs': `import { mkdirSync, writeFileSync } from 'node:fs';\n${failing}` },
      { run: 'node seeded.mjs', repeat: 3 },
    );
    const result = await project.train();
    expect(result.exitCode).toBe(1);
    expect(result.errors.join()).toMatch(/stage 'train', seed 1: .*diverged/s);
  });
});

test('a budget without a price is refused before anything runs', async () => {
  await start({ ...command, budget: '5' });
  const result = await project.train();
  expect(result.errors).toEqual([
    "input budget: 5 cannot be held to: this runner has no price\nGive one in the input 'prices', such as 'hour: 1.20'.",
  ]);
  expect(result.log).not.toContain('started anew');
});

test('memory that is not enough is told from other failures', async () => {
  await start({ run: 'node --max-old-space-size=20 hungry.mjs' });
  await project.write({
    'hungry.mjs': 'const kept = []; while (true) kept.push(Array(10000).fill(Math.random()));',
  });
  const result = await project.train();
  expect(result.outputs.outcome).toBe('out-of-memory');
  expect(result.errors.join()).toMatch(
    /The cause: the memory was not enough(?: \(at most [\d.]+ GB of [\d.]+ GB were in use\))?\.\nUse a smaller batch/,
  );
});
