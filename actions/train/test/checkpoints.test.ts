import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@mlops/core';
import { folderStore } from '@mlops/core/store';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type CheckpointOptions, Checkpoints, type Ended } from '../src/checkpoints/checkpoints.ts';
import { isAlive, leaderOf } from '../src/checkpoints/owner.ts';

const identity = 'sha256:of-this-training';
let root: string;
let options: CheckpointOptions;
let logged: string[];
/** What was said as workflow commands. */
let printed: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'checkpoints-'));
  logged = [];
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  await mkdir(join(root, 'project'));
  options = {
    folder: join(root, 'project'),
    dir: 'checkpoints',
    store: folderStore({ folder: join(root, 'store') }),
    intervalMs: 3_600_000,
    spent: () => ({ seconds: 10, energyWh: 1, cost: 0.5 }),
    log: (line) => logged.push(line),
    lookMs: 20,
  };
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true, force: true });
});

const open = (as = identity, choice = {}) => Checkpoints.open(options, as, choice);
const live = (name: string) => join(root, 'project', 'checkpoints', name);
const put = (name: string, text: string) => writeFile(live(name), text);

/** Whole by its format: it parses. */
const state = (epoch: number) => JSON.stringify({ epoch });

/** One attempt that writes these files and ends so. */
async function attempt(files: Record<string, string>, ended: Ended, choice = {}): Promise<Checkpoints> {
  const checkpoints = await open(identity, choice);
  for (const [name, text] of Object.entries(files)) await put(name, text);
  await checkpoints.end(ended);
  return checkpoints;
}

/** What a fresh checkout on another machine has: the store alone. */
async function onAnotherMachine(): Promise<void> {
  await rm(join(root, 'project'), { recursive: true });
  await mkdir(join(root, 'project'));
}

test('a first attempt starts with an empty folder and nothing to resume from', async () => {
  const checkpoints = await open();
  expect(checkpoints.env).toEqual({
    MLOPS_CHECKPOINT_DIR: join(root, 'project', 'checkpoints'),
    MLOPS_RESUME_FROM: undefined,
  });
  expect(await readdir(join(root, 'project', 'checkpoints'))).toEqual([]);
  await checkpoints.end('stopped');
  expect(checkpoints.newest).toBeUndefined();
});

test.each([['on this machine'], ['on another machine']])(
  'the next attempt finds the checkpoint %s',
  async (where) => {
    const first = await attempt({ 'epoch-1.json': state(1), 'last.json': state(1) }, 'stopped');
    expect(first).toMatchObject({ saves: 1, newest: { sequence: 1, spent: { seconds: 10 } } });
    if (where === 'on another machine') await onAnotherMachine();

    const second = await open();
    expect(second.env.MLOPS_RESUME_FROM).toBe(join(root, 'project', 'checkpoints'));
    expect(await readFile(live('last.json'), 'utf8')).toBe(state(1));
    expect(logged.join()).toMatch(/Resuming from checkpoint 1 of .* UTC \(\d+ B, after 10 s of training\)/);
    await put('last.json', state(2));
    await second.end('stopped');
    // What the attempts used up is added.
    expect(second.newest).toMatchObject({ sequence: 2, spent: { seconds: 20, energyWh: 2, cost: 1 } });
  },
);

test('times of the files are kept, by which trainers choose the newest', async () => {
  const first = await open();
  await put('b.json', state(1));
  await put('a.json', state(2));
  await utimes(live('b.json'), 1_700_000_000.5, 1_700_000_000.5);
  await first.end('stopped');
  await onAnotherMachine();
  await (await open()).end('stopped');
  const { mtimeMs } = await import('node:fs').then(({ statSync }) => statSync(live('b.json')));
  expect(Math.round(mtimeMs)).toBe(1_700_000_000_500);
});

test('after the end there is nothing to resume from, here or elsewhere', async () => {
  await attempt({ 'last.json': state(1) }, 'stopped');
  await attempt({ 'last.json': state(9) }, 'finished');
  expect((await attempt({}, 'stopped')).resumedFrom).toBeUndefined();
  await onAnotherMachine();
  expect((await attempt({}, 'stopped')).resumedFrom).toBeUndefined();
});

test('another training does not take it, and neither does one that is to start anew', async () => {
  await attempt({ 'last.json': state(1) }, 'stopped');
  const other = await open('sha256:of-another');
  expect(other.resumedFrom).toBeUndefined();
  expect(existsSync(live('last.json'))).toBe(false);
  await other.end('stopped');
  const anew = await attempt({ 'last.json': state(5) }, 'stopped', { fresh: true });
  expect(anew.resumedFrom).toBeUndefined();
  // And what it leaves counts from then on, elsewhere, too.
  await onAnotherMachine();
  await attempt({}, 'stopped');
  expect(await readFile(live('last.json'), 'utf8')).toBe(state(5));
});

test('a file that was being overwritten when the command was killed is not used: the checkpoint before is', async () => {
  await attempt({ 'last.json': state(1), 'other.json': state(1) }, 'stopped');
  await attempt({ 'last.json': state(2).slice(0, 5), 'other.json': state(2) }, 'killed');
  const third = await open();
  expect(await readFile(live('last.json'), 'utf8')).toBe(state(1));
  expect(await readFile(live('other.json'), 'utf8')).toBe(state(1));
  expect(logged.join()).toContain(
    'What lies in checkpoints was being written when the command ended, and is not used',
  );
  await third.end('stopped');
});

test('a new checkpoint that is cut off is left out, the others stay', async () => {
  await attempt({ 'epoch-1.json': state(1) }, 'stopped');
  const second = await open();
  await put('epoch-2.json', state(2));
  await mkdir(live('epoch-3'));
  await put('epoch-3/model.json', state(3));
  await put('epoch-3/optimizer.json', '{"lr": 0.');
  await put('epoch-4.json.tmp', '{');
  await second.end('killed');
  await onAnotherMachine();
  const third = await open();
  expect((await readdir(join(root, 'project', 'checkpoints'))).sort()).toEqual([
    'epoch-1.json',
    'epoch-2.json',
  ]);
  await third.end('stopped');
});

test('bytes without a format are not trusted when they were written right before the kill', async () => {
  await attempt({ 'weights.bin': 'whole' }, 'stopped');
  await attempt({ 'weights.bin': 'who' }, 'killed');
  expect((await attempt({}, 'stopped')).resumedFrom?.sequence).toBe(1);
  // But when they lay there for a while.
  const checkpoints = await open();
  await put('weights.bin', 'more');
  await utimes(live('weights.bin'), 1_700_000_000, 1_700_000_000);
  await checkpoints.end('killed');
  expect(checkpoints.newest?.sequence).toBe(2);
});

test('a damaged checkpoint is told, and the one before is used', async () => {
  const first = await open();
  await put('last.json', state(1));
  first.watch(process.pid);
  await waitFor(async () => (first.newest ? true : undefined), {
    what: 'a seal',
    deadlineMs: 20_000,
    everyMs: 20,
  });
  await put('last.json', state(2));
  await first.end('stopped');
  expect(first.newest?.sequence).toBe(2);
  const vaults = join(root, 'project', '.mlops', 'checkpoints');
  const [vault = ''] = await readdir(vaults);
  await writeFile(join(vaults, vault, '000002', 'files', 'last.json'), state(7));
  options = { ...options, store: undefined };
  const second = await open();
  expect(second.resumedFrom?.sequence).toBe(1);
  expect(printed).toContain(
    "::warning::Checkpoint 2 is damaged ('last.json' has another digest than its manifest says) and is not used",
  );
  expect(await readFile(live('last.json'), 'utf8')).toBe(state(1));
  await put('last.json', state(3));
  await second.end('stopped');
  expect(second.newest?.sequence).toBe(3);
});

test('a damaged checkpoint of the store is passed over', async () => {
  await attempt({ 'last.json': state(1) }, 'stopped');
  await attempt({ 'last.json': state(2) }, 'stopped');
  await onAnotherMachine();
  for (const file of await readdir(join(root, 'store'), { recursive: true }))
    if (file.endsWith('last.json') && (await readFile(join(root, 'store', file), 'utf8')) === state(2))
      await writeFile(join(root, 'store', file), state(8));
  const third = await open();
  expect(third.resumedFrom?.sequence).toBe(1);
  expect(printed).toContain('Checkpoint 2 is damaged');
  await put('last.json', state(3));
  await third.end('stopped');
  // Its number is not given out again.
  expect(third.newest?.sequence).toBe(3);
});

test('the newer one of this machine and the store counts', async () => {
  await attempt({ 'last.json': state(1) }, 'stopped');
  await cp(join(root, 'project'), join(root, 'stale'), { recursive: true });
  await attempt({ 'last.json': state(2) }, 'stopped');
  await rm(join(root, 'project'), { recursive: true });
  await cp(join(root, 'stale'), join(root, 'project'), { recursive: true });
  const checkpoints = await open();
  expect(checkpoints.resumedFrom?.sequence).toBe(2);
  await checkpoints.end('stopped');
});

test('while the command runs, what rests is sealed, and saved on the interval', async () => {
  options = { ...options, intervalMs: 1 };
  const checkpoints = await open();
  checkpoints.watch(process.pid);
  for (const epoch of [1, 2]) {
    await put('last.json', state(epoch));
    await waitFor(async () => (checkpoints.saves >= epoch ? true : undefined), {
      ...{ what: 'a save', deadlineMs: 20_000, everyMs: 20 },
    });
  }
  expect(logged).toEqual(
    ['Saved checkpoint 1 (11 B)', 'Saved checkpoint 2 (11 B)'].map((line) =>
      expect.stringContaining(line.split(' (')[0] ?? ''),
    ),
  );
  await checkpoints.end('finished');
});

test.skipIf(process.platform !== 'linux')('what a process has open for writing is not sealed', async () => {
  const checkpoints = await open();
  const writer = spawn(
    process.execPath,
    [
      '-e',
      `const fs = require('fs'); fs.writeSync(fs.openSync(process.argv[1], 'w'), '{"epoch": 1}'); console.log('open'); process.stdin.resume()`,
      live('last.json'),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    await new Promise((resolve) => writer.stdout.once('data', resolve));
    let looks = 0;
    const { isBeingWritten } = await import('../src/checkpoints/live-folder.ts');
    expect(await isBeingWritten(join(root, 'project', 'checkpoints'))).toBe(true);
    checkpoints.watch(process.pid);
    await waitFor(async () => (++looks > 10 ? true : undefined), {
      what: 'some looks',
      deadlineMs: 20_000,
      everyMs: 20,
    });
    expect(checkpoints.newest).toBeUndefined();
    writer.stdin.end();
    await waitFor(async () => (checkpoints.newest ? true : undefined), {
      what: 'a seal',
      deadlineMs: 20_000,
      everyMs: 20,
    });
  } finally {
    writer.kill();
    await checkpoints.end('finished');
  }
});

test('a step that was killed as a whole is taken care of afterwards', async () => {
  const killed = await open();
  await put('last.json', state(1));
  killed.watch(process.pid);
  await waitFor(async () => (killed.newest ? true : undefined), {
    what: 'a seal',
    deadlineMs: 20_000,
    everyMs: 20,
  });
  await put('last.json', state(2));
  // Nothing of it runs any more from here on, and its end was never called.
  const left = await Checkpoints.reopen(options);
  expect(left?.leader).toEqual(leaderOf(process.pid));
  expect(left?.leader && isAlive(left.leader)).toBe(process.platform === 'win32');
  await left?.checkpoints.end('stopped');
  expect(await Checkpoints.reopen(options)).toBeUndefined();
  await killed.end('finished');
});

test('leftovers of a killed step are looked at when nothing took care of them', async () => {
  await attempt({ 'last.json': state(1) }, 'stopped');
  const killed = await open();
  await put('last.json', state(2));
  killed.watch(process.pid);
  const again = await open();
  expect(await readFile(live('last.json'), 'utf8')).toBe(state(2));
  await again.end('stopped');
  await killed.end('stopped');
});

test.each([
  ['a folder with other files', 'starting-weights.pt'],
  ['a file', ''],
])('%s is refused', async (_, name) => {
  if (name) {
    await mkdir(join(root, 'project', 'checkpoints'));
    await put(name, 'precious');
  } else await writeFile(join(root, 'project', 'checkpoints'), 'precious');
  await expect(open()).rejects.toThrow(
    name ? /holds files that are not this action's: starting-weights.pt/ : /is a file/,
  );
  expect(await readFile(name ? live(name) : join(root, 'project', 'checkpoints'), 'utf8')).toBe('precious');
});

test('a placeholder of the repository stays', async () => {
  await mkdir(join(root, 'project', 'checkpoints'));
  await put('.gitkeep', '');
  await attempt({ 'last.json': state(1) }, 'stopped');
  await attempt({}, 'stopped');
  expect(await readdir(join(root, 'project', 'checkpoints'))).toEqual(['.gitkeep', 'last.json']);
});

test('a store that fails is a warning, and the checkpoint stays on this machine', async () => {
  const store = folderStore({ folder: join(root, 'store') });
  options = {
    ...options,
    store: { ...store, save: () => Promise.reject(new Error('503 from the service')) },
  };
  await attempt({ 'last.json': state(1) }, 'stopped');
  expect(printed).toContain(
    '::warning::A checkpoint could not be saved: 503 from the service. The training goes on without it.',
  );
  expect((await attempt({}, 'stopped')).resumedFrom?.sequence).toBe(1);
});
