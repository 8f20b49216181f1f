import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../src/errors.ts';
import { type Hasher, type HasherOptions, hashText, openHasher } from '../src/hash/index.ts';

const posix = process.platform !== 'win32';
let folder: string;
let hashers: Hasher[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hash-'));
  hashers = [];
});
afterEach(async () => {
  await Promise.all(hashers.map((hasher) => hasher.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function open(options?: HasherOptions): Promise<Hasher> {
  const hasher = await openHasher(options);
  hashers.push(hasher);
  return hasher;
}

/** Writes files, name → content, and gives the folder. */
function write(files: Record<string, string | Uint8Array>, name = 'tree'): string {
  const root = join(folder, name);
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

async function treeOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const root = write(files);
  const { digest } = await (await open()).tree(root);
  rmSync(root, { recursive: true });
  return digest;
}

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

describe('a file', () => {
  it.each([0, 1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3_500_000])(
    'of %i bytes has the digest that sha256 defines',
    async (size) => {
      const content = randomBytes(size);
      const path = join(write({ f: content }), 'f');
      expect(await (await open()).file(path)).toEqual({ digest: `sha256:${sha256(content)}`, bytes: size });
    },
  );

  it('has the same digest in threads as without', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`f${i}`, randomBytes(3_000_000 + i)]),
    );
    const root = write(files);
    const alone = await (await open({ concurrency: 1 })).tree(root);
    const threaded = await (await open({ concurrency: 3 })).tree(root);
    expect(threaded).toEqual(alone);
  });

  it('among many small and some large ones has the same digest in threads as without', async () => {
    const sizes = [0, 100, 64 * 1024, 64 * 1024 + 1, 2_000_000];
    const files = Object.fromEntries(
      Array.from({ length: 3500 }, (_, i) => [`d${i % 3}/f${i}`, Buffer.alloc(sizes[i % 700] ?? 10, i)]),
    );
    const root = write(files);
    const alone = await (await open({ concurrency: 1 })).tree(root);
    expect(await (await open({ concurrency: 3 })).tree(root)).toEqual(alone);
    const records = Object.keys(files)
      .sort()
      .map((name) => `file ${sha256(files[name] as Buffer)} ${name}\0`);
    expect(alone).toMatchObject({ digest: hashText(records.join('')), files: 3500 });
  });

  it('that does not exist, or is a folder, is a UserError', async () => {
    const hasher = await open();
    await expect(hasher.file(join(folder, 'gone'))).rejects.toThrow(/gone' does not exist/);
    await expect(hasher.file(folder)).rejects.toThrow(/is not a file/);
    await expect(hasher.tree(join(folder, 'gone'))).rejects.toThrow(UserError);
  });

  it('is reached through a link', async () => {
    const root = write({ f: 'x' });
    symlinkSync('f', join(root, 'link'));
    expect((await (await open()).file(join(root, 'link'))).digest).toBe(hashText('x'));
  });

  it.runIf(posix)('that another program writes to while it is read is a UserError', async () => {
    const path = join(write({ f: randomBytes(2_000_000) }), 'f');
    const running = (await open({ concurrency: 2 })).file(path);
    truncateSync(path, 1000);
    await expect(running).rejects.toThrow(/changed while it was being hashed/);
  });
});

describe('a tree', () => {
  const name = fc
    .stringMatching(/^[a-zA-Z0-9_äßé東🙂 -]{1,8}$/u)
    .map((text) => text.trim().normalize('NFC') || 'x');
  const path = fc
    .array(name, { minLength: 1, maxLength: 3 })
    .map((parts) => `d-${parts.slice(0, -1).join('/d-')}/f-${parts.at(-1)}`.replace('d-/', ''));
  const files = fc
    .dictionary(path, fc.uint8Array({ maxLength: 64 }), { minKeys: 1, maxKeys: 8, noNullPrototype: true })
    // Some file systems cannot tell names apart that differ in case only.
    .filter(
      (tree) => new Set(Object.keys(tree).map((key) => key.toLowerCase())).size === Object.keys(tree).length,
    );

  it('has a digest that depends on names and contents alone, as documented', {
    timeout: 30_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.integer(), async (tree, seed) => {
        const shuffled = Object.fromEntries(
          Object.entries(tree).sort(([a], [b]) => sha256(a + seed).localeCompare(sha256(b + seed))),
        );
        const records = Object.keys(tree)
          .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          .map((key) => `file ${sha256(tree[key] as Uint8Array)} ${key}\0`);
        expect(await treeOf(shuffled)).toBe(hashText(records.join('')));
      }),
      { numRuns: 40 },
    );
  });

  it('changes its digest with any byte, any name, any file more or less', { timeout: 30_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.nat(), fc.nat(), async (tree, pick, byte) => {
        const before = await treeOf(tree);
        const names = Object.keys(tree);
        const chosen = names[pick % names.length] as string;
        const content = tree[chosen] as Uint8Array;
        const { [chosen]: _, ...fewer } = tree;
        const longer = new Uint8Array([...content, byte % 256]);
        expect(await treeOf({ ...tree, [chosen]: longer })).not.toBe(before);
        if (content.length > 0) {
          const flipped = content.map((value, i) => (i === byte % content.length ? value ^ 1 : value));
          expect(await treeOf({ ...tree, [chosen]: flipped })).not.toBe(before);
        }
        expect(await treeOf({ ...fewer, [`${chosen}.renamed`]: content })).not.toBe(before);
        expect(await treeOf({ ...tree, 'one more': '' })).not.toBe(before);
        expect(await treeOf(fewer)).not.toBe(before);
      }),
      { numRuns: 25 },
    );
  });

  it('does not change its digest with times, permissions, empty folders or its own place', async () => {
    const root = write({ 'a/b': 'x' });
    const hasher = await open();
    const before = await hasher.tree(root);
    utimesSync(join(root, 'a/b'), new Date(1), new Date(1));
    mkdirSync(join(root, 'empty/deep'), { recursive: true });
    renameSync(root, join(folder, 'elsewhere'));
    expect(await hasher.tree(join(folder, 'elsewhere'))).toEqual(before);
    expect(before).toMatchObject({ bytes: 1, files: 1 });
  });

  it('counts only what is at or below the given paths, each once', async () => {
    const root = write({ 'a/1': '1', 'a/b/2': '2', 'c/3': '3', d: '4' });
    const hasher = await open();
    const some = await hasher.tree(root, ['a/b', 'a', 'd']);
    rmSync(join(root, 'c'), { recursive: true });
    expect(some).toEqual(await hasher.tree(root));
    await expect(hasher.tree(root, ['nope'])).rejects.toThrow(/'nope' does not exist/);
  });

  it('counts an inner link by its text and an outer one by what it leads to', async () => {
    const hasher = await open();
    const outside = write({ 'data/x': 'x' }, 'outside');
    const root = write({ f: 'f', g: 'f' });
    symlinkSync('f', join(root, 'inner'));
    symlinkSync(join(outside, 'data'), join(root, 'outer'));
    const before = await hasher.tree(root);

    writeFileSync(join(outside, 'data/x'), 'changed');
    expect((await hasher.tree(root)).digest).not.toBe(before.digest);
    writeFileSync(join(outside, 'data/x'), 'x');

    rmSync(join(root, 'inner'));
    symlinkSync('g', join(root, 'inner'));
    expect((await hasher.tree(root)).digest).not.toBe(before.digest);

    const copy = write({ f: 'f', g: 'f', 'outer/x': 'x' }, 'copy');
    symlinkSync('f', join(copy, 'inner'));
    expect(await hasher.tree(copy)).toEqual(before);
  });

  it('with a dangling link out of it, or a circular one, is a UserError', async () => {
    const hasher = await open();
    const root = write({ f: 'f' });
    symlinkSync(join(folder, 'nowhere'), join(root, 'link'));
    await expect(hasher.tree(root)).rejects.toThrow(/'link' leads to .*which does not exist/);
    rmSync(join(root, 'link'));
    symlinkSync(folder, join(root, 'link'));
    await expect(hasher.tree(root)).rejects.toThrow(/a folder that contains it/);
  });

  it.runIf(posix)('with a named pipe or a socket is a UserError', async () => {
    const hasher = await open();
    const root = write({ f: 'f' });
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await expect(hasher.tree(root)).rejects.toThrow(/'pipe' is a named pipe/);
    rmSync(join(root, 'pipe'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 's'), resolve));
    await expect(hasher.tree(root)).rejects.toThrow(/'s' is a socket/);
    await new Promise((resolve) => server.close(resolve));
  });

  it.runIf(process.platform === 'linux')(
    'with names that other systems could not keep apart is a UserError',
    async () => {
      const root = write({ ['é'.normalize('NFC')]: '1', ['é'.normalize('NFD')]: '2' });
      await expect((await open()).tree(root)).rejects.toThrow(/composed/);
      rmSync(join(root, 'é'.normalize('NFC')));
      const decomposed = await (await open()).tree(root);
      rmSync(root, { recursive: true });
      expect(decomposed.digest).toBe(await treeOf({ ['é'.normalize('NFC')]: '2' }));
    },
  );

  it.runIf(process.platform === 'linux')('with a name that is not UTF-8 is a UserError', async () => {
    const root = write({ f: 'f' });
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), 'x');
    await expect((await open()).tree(root)).rejects.toThrow(/not valid UTF-8/);
  });

  it.each([1, 2])('stops with the reason of the signal, with %i threads', async (concurrency) => {
    const root = write(
      Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`f${i}`, Buffer.alloc(20_000_000, i)])),
    );
    const controller = new AbortController();
    const hasher = await open({ signal: controller.signal, concurrency });
    const running = hasher.tree(root);
    setImmediate(() => controller.abort(new Error('cancelled by the test')));
    await expect(running).rejects.toThrow('cancelled by the test');
    await expect(hasher.tree(root)).rejects.toThrow('cancelled by the test');
  });
});

describe('patterns', () => {
  it('name files, folders and globs, each thing once and sorted', async () => {
    const root = write({
      'data/b.csv': 'b',
      'data/a.csv': 'a',
      'data/n.txt': 'n',
      'm/x': 'x',
      'we[i]rd*': 'w',
    });
    const hasher = await open();
    const found = await hasher.paths(root, ['we[i]rd*', 'data/*.csv', 'm', 'm/x', './data/a.csv']);
    expect(found.map(({ path, kind }) => [path, kind])).toEqual([
      ['data/a.csv', 'file'],
      ['data/b.csv', 'file'],
      ['m', 'tree'],
      ['we[i]rd*', 'file'],
    ]);
    expect(found[0]).toMatchObject({ digest: hashText('a'), bytes: 1, files: 1 });
    expect(found[2]).toEqual({ path: 'm', kind: 'tree', ...(await hasher.tree(join(root, 'm'))) });
    const whole = await hasher.paths(root, ['data/**']);
    expect(whole.map(({ path }) => path)).toEqual(['data']);
    expect(await hasher.paths(root, [join(root, 'm')])).toMatchObject([
      { path: join(root, 'm').replaceAll('\\', '/') },
    ]);
  });

  it('give the same whatever their order', async () => {
    const root = write({ 'a/1': '1', 'b/2': '2', c: '3' });
    const hasher = await open();
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(['a', 'b/*', 'c', 'a/1'], { minLength: 4 }), async (patterns) => {
        expect(await hasher.paths(root, patterns)).toEqual(await hasher.paths(root, ['a', 'b/*', 'c']));
      }),
      { numRuns: 10 },
    );
  });

  it('leave out ignored names inside of folders, at any depth, but not what is named itself', async () => {
    const root = write({ 'src/a.py': 'a', 'src/sub/b.py': 'b' });
    const hasher = await open();
    const ignored = new Set(['__pycache__']);
    const before = await hasher.paths(root, ['src'], ignored);
    write({ 'src/__pycache__/a.pyc': 'x', 'src/sub/__pycache__/b.pyc': 'y' });
    expect(await hasher.paths(root, ['src'], ignored)).toEqual(before);
    expect(await hasher.paths(root, ['src'])).not.toEqual(before);
    expect(await hasher.paths(root, ['src/__pycache__'], ignored)).toMatchObject([{ files: 1 }]);
  });

  it('that match nothing are a UserError with the nearest that exists', async () => {
    const root = write({ 'data/train.csv': '' });
    const hasher = await open();
    const problem = await hasher.paths(root, ['data/trian.csv']).catch((error) => error);
    expect(problem).toBeInstanceOf(UserError);
    expect(String(problem)).toContain("'data/trian.csv' does not exist");
    expect(String(problem)).toContain("Did you mean 'data/train.csv'?");
    await expect(hasher.paths(root, ['data/raw/*.parquet'])).rejects.toThrow(
      expect.objectContaining({
        message: "the pattern 'data/raw/*.parquet' matches nothing",
        advice: expect.stringContaining("is 'data'"),
      }),
    );
    await expect(hasher.paths(root, [''])).rejects.toThrow(UserError);
  });
});
