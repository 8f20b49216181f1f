import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@mlops/core';
import { openHasher } from '@mlops/core/hash';
import { folderStore } from '@mlops/core/store';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type CheckpointOptions, Checkpoints } from '../src/checkpoints/checkpoints.ts';
import { scan } from '../src/checkpoints/live-folder.ts';
import { type Exit, isAlive, leaderOf } from '../src/checkpoints/owner.ts';
import { Vault } from '../src/checkpoints/vault.ts';

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
    run: '1',
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

type Ended = Exit['how'] | 'finished';

/** The command ended so, and what was kept of it is looked at. */
async function end(checkpoints: Checkpoints, ended: Ended): Promise<void> {
  checkpoints.exited(ended === 'finished' ? 'stopped' : ended);
  await checkpoints.end({ finished: ended === 'finished' });
}

/** One attempt that writes these files and ends so. */
async function attempt(files: Record<string, string>, ended: Ended, choice = {}): Promise<Checkpoints> {
  const checkpoints = await open(identity, choice);
  for (const [name, text] of Object.entries(files)) await put(name, text);
  await end(checkpoints, ended);
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
  await end(checkpoints, 'stopped');
  expect(checkpoints.newest).toBeUndefined();
});

test.each([['on this machine'], ['on another machine']])(
  'the next attempt finds the checkpoint %s',
  async (where) => {
    const first = await attempt({ 'epoch-1.json': state(1), 'last.json': state(1) }, 'stopped');
    expect(first).toMatchObject({ saved: { saves: 1 }, newest: { sequence: 1, spent: { seconds: 10 } } });
    if (where === 'on another machine') await onAnotherMachine();

    const second = await open();
    expect(second.env.MLOPS_RESUME_FROM).toBe(join(root, 'project', 'checkpoints'));
    expect(await readFile(live('last.json'), 'utf8')).toBe(state(1));
    expect(logged.join()).toMatch(/Resuming from checkpoint 1 of .* UTC \(\d+ B, after 10 s of training\)/);
    await put('last.json', state(2));
    await end(second, 'stopped');
    // What the attempts used up is added.
    expect(second.newest).toMatchObject({ sequence: 2, spent: { seconds: 20, energyWh: 2, cost: 1 } });
  },
);

test('times of the files are kept, by which trainers choose the newest', async () => {
  const first = await open();
  await put('b.json', state(1));
  await put('a.json', state(2));
  await utimes(live('b.json'), 1_700_000_000.5, 1_700_000_000.5);
  await end(first, 'stopped');
  await onAnotherMachine();
  await end(await open(), 'stopped');
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
  await end(other, 'stopped');
  options = { ...options, run: '2' };
  const anew = await attempt({ 'last.json': state(5) }, 'stopped', { fresh: true });
  expect(anew.resumedFrom).toBeUndefined();
  // But attempts of the same run, and the jobs that follow in it, go on from each other.
  await onAnotherMachine();
  const again = await attempt({ 'last.json': state(6) }, 'stopped', { fresh: true });
  expect(again.resumedFrom).toMatchObject({ sequence: 2, run: '2' });
  // And what it leaves counts from then on, elsewhere, too.
  await onAnotherMachine();
  options = { ...options, run: '3' };
  await attempt({}, 'stopped');
  expect(await readFile(live('last.json'), 'utf8')).toBe(state(6));
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
  await end(third, 'stopped');
});

test('a new checkpoint that is cut off is left out, the others stay', async () => {
  await attempt({ 'epoch-1.json': state(1) }, 'stopped');
  const second = await open();
  await put('epoch-2.json', state(2));
  await mkdir(live('epoch-3'));
  await put('epoch-3/model.json', state(3));
  await put('epoch-3/optimizer.json', '{"lr": 0.');
  await put('epoch-4.json.tmp', '{');
  await end(second, 'killed');
  await onAnotherMachine();
  const third = await open();
  expect((await readdir(join(root, 'project', 'checkpoints'))).sort()).toEqual([
    'epoch-1.json',
    'epoch-2.json',
  ]);
  await end(third, 'stopped');
});

test('bytes without a format are not trusted when they were written right before the kill', async () => {
  await attempt({ 'weights.bin': 'whole' }, 'stopped');
  await attempt({ 'weights.bin': 'who' }, 'killed');
  expect((await attempt({}, 'stopped')).resumedFrom?.sequence).toBe(1);
  // But when they lay there for a while.
  const checkpoints = await open();
  await put('weights.bin', 'more');
  await utimes(live('weights.bin'), 1_700_000_000, 1_700_000_000);
  await end(checkpoints, 'killed');
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
  await end(first, 'stopped');
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
  await end(second, 'stopped');
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
  await end(third, 'stopped');
  // Its number is not given out again.
  expect(third.newest?.sequence).toBe(3);
});

test('the newer one of this machine and the store counts', async () => {
  await attempt({ 'last.json': state(1) }, 'stopped');
  await cp(join(root, 'project'), join(root, 'stale'), { recursive: true });
  // Not all that are sealed are saved, so numbers may be missing in the store.
  const { store } = options;
  options = { ...options, store: undefined };
  await attempt({ 'last.json': state(2) }, 'stopped');
  options = { ...options, store };
  await attempt({ 'last.json': state(3) }, 'stopped');
  await rm(join(root, 'project'), { recursive: true });
  await cp(join(root, 'stale'), join(root, 'project'), { recursive: true });
  const checkpoints = await open();
  expect(checkpoints.resumedFrom?.sequence).toBe(3);
  await end(checkpoints, 'stopped');
});

test('while the command runs, what rests is sealed, and saved on the interval', async () => {
  options = { ...options, intervalMs: 1 };
  const checkpoints = await open();
  checkpoints.watch(process.pid);
  for (const epoch of [1, 2]) {
    await put('last.json', state(epoch));
    await waitFor(async () => (checkpoints.saved.saves >= epoch ? true : undefined), {
      ...{ what: 'a save', deadlineMs: 20_000, everyMs: 20 },
    });
  }
  expect(logged).toEqual(
    ['Saved checkpoint 1 (11 B)', 'Saved checkpoint 2 (11 B)'].map((line) =>
      expect.stringContaining(line.split(' (')[0] ?? ''),
    ),
  );
  await end(checkpoints, 'finished');
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
    await end(checkpoints, 'finished');
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
  if (left) await end(left.checkpoints, 'stopped');
  expect(await Checkpoints.reopen(options)).toBeUndefined();
  await end(killed, 'finished');
});

test('leftovers of a killed step are looked at when nothing took care of them', async () => {
  await attempt({ 'last.json': state(1) }, 'stopped');
  const killed = await open();
  await put('last.json', state(2));
  killed.watch(process.pid);
  const again = await open();
  expect(await readFile(live('last.json'), 'utf8')).toBe(state(2));
  await end(again, 'stopped');
  await end(killed, 'stopped');
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

test('that a training which started anew has ended counts for the checkpoints from before, too', async () => {
  await attempt({ 'last.json': state(1) }, 'stopped');
  options = { ...options, run: '2' };
  await attempt({ 'last.json': state(9) }, 'finished', { fresh: true });
  await onAnotherMachine();
  expect((await attempt({}, 'stopped')).resumedFrom).toBeUndefined();
});

test.each([
  ['killed between two files of a new one', 'checkpoint-2/', 'checkpoint-1/optimizer.json'],
  ['killed between two files that belong together', '', 'optimizer.json'],
])('a command that was %s has the checkpoint before', async (_, newer, rest) => {
  const older = newer && 'checkpoint-1/';
  const first = await open();
  for (const folder of [older, newer]) await mkdir(live(folder), { recursive: true });
  await put(`${older}model.json`, state(1));
  await put(`${older}optimizer.json`, state(1));
  await end(first, 'stopped');
  const second = await open();
  await mkdir(live(newer), { recursive: true });
  await put(`${newer}model.json`, state(2));
  await end(second, 'killed');
  const third = await open();
  expect(await readFile(live(`${older}model.json`), 'utf8')).toBe(state(1));
  expect(await readFile(live(rest), 'utf8')).toBe(state(1));
  expect(existsSync(live('checkpoint-2'))).toBe(false);
  await end(third, 'stopped');
});

test('what an interrupted command saved at last is kept, as far as it is whole', async () => {
  await attempt({ 'model.json': state(1), 'best.json': state(1), 'weights.bin': 'whole' }, 'stopped');
  await attempt({ 'model.json': state(2) }, 'interrupted');
  expect((await attempt({ 'weights.bin': 'who' }, 'interrupted')).newest?.sequence).toBe(2);
  await end(await open(), 'stopped');
  expect(await readFile(live('model.json'), 'utf8')).toBe(state(2));
  expect(await readFile(live('weights.bin'), 'utf8')).toBe('whole');
});

test('what a killed command left is not trusted by the end of the job either', async () => {
  await attempt({ 'weights.bin': 'whole' }, 'stopped');
  const cancelled = await open();
  await put('weights.bin', 'who');
  cancelled.exited('killed');
  await cancelled.end({ save: false });
  const left = await Checkpoints.reopen(options);
  await left?.checkpoints.end();
  expect(left?.checkpoints.newest?.sequence).toBe(1);
  // Nor when nobody saw how the command ended.
  const lost = await open();
  await put('weights.bin', 'who');
  lost.watch(process.pid);
  const after = await Checkpoints.reopen(options);
  await after?.checkpoints.end();
  expect(after?.checkpoints.newest?.sequence).toBe(1);
  await end(lost, 'killed');
});

test('what a command that ended by itself left is kept by the end of the job', async () => {
  await attempt({ 'weights.bin': 'whole' }, 'stopped');
  const cancelled = await open();
  await put('weights.bin', 'and more');
  cancelled.exited('stopped');
  // The process is killed here, before it could seal anything.
  const left = await Checkpoints.reopen(options);
  await left?.checkpoints.end();
  expect(left?.checkpoints.newest?.sequence).toBe(2);
  await cancelled.end();
});

test('marks without content, logs and hidden files are part of a checkpoint, and hinder none', async () => {
  const checkpoints = await open();
  await mkdir(live('step-1'));
  await put('step-1/.metadata', 'of PyTorch');
  await put('step-1/__0_0.distcp', 'shard');
  await put('step-1/DONE', '');
  await put('log.json', '{"loss": 1}\n{"loss": NaN}\n');
  checkpoints.watch(process.pid);
  await waitFor(async () => checkpoints.newest, { what: 'a seal', deadlineMs: 20_000, everyMs: 20 });
  await end(checkpoints, 'stopped');
  await onAnotherMachine();
  const next = await open();
  expect((await readdir(live('step-1'))).sort()).toEqual(['.metadata', 'DONE', '__0_0.distcp']);
  await end(next, 'stopped');
});

test.each([
  'model.pt.tmp',
  'tmp-checkpoint-10',
  '7.orbax-checkpoint-tmp-1700000000',
  'ckpt-1_temp',
  'ckpt-1.index.tempstate17',
  'state.tmp.pt',
  '.nfs000001',
])('%s is not ready', async (name) => {
  const checkpoints = await attempt({ [name]: state(1) }, 'stopped');
  expect(checkpoints.newest).toBeUndefined();
});

test('names with spaces, line breaks and signs of patterns are kept as they are', async () => {
  const names = ['a b.json', 'größe-模型.json', '[x]*?.json', '-rf.json', 'temp-0.7.json', '#x;$HOME.json'];
  if (process.platform !== 'win32') names.push('two\nlines.json', '"quoted\'.json');
  const possible = process.platform === 'win32' ? names.filter((name) => !/[*?]/.test(name)) : names;
  await attempt(Object.fromEntries(possible.map((name) => [name, state(1)])), 'stopped');
  await onAnotherMachine();
  await end(await open(), 'stopped');
  expect((await readdir(live(''))).sort()).toEqual(possible.sort());
});

test.skipIf(process.platform === 'win32')('links within the folder are kept, others are not', async () => {
  const checkpoints = await open();
  await put('epoch-3.json', state(3));
  await symlink('epoch-3.json', live('last.json'));
  await symlink('gone.json', live('dangling.json'));
  await symlink(live('epoch-3.json'), live('absolute.json'));
  await symlink('../../secret', live('outside.json'));
  await end(checkpoints, 'killed');
  await onAnotherMachine();
  const next = await open();
  expect((await readdir(live(''))).sort()).toEqual(['dangling.json', 'epoch-3.json', 'last.json']);
  expect(await readFile(live('last.json'), 'utf8')).toBe(state(3));
  await end(next, 'stopped');
});

test("a command that removes this action's folder only loses its checkpoints", async () => {
  const checkpoints = await open();
  await put('last.json', state(1));
  await rm(join(root, 'project', '.mlops'), { recursive: true });
  await end(checkpoints, 'finished');
  expect(printed).toMatch(/::warning::A checkpoint could not be watched: ENOENT/);
});

test('a save that failed is tried again', async () => {
  const store = folderStore({ folder: join(root, 'store') });
  let tries = 0;
  const save: typeof store.save = (...args) =>
    ++tries === 1 ? Promise.reject(new Error('503 from the service')) : store.save(...args);
  options = { ...options, intervalMs: 1, store: { ...store, save } };
  const checkpoints = await open();
  await put('last.json', state(1));
  checkpoints.watch(process.pid);
  await waitFor(async () => checkpoints.saved.saves || undefined, {
    ...{ what: 'a save', deadlineMs: 20_000, everyMs: 20 },
  });
  await end(checkpoints, 'stopped');
  expect(tries).toBe(2);
});

test('two jobs that train the same do not lose the checkpoints of the later one', async () => {
  const first = await open();
  await put('last.json', state(7));
  const elsewhere = join(root, 'elsewhere');
  await mkdir(elsewhere);
  const second = await Checkpoints.open({ ...options, folder: elsewhere }, identity);
  await writeFile(join(elsewhere, 'checkpoints', 'last.json'), state(5));
  await end(second, 'stopped');
  await end(first, 'stopped');
  expect(first.saved.saves).toBe(1);
  await onAnotherMachine();
  await end(await open(), 'stopped');
  expect(await readFile(live('last.json'), 'utf8')).toBe(state(7));
});

test('what others put into the folder between two trainings is not removed', async () => {
  await attempt({ 'last.json': state(1) }, 'finished');
  await put('pretrained.json', 'precious');
  await expect(open()).rejects.toThrow("holds files that are not this action's: pretrained.json");
  expect(await readFile(live('pretrained.json'), 'utf8')).toBe('precious');
});

test('a file that the command removes while a copy is made is no error', async () => {
  const hasher = await openHasher();
  const vault = new Vault(join(root, 'vault'), identity, hasher);
  await mkdir(live(''));
  await put('epoch-1.json', state(1));
  const files = await scan(live(''));
  await rm(live('epoch-1.json'));
  const about = { sequence: 1, run: '1', spent: options.spent() };
  expect(await vault.seal(live(''), files, about, undefined)).toBeUndefined();
  expect(await readdir(join(root, 'vault'))).toEqual([]);
  await hasher.close();
});
