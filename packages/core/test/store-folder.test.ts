import { execFileSync, fork } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../src/errors.ts';
import { cacheStore, folderStore, reasonNotToSave, type Store } from '../src/store/index.ts';

const posix = process.platform !== 'win32';
const push = { event: 'push', ref: 'refs/heads/main', isFork: false };
let folder: string;
let storeFolder: string;
let root: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-'));
  storeFolder = join(folder, 'store');
  root = join(folder, 'root');
  mkdirSync(root);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (maxBytes?: number): Store => folderStore({ folder: storeFolder, maxBytes });
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const clear = (...paths: string[]) => {
  for (const path of paths) rmSync(join(root, path), { recursive: true, force: true });
};
function write(files: Record<string, string | Uint8Array>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}
/** Paths of all files in the store with this name. */
const inStore = (name: string) =>
  readdirSync(storeFolder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(name))
    .map((path) => join(storeFolder, path));

describe('a folder', () => {
  it('gives back contents, modes, times and links, and lets the rest be', async () => {
    write({ 'out/a': 'aaa', 'out/deep/run.sh': '#!', 'out/old': 'new' });
    mkdirSync(join(root, 'out/empty'));
    symlinkSync('../out/a', join(root, 'out/link'));
    symlinkSync('nowhere', join(root, 'out/dangling'));
    chmodSync(join(root, 'out/deep/run.sh'), 0o750);
    utimesSync(join(root, 'out/a'), 1_000_000.25, 1_000_000.25);
    utimesSync(join(root, 'out/deep'), 2_000_000, 2_000_000);
    const folderTime = lstatSync(join(root, 'out/deep')).mtimeMs;
    expect(await open().save('k', root, ['out'])).toEqual({ saved: true, bytes: 8 });

    clear('out');
    write({ 'out/old': 'old', 'out/mine': 'mine', 'out/a/was/a/folder': '' });
    expect(await open().restore('k', root, ['out/'])).toEqual({ key: 'k', exact: true, bytes: 8 });
    expect([read('out/a'), read('out/old'), read('out/mine')]).toEqual(['aaa', 'new', 'mine']);
    expect(readlinkSync(join(root, 'out/link'))).toBe('../out/a');
    expect(readlinkSync(join(root, 'out/dangling'))).toBe('nowhere');
    expect(readdirSync(join(root, 'out/empty'))).toEqual([]);
    expect(statSync(join(root, 'out/a')).mtimeMs).toBeCloseTo(1_000_000_250, 0);
    expect(lstatSync(join(root, 'out/deep')).mtimeMs).toBeCloseTo(folderTime, 0);
    if (posix) expect(statSync(join(root, 'out/deep/run.sh')).mode & 0o777).toBe(0o750);
    expect(readdirSync(root)).toEqual(['out']);
  });

  it('gives back any tree exactly', { timeout: 30_000 }, async () => {
    const files = fc.dictionary(
      fc.stringMatching(/^[a-c]{1,2}(\/[d-f]{1,2}){0,2}\/[x-z]{1,3}$/),
      fc.uint8Array(),
      {
        minKeys: 1,
        noNullPrototype: true,
      },
    );
    let round = 0;
    await fc.assert(
      fc.asyncProperty(files, async (tree) => {
        const key = `k${round++}`;
        write(tree);
        await open().save(key, root, ['.']);
        clear('a', 'aa', ...readdirSync(root));
        await open().restore(key, root, ['.']);
        for (const [path, content] of Object.entries(tree)) {
          expect(new Uint8Array(readFileSync(join(root, path)))).toEqual(content);
        }
        clear(...readdirSync(root));
      }),
      { numRuns: 15 },
    );
  });

  it('keeps entries apart by key and by set of paths, in any order', async () => {
    write({ a: '1', b: '2' });
    await open().save('k', root, ['a', 'b']);
    expect(await open().has('k', root, ['b', './a', 'a'])).toBe(true);
    expect(await open().has('k', root, ['a'])).toBe(false);
    expect(await open().has('K', root, ['a', 'b'])).toBe(false);
    expect(await open().restore('other', root, ['a', 'b'])).toBeUndefined();
    expect(await open().restore('other', root, ['a', 'b'], { prefixes: [] })).toBeUndefined();
  });

  it('finds by the first prefix that fits, the newest entry', async () => {
    for (const key of ['lin-1', 'mac-1', 'lin-2', 'mac-2']) {
      write({ f: key });
      await open().save(key, root, ['f']);
    }
    expect(await open().newest('lin-', root, ['f'])).toBe('lin-2');
    expect(await open().newest('win-', root, ['f'])).toBeUndefined();
    const options = { prefixes: ['win-', 'lin-', 'mac-'] };
    expect(await open().restore('lin-3', root, ['f'], options)).toEqual({
      key: 'lin-2',
      exact: false,
      bytes: 5,
    });
    expect(await open().restore('lin-1', root, ['f'], options)).toEqual({
      key: 'lin-1',
      exact: true,
      bytes: 5,
    });
    expect(read('f')).toBe('lin-1');
  });

  it('never changes an entry, not even through a restored file', async () => {
    write({ f: 'first' });
    await open().save('k', root, ['f']);
    writeFileSync(join(root, 'f'), 'second');
    expect(await open().save('k', root, ['f'])).toEqual({
      saved: false,
      bytes: 0,
      isTaken: true,
      reason: "an entry 'k' is there already",
    });
    await open().restore('k', root, ['f']);
    writeFileSync(join(root, 'f'), 'scribbled over');
    await open().restore('k', root, ['f']);
    expect(read('f')).toBe('first');
  });

  it('drops what was used longest ago beyond its limit', async () => {
    const store = open(250);
    for (const [i, key] of ['a', 'b'].entries()) {
      write({ f: 'x'.repeat(100) });
      await store.save(key, root, ['f']);
      for (const label of inStore('entry.json')) {
        if (readFileSync(label, 'utf8').includes(`"${key}"`)) utimesSync(label, 1000 + i, 1000 + i);
      }
    }
    await store.restore('a', root, ['f']);
    await store.save('c', root, ['f']);
    expect(await Promise.all(['a', 'b', 'c'].map((key) => store.has(key, root, ['f'])))).toEqual([
      true,
      false,
      true,
    ]);
    write({ f: 'x'.repeat(251) });
    expect(await store.save('large', root, ['f'])).toMatchObject({
      saved: false,
      reason: expect.stringContaining('250'),
    });
    expect(readdirSync(join(storeFolder, 'tmp'))).toEqual([]);
  });

  it('removes what a writer left that died long ago', async () => {
    mkdirSync(join(storeFolder, 'tmp/dead'), { recursive: true });
    mkdirSync(join(storeFolder, 'tmp/alive'));
    utimesSync(join(storeFolder, 'tmp/dead'), 1000, 1000);
    write({ f: '1' });
    await open().save('k', root, ['f']);
    expect(readdirSync(join(storeFolder, 'tmp'))).toEqual(['alive']);
  });

  it.each([
    ['a file is cut off', 'files/f', 'tru'],
    ['its list is not JSON', 'list.json', '{'],
    ['its label is not complete', 'entry.json', '{}'],
  ])('gives nothing of an entry when %s, and forgets it', async (_, name, content) => {
    write({ f: 'truth', g: 'more' });
    await open().save('k', root, ['f', 'g']);
    writeFileSync(inStore(join(name))[0] as string, content);
    clear('f', 'g');
    await expect(open().restore('k', root, ['f', 'g'])).rejects.toThrow(/is damaged/);
    expect(readdirSync(root)).toEqual([]);
    expect(await open().has('k', root, ['f', 'g'])).toBe(false);
    write({ f: 'again', g: '' });
    expect(await open().save('k', root, ['f', 'g'])).toMatchObject({ saved: true });
  });

  it('refuses missing paths, paths outside, itself and special files', async () => {
    write({ f: '1' });
    await expect(open().save('k', root, ['gone'])).rejects.toThrow(
      /'gone' cannot be saved: it does not exist/,
    );
    await expect(open().save('k', root, ['../root/f', '..'])).rejects.toThrow(UserError);
    await expect(folderStore({ folder: join(root, 'store') }).save('k', root, ['.'])).rejects.toThrow(
      /lies inside/,
    );
    if (!posix) return;
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await expect(open().save('k', root, ['pipe'])).rejects.toThrow(UserError);
    expect(existsSync(join(storeFolder, 'tmp')) ? readdirSync(join(storeFolder, 'tmp')) : []).toEqual([]);
  });

  it('is safe with many writers of one key and readers at the same time', { timeout: 30_000 }, async () => {
    const script = join(folder, 'writer.ts');
    const index = new URL('../src/store/index.ts', import.meta.url).href;
    writeFileSync(
      script,
      `import { folderStore } from ${JSON.stringify(index)};
       import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
       const [store, root, name] = process.argv.slice(2);
       mkdirSync(root + '/out', { recursive: true });
       for (let i = 0; i < 40; i++) writeFileSync(root + '/out/' + i, name);
       const cache = folderStore({ folder: store });
       const { saved } = await cache.save('k', root, ['out']);
       await cache.restore('k', root, ['out']);
       process.send({ saved, found: Array.from({ length: 40 }, (_, i) => readFileSync(root + '/out/' + i, 'utf8')) });`,
    );
    const results = await Promise.all(
      ['a', 'b', 'c', 'd'].map(
        (name) =>
          new Promise<{ saved: boolean; found: string[] }>((resolve, reject) => {
            const child = fork(script, [storeFolder, join(folder, name), name]);
            child.once('message', (message) => resolve(message as { saved: boolean; found: string[] }));
            child.once('error', reject);
            child.once('exit', (code) => reject(new Error(`the writer ended with ${code}`)));
          }),
      ),
    );
    expect(results.filter(({ saved }) => saved)).toHaveLength(1);
    expect(new Set(results.flatMap(({ found }) => found)).size).toBe(1);
  });
});

describe('the cache of a job', () => {
  const env = () => ({ MLOPS_CACHE_DIR: storeFolder });

  it('is the folder where there is no service, and warns instead of failing', async () => {
    write({ f: 'truth' });
    const warnings: string[] = [];
    const cache = cacheStore({ trigger: push, env: env(), warn: (message) => warnings.push(message) });
    expect(cache.kind).toBe('folder');
    expect(await cache.save('k', root, ['f'])).toEqual({ saved: true, bytes: 5 });
    writeFileSync(inStore(join('files', 'f'))[0] as string, 'tru');
    expect(await cache.restore('k', root, ['f'])).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('is damaged')]);

    writeFileSync(join(folder, 'file'), '');
    const broken = cacheStore({
      trigger: push,
      env: { MLOPS_CACHE_DIR: join(folder, 'file', 'x') },
      warn: (message) => warnings.push(message),
    });
    expect(await broken.save('k', root, ['f'])).toMatchObject({
      saved: false,
      reason: expect.stringContaining('ENOTDIR'),
    });
    expect(warnings).toHaveLength(2);
  });

  it("is GitHub's service where the runner names it", () => {
    const kind = (more: NodeJS.ProcessEnv) => cacheStore({ trigger: push, env: { ...env(), ...more } }).kind;
    expect(kind({ ACTIONS_RUNTIME_TOKEN: 't', ACTIONS_CACHE_URL: 'http://127.0.0.1/' })).toBe('github-cache');
    const v2 = { ACTIONS_RESULTS_URL: 'http://127.0.0.1/', ACTIONS_CACHE_SERVICE_V2: 'true' };
    expect(kind({ ACTIONS_RUNTIME_TOKEN: 't', ...v2 })).toBe('github-cache');
    expect(kind(v2)).toBe('folder');
  });

  it.each([
    { event: 'pull_request_target', ref: 'refs/heads/main', isFork: false },
    { event: 'workflow_run', ref: 'refs/heads/main', isFork: false },
    { event: 'issue_comment', ref: 'refs/heads/main', isFork: false },
    { event: 'release', ref: 'refs/tags/v1', isFork: false },
    { event: 'push', ref: 'refs/tags/v1', isFork: false },
    { event: 'pull_request', ref: 'refs/pull/1/merge', isFork: true },
  ])('can be read but not written by $event on $ref (fork: $isFork)', async (trigger) => {
    write({ f: '1' });
    await open().save('old', root, ['f']);
    const cache = cacheStore({ trigger, env: env() });
    const saved = await cache.save('k', root, ['f']);
    expect(saved).toEqual({
      saved: false,
      bytes: 0,
      reason: expect.stringContaining('caches are not written'),
    });
    expect(await cache.has('k', root, ['f'])).toBe(false);
    expect(await cache.restore('old', root, ['f'])).toMatchObject({ exact: true });
  });

  it('can be written on a tag for other jobs of the same tag, but not for a release or a fork', async () => {
    write({ f: '1' });
    const save = (trigger: typeof push) =>
      cacheStore({ trigger, forSameRef: true, env: env() }).save(trigger.event, root, ['f']);
    expect(await save({ event: 'push', ref: 'refs/tags/v1', isFork: false })).toMatchObject({ saved: true });
    for (const trigger of [
      { event: 'release', ref: 'refs/tags/v1', isFork: false },
      { event: 'pull_request', ref: 'refs/pull/1/merge', isFork: true },
    ])
      expect(await save(trigger)).toMatchObject({ saved: false });
  });

  it.each([
    push,
    { event: 'pull_request', ref: 'refs/pull/1/merge', isFork: false },
    { event: 'schedule', ref: 'refs/heads/main', isFork: false },
    { event: 'local', ref: '', isFork: false },
  ])('can be written by $event', (trigger) => {
    expect(reasonNotToSave(trigger)).toBeUndefined();
  });
});
