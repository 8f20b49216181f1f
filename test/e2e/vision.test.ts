import { randomUUID } from 'node:crypto';
import { waitFor } from '@mlops/core';
import { artifactFiles, type RunResult } from '@mlops/testkit/engine';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Example, expectSuccess, jobsOf } from './example.ts';
import { TrainingProcess } from './training-process.ts';
import { openVision, shorten } from './vision-example.ts';

/**
 * Trainings that are killed, cancelled or out of time, and go on. Each has a workflow of its own that gives train.yml
 * other matrix values, so that none finds another's results or checkpoints.
 */

const epochs = 4;
const batches = Math.ceil(1078 / 8);
const checkpointsPerEpoch = 12;
/** Where a training is cancelled, or runs out of time. */
const checkpointsToStopAt = 5;
/** Enough for an attempt that is not halted, on a busy machine, too. */
const limitSeconds = 25;
const variable = 'VISION_TEST';
const mark = randomUUID();

let example: Example;
/** model.pt and metrics.json of a training that nothing interrupted. */
let unbroken: Record<string, Buffer>;

beforeAll(async () => {
  ({ example } = await openVision());
  await shorten(example, epochs, checkpointsPerEpoch);
  for (const scenario of ['unbroken', 'killed', 'cancelled', 'late']) await addWorkflow(scenario);
  await addWorkflow('segments', 3);
  await example.push('Train for a moment');

  const run = await train('unbroken').run;
  expectSuccess(run);
  unbroken = await resultOf(run);
});
afterAll(() => example.close());

test('killed in the middle of an epoch ten times, it ends with the metrics of an unbroken training', async () => {
  const seed = 20_261_126;
  const random = randomNumbers(seed);
  const resumed: number[] = [];
  let written = 0;
  for (let kill = 1; kill <= 10; kill++) {
    const { run, process } = train('killed');
    const training = await process();
    let more = 1 + random(3);
    // Not between two epochs, nor so close before that it may get there until it is dead.
    while (![1, 2, 3, 4, 5, 6, 7, 8, 9].includes((written + more) % checkpointsPerEpoch)) more += 1;
    await training.checkpoints(more);
    training.send('SIGKILL');

    const ended = await run;
    expect(jobsOf(ended)).toMatchObject({ 'train / Train': 'failure' });
    const at = resumedAt(ended);
    expect(at, `kill ${kill}`).toBeGreaterThanOrEqual(written);
    written = at + more;
    resumed.push(at);
  }

  const run = await train('killed').run;
  expectSuccess(run);
  resumed.push(resumedAt(run));
  console.log(
    `seed ${seed}: went on after ${resumed.join(', ')} of ${epochs * checkpointsPerEpoch} checkpoints`,
  );
  expect(resumed.slice(1).filter((at) => at % checkpointsPerEpoch === 0)).toEqual([]);
  expect(await resultOf(run)).toEqual(unbroken);
});

test('cancelled, it goes on in the next run', async () => {
  const { run, process, cancel } = train('cancelled');
  await (await process()).checkpoints(checkpointsToStopAt);
  cancel();
  expect((await run).cancelled).toBe(true);

  const next = await train('cancelled').run;
  expectSuccess(next);
  expect(resumedAt(next)).toBeGreaterThanOrEqual(checkpointsToStopAt);
  expect(await resultOf(next)).toEqual(unbroken);
});

test('out of time, it fails with a checkpoint, and goes on in the next run', async () => {
  await limitTime();
  const attempt = train('late');
  await outlast(attempt, await attempt.process());
  const late = await attempt.run;
  expect(jobsOf(late)).toMatchObject({ 'train / Train': 'failure' });
  const errors = late.annotations.filter(({ level }) => level === 'error').map(({ message }) => message);
  expect(errors.join('\n')).toContain(`the time limit of ${limitSeconds} s was reached`);

  const run = await train('late').run;
  expectSuccess(run);
  expect(resumedAt(run)).toBeGreaterThanOrEqual(checkpointsToStopAt);
  expect(await resultOf(run)).toEqual(unbroken);
});

test('three segments finish a training that needs three jobs, and none of them has to do anything next time', async () => {
  await limitTime();
  const attempt = train('segments');
  const first = await attempt.process();
  await outlast(attempt, first);
  await outlast(attempt, await attempt.process(first));
  const run = await attempt.run;

  expectSuccess(run);
  const segment = (number: number) => `train / More / Segment ${number}`;
  expect(jobsOf(run)).toMatchObject({
    ...{ 'train / Train': 'success', [segment(2)]: 'success', [segment(3)]: 'success' },
    ...{ [segment(4)]: 'skipped', [segment(8)]: 'skipped' },
  });
  expect(await resultOf(run)).toEqual(unbroken);

  const again = await train('segments').run;
  expectSuccess(again);
  expect(jobsOf(again)).toMatchObject({ 'train / Train': 'success', 'train / More': 'skipped' });
});

/** A workflow that calls train.yml. */
async function addWorkflow(scenario: string, segments = 1): Promise<void> {
  const workflow = {
    name: scenario,
    on: 'push',
    permissions: { contents: 'read' },
    jobs: {
      train: {
        uses: `${inject('release').slug}/.github/workflows/train.yml@v1`,
        with: { segments, matrix: JSON.stringify({ scenario }) },
      },
    },
  };
  await example.add({ [`.github/workflows/${scenario}.yml`]: JSON.stringify(workflow) });
}

interface Attempt {
  run: Promise<RunResult>;
  cancel(): void;
  /** The process that trains, or the one that follows another. */
  process(after?: TrainingProcess): Promise<TrainingProcess>;
  /** Waits for a line of the log that comes from now on. */
  line(pattern: RegExp): Promise<string>;
}

function train(scenario: string): Attempt {
  const over = new AbortController();
  const cancel = new AbortController();
  const lines: string[] = [];
  const run = example
    .run({
      workflow: `${scenario}.yml`,
      env: { [variable]: mark },
      signal: cancel.signal,
      onLine: (line) => lines.push(line),
    })
    .finally(() => over.abort(new Error('the run is over')));
  run.catch(() => {}); // Whoever awaits it is told.
  return {
    run,
    cancel: () => cancel.abort(),
    process: (after) => TrainingProcess.find(`${variable}=${mark}`, over.signal, after),
    line: (pattern) => {
      const start = lines.length;
      return waitFor(async () => lines.slice(start).find((line) => pattern.test(line)), {
        ...{ what: String(pattern), deadlineMs: 120_000, everyMs: 10, signal: over.signal },
      });
    },
  };
}

/** Gives every attempt a limit; it is no part of what a result depends on. */
async function limitTime(): Promise<void> {
  await example.git('checkout', '--quiet', 'mlops.yaml');
  const folder = '  checkpoint-dir: checkpoints\n';
  await example.edit('mlops.yaml', folder, `${folder}  time-limit: ${limitSeconds}s\n`);
}

/** Halts a training until its time is over, so that it does not finish before, however fast this machine is. */
async function outlast(attempt: Attempt, training: TrainingProcess): Promise<void> {
  await training.checkpoints(checkpointsToStopAt);
  const told = attempt.line(/Stopping: the time limit/);
  training.send('SIGSTOP');
  await told;
  training.send('SIGCONT');
}

/** The number of checkpoints after which a training went on, 0 when it began anew. */
function resumedAt({ log }: RunResult): number {
  const [, epoch, batch] = /Going on in epoch (\d+)\/\d+, batch (\d+)\//.exec(log) ?? [];
  if (!epoch || !batch) return 0;
  return (
    (Number(epoch) - 1) * checkpointsPerEpoch + Math.floor((Number(batch) * checkpointsPerEpoch) / batches)
  );
}

async function resultOf(run: RunResult): Promise<Record<string, Buffer>> {
  const artifact = run.artifacts.find(({ name }) => name.startsWith('model-') && !name.endsWith('-package'));
  if (!artifact) throw new Error(`no model among ${run.artifacts.map(({ name }) => name).join(', ')}`);
  const files = Object.entries(await artifactFiles(artifact));
  const results = files.filter(([name]) => /(^|\/)(metrics\.json|model\.pt)$/.test(name));
  expect(results).toHaveLength(2);
  return Object.fromEntries(results);
}

/** Whole numbers below a bound, the same ones each time: a linear congruential generator (Numerical Recipes). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
