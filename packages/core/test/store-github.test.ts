import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../src/errors.ts';
import { gitHubCache, patternsFor } from '../src/store/github-cache.ts';
import { type ArtifactStore, artifactStore, cacheStore, type Store } from '../src/store/index.ts';
import { artifactName, cacheKey } from '../src/store/key.ts';
import { type Service, startService } from './store-service.ts';

const push = { event: 'push', ref: 'refs/heads/main', isFork: false };
let folder: string;
let workspace: string;
let service: Service;
let warnings: string[];
const startedIn = process.cwd();

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'store-')));
  workspace = join(folder, 'workspace');
  mkdirSync(workspace);
  service = await startService();
  warnings = [];
  for (const [name, value] of Object.entries(service.env)) vi.stubEnv(name, value);
  vi.stubEnv('GITHUB_WORKSPACE', workspace);
  vi.stubEnv('GITHUB_SERVER_URL', 'https://github.com');
  vi.stubEnv('RUNNER_TEMP', join(folder, 'temp'));
  process.chdir(workspace);
  vi.spyOn(process.stdout, 'write').mockReturnValue(true); // The libraries report to the runner's log.
});
afterEach(async () => {
  process.chdir(startedIn);
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(files: Record<string, string>, root = workspace): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

const cache = (): Store => cacheStore({ trigger: push, warn: (message) => warnings.push(message) });
/** What the libraries told the runner. */
const log = () =>
  vi
    .mocked(process.stdout.write)
    .mock.calls.map(([text]) => text)
    .join('');
const read = (path: string) => readFileSync(join(workspace, path), 'utf8');
const clear = (...paths: string[]) => {
  for (const path of paths) rmSync(join(workspace, path), { recursive: true, force: true });
};

describe("GitHub's cache", () => {
  it('gives back what was saved, to another workspace, too', { timeout: 30_000 }, async () => {
    write({ 'sub/out/a': 'aaa', 'sub/out/deep/b': 'bb', 'sub/one': '1' });
    const root = join(workspace, 'sub');
    expect(await cache().save('k', root, ['out', 'one'])).toEqual({ saved: true, bytes: 6 });
    expect(await cache().has('k', root, ['one', 'out'])).toBe(true);
    expect(await cache().has('k', root, ['out'])).toBe(false);

    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    vi.stubEnv('GITHUB_WORKSPACE', elsewhere);
    process.chdir(elsewhere);
    const restored = await cache().restore('k', join(elsewhere, 'sub'), ['one', 'out']);
    expect(restored).toEqual({ key: 'k', exact: true, bytes: 6 });
    expect(readFileSync(join(elsewhere, 'sub/out/deep/b'), 'utf8')).toBe('bb');
    expect(warnings).toEqual([]);
  });

  it('keeps names that mean something to a glob, and keys that GitHub does not take', async () => {
    const names = ['!not', '#hash', '~home', 'star*', 'q?', '[ab]', 'with space'];
    write(Object.fromEntries(names.map((name) => [name, name])));
    write({ 'star-other': 'untouched' });
    const key = `a,b é ${'x'.repeat(600)}`;
    expect(await cache().save(key, workspace, names)).toMatchObject({
      saved: true,
      bytes: names.join('').length,
    });
    clear(...names, 'star-other');
    expect(await cache().restore(key, workspace, names)).toMatchObject({ key, exact: true });
    for (const name of names) expect(read(name)).toBe(name);
    expect(existsSync(join(workspace, 'star-other'))).toBe(false);
  });

  it('finds by prefix only where a prefix is given, the first prefix first', async () => {
    write({ f: '1' });
    await cache().save('lin-a-1', workspace, ['f']);
    write({ f: '2' });
    await cache().save('lin-a-2', workspace, ['f']);
    clear('f');
    expect(await cache().restore('lin-a', workspace, ['f'])).toBeUndefined();
    expect(await cache().has('lin-a', workspace, ['f'])).toBe(false);
    expect(await cache().newest('lin-', workspace, ['f'])).toBe('lin-a-2');
    expect(await cache().newest('win-', workspace, ['f'])).toBeUndefined();
    const prefixes = ['win-', 'lin-'];
    expect(await cache().restore('lin-b', workspace, ['f'], { prefixes })).toMatchObject({
      key: 'lin-a-2',
      exact: false,
    });
    expect(read('f')).toBe('2');
  });

  it('finds its keys again with a service that gives them back in lower case', async () => {
    await service.close();
    service = await startService({ lowerCaseKeys: true });
    for (const [name, value] of Object.entries(service.env)) vi.stubEnv(name, value);
    write({ f: '1' });
    expect(await cache().save('Lin,A', workspace, ['f'])).toMatchObject({ saved: true });
    expect(await cache().has('Lin,A', workspace, ['f'])).toBe(true);
    expect(await cache().restore('Lin,A', workspace, ['f'])).toEqual({ key: 'Lin,A', exact: true, bytes: 1 });
    const byPrefix = await cache().restore('Lin,B', workspace, ['f'], { prefixes: ['Lin,'] });
    expect(byPrefix).toMatchObject({ exact: false, bytes: 1 });
  });

  it('leaves an entry as it is', async () => {
    write({ f: '1' });
    await cache().save('k', workspace, ['f']);
    write({ f: '2' });
    expect(await cache().save('k', workspace, ['f'])).toEqual({
      saved: false,
      bytes: 0,
      isTaken: true,
      reason: "an entry 'k' is there already",
    });
    expect(service.calls.filter((call) => call === 'CreateCacheEntry')).toHaveLength(1);
  });

  it('refuses paths that are missing or outside', async () => {
    await expect(cache().save('k', workspace, ['gone'])).rejects.toThrow(UserError);
    for (const path of ['../x', join(folder, 'x'), '', 'a\nb']) {
      await expect(cache().save('k', workspace, [path])).rejects.toThrow(UserError);
      await expect(cache().restore('k', workspace, [path])).rejects.toThrow(UserError);
    }
    await expect(cache().save('k', workspace, [])).rejects.toThrow(UserError);
  });

  it.each([403, 429])('that answers %i is a warning and a miss', async (status) => {
    write({ f: '1' });
    service.fail('GetCacheEntryDownloadURL', status);
    expect(await cache().restore('k', workspace, ['f'])).toBeUndefined();
    expect(log()).toMatch(new RegExp(`^::warning::.*${status}`, 'm'));
    service.fail('GetCacheEntryDownloadURL', undefined);
    service.fail('CreateCacheEntry', status);
    expect(await cache().save('k', workspace, ['f'])).toMatchObject({
      saved: false,
      reason: expect.stringMatching(/./),
    });
  });

  it('that stays broken is given up after the deadline', async () => {
    service.fail('GetCacheEntryDownloadURL', 500);
    await expect(gitHubCache({ lookupDeadlineMs: 50 }).restore('k', workspace, ['f'])).rejects.toThrow(
      /not done within/,
    );
  });

  it('that is not there at all is a warning and a miss', async () => {
    vi.stubEnv('ACTIONS_RESULTS_URL', 'http://127.0.0.1:9/');
    expect(await cache().restore('k', workspace, ['f'])).toBeUndefined();
    expect(log()).toMatch(/^::warning::.*ECONNREFUSED/m);
    expect(await cache().has('k', workspace, ['f'])).toBe(false);
  });

  it('with a damaged archive is a warning and a miss, and nothing half-unpacked stays', async () => {
    write({ 'out/a': 'a'.repeat(100_000), 'out/b': Math.random().toString() });
    await cache().save('k', workspace, ['out']);
    service.damage((bytes) => bytes.subarray(0, bytes.length - 20));
    clear('out');
    expect(await cache().restore('k', workspace, ['out'])).toBeUndefined();
    expect(existsSync(join(workspace, 'out'))).toBe(false);
    expect(warnings).toEqual([
      expect.stringContaining("the entry 'k' is there but could not be fetched or unpacked"),
    ]);
  });

  it('whose upload is cut off saves nothing and says so', async () => {
    write({ f: '1' });
    service.fail('blob PUT', 403);
    expect(await cache().save('k', workspace, ['f'])).toMatchObject({ saved: false, bytes: 0 });
  });

  it('that is cancelled stops', async () => {
    const controller = new AbortController();
    controller.abort(new Error('cancelled'));
    const store = cacheStore({ trigger: push, signal: controller.signal });
    await expect(store.restore('k', workspace, ['f'])).rejects.toThrow('cancelled');
  });
});

describe('keys and patterns', () => {
  it('stay different, keep their prefixes, and are what GitHub takes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(cacheKey(a)).toMatch(/^[!-+\--~]{0,512}$/);
        expect(cacheKey(a) === cacheKey(b)).toBe(a === b);
        expect(cacheKey(a + b).startsWith(cacheKey(a))).toBe(true);
        expect(artifactName(a)).not.toMatch(/[":<>|*?\r\n\\/]/);
        expect(artifactName(a) === artifactName(b)).toBe(a === b);
      }),
    );
    expect(cacheKey('x'.repeat(513))).toHaveLength(512);
    expect(cacheKey(`${'x'.repeat(600)}1`)).not.toBe(cacheKey(`${'x'.repeat(600)}2`));
  });

  it('do not depend on where workspace and home are', () => {
    vi.stubEnv('HOME', join(folder, 'home'));
    vi.stubEnv('USERPROFILE', join(folder, 'home'));
    expect(patternsFor(workspace, ['.', 'a/b'])).toEqual(['.', 'a/b']);
    expect(patternsFor(join(folder, 'home', '.cache'), ['uv'])).toEqual(['~/.cache/uv']);
    expect(patternsFor(join(folder, 'data'), ['x'])).toEqual([join(folder, 'data/x').replaceAll('\\', '/')]);
  });
});

describe("GitHub's artifacts", () => {
  const artifacts = (): ArtifactStore => artifactStore();

  it('are handed over by name and found by prefix', async () => {
    write({ 'model/w.bin': 'weights', 'model/deep/c.json': '{}', other: 'o' });
    expect(await artifacts().save('record-train (3.12/cpu)', workspace, ['model', 'other'])).toEqual({
      saved: true,
      bytes: 10,
      id: 1,
    });
    write({ other: 'second' });
    await artifacts().save('record-b', workspace, ['other']);
    expect(await artifacts().list('record-')).toMatchObject([
      { name: 'record-b', id: 2, digest: expect.stringMatching(/^sha256:/) },
      { name: 'record-train (3.12/cpu)', id: 1 },
    ]);
    expect(await artifacts().list('nothing')).toEqual([]);
    expect(await artifacts().has('record-b', workspace, ['.'])).toBe(true);
    expect(await artifacts().has('record', workspace, ['.'])).toBe(false);

    clear('model', 'other');
    const restored = await artifacts().restore('record-train (3.12/cpu)', workspace, ['model']);
    expect(restored).toEqual({ key: 'record-train (3.12/cpu)', exact: true, bytes: 9 });
    expect(read('model/w.bin')).toBe('weights');
    expect(existsSync(join(workspace, 'other'))).toBe(false);
    expect(await artifacts().restore('none', workspace, ['.'])).toBeUndefined();
    expect(await artifacts().newest('record-', workspace, ['.'])).toBe('record-b');
    expect(await artifacts().restore('none', workspace, ['.'], { prefixes: ['x', 'record-'] })).toMatchObject(
      {
        key: 'record-b',
        exact: false,
      },
    );
    expect(read('other')).toBe('second');
  });

  it('cannot be replaced', async () => {
    write({ f: '1' });
    await artifacts().save('a', workspace, ['f']);
    const problem = await artifacts()
      .save('a', workspace, ['f'])
      .catch((error) => error);
    expect(problem).toBeInstanceOf(UserError);
    expect(String(problem)).toContain("named 'a' was already uploaded");
  });

  it('whose digest is wrong are refused, and nothing of them is left', async () => {
    write({ f: '1' });
    await artifacts().save('a', workspace, ['f']);
    // The comment at the end of a zip archive is not part of any file.
    service.damage((bytes) => Buffer.concat([bytes.subarray(0, -2), Buffer.from([1, 0]), Buffer.from('!')]));
    clear('f');
    await expect(artifacts().restore('a', workspace, ['f'])).rejects.toThrow(
      /does not have the digest sha256:/,
    );
    expect(existsSync(join(workspace, 'f'))).toBe(false);
  });

  it('that are empty, missing, without a service or circular are UserErrors', async () => {
    mkdirSync(join(workspace, 'empty'));
    await expect(artifacts().save('a', workspace, ['empty'])).rejects.toThrow(/would be empty/);
    await expect(artifacts().save('a', workspace, ['gone'])).rejects.toThrow(UserError);
    vi.stubEnv('ACTIONS_RUNTIME_TOKEN', '');
    await expect(artifacts().save('a', workspace, ['empty'])).rejects.toThrow(/has no artifact service/);
    await expect(artifacts().list()).rejects.toThrow(/has no artifact service/);
  });

  it('fail loudly when the service does', async () => {
    write({ f: '1' });
    service.fail('CreateArtifact', 403);
    await expect(artifacts().save('a', workspace, ['f'])).rejects.toThrow(/403/);
    service.fail('ListArtifacts', 500);
    await expect(artifactStore({ signal: AbortSignal.timeout(50) }).list()).rejects.toThrow(/timeout/);
  });
});
