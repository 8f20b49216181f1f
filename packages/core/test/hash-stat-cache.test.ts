import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../src/errors.ts';
import { type Hasher, hashText, openHasher } from '../src/hash/index.ts';

let folder: string;
let hashers: Hasher[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hash-'));
  hashers = [];
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(hashers.map((hasher) => hasher.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function open(options = {}): Promise<Hasher> {
  const hasher = await openHasher(options);
  hashers.push(hasher);
  return hasher;
}

/** Writes files, name → content, and gives the folder. */
function write(files: Record<string, string>): string {
  const root = join(folder, 'tree');
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

/** Lets the clock run ahead, so that what was just written is old enough to be remembered. */
function waitAWhile(): void {
  vi.setSystemTime(Date.now() + 10_000);
}

describe('the stat cache', () => {
  const cacheFile = () => join(folder, 'cache', 'stat');

  it('gives what hashing gives, and notices a change of the same size with restored times', async () => {
    const root = write({ f: 'one', 'g/h': 'x' });
    const f = join(root, 'f');
    utimesSync(f, new Date(2020, 1, 1), new Date(2020, 1, 1));
    waitAWhile();
    const first = await (await open({ statCacheFile: cacheFile() })).tree(root);
    await hashers[0]?.close();
    expect(readFileSync(cacheFile(), 'utf8')).toContain(sha256('one'));

    const second = await (await open({ statCacheFile: cacheFile() })).tree(root);
    expect(second).toEqual(first);

    writeFileSync(f, 'two');
    utimesSync(f, new Date(2020, 1, 1), new Date(2020, 1, 1));
    const third = await (await open({ statCacheFile: cacheFile() })).tree(root);
    expect(third).toEqual(await (await open()).tree(root));
    expect(third.digest).not.toBe(first.digest);
  });

  it('is believed: an unchanged file is not read again', async () => {
    const root = write({ f: 'one' });
    waitAWhile();
    await (await open({ statCacheFile: cacheFile() })).tree(root);
    await hashers[0]?.close();
    // The only way to see from outside whether the file was read: let the cache say something else, in due form.
    const [, body = ''] = readFileSync(cacheFile(), 'utf8').split(/\n(.*)/s);
    const forged = body.replace(sha256('one'), sha256('forged'));
    writeFileSync(cacheFile(), `mlops-stat-cache 2 ${sha256(forged)}\n${forged}`);
    expect((await (await open({ statCacheFile: cacheFile() })).file(join(root, 'f'))).digest).toBe(
      hashText('forged'),
    );
  });

  it('gives what hashing gives when threads look at a tree that is unchanged in parts', async () => {
    const many = (prefix: string) =>
      Object.fromEntries(Array.from({ length: 3200 }, (_, i) => [`${prefix}${i}`, `${prefix} ${i}`]));
    const root = write({ ...many('old'), touched: 'before' });
    waitAWhile();
    await (await open({ statCacheFile: cacheFile(), concurrency: 2 })).tree(root);
    await hashers[0]?.close();
    write({ ...many('new'), touched: 'after' });
    const mixed = await (await open({ statCacheFile: cacheFile(), concurrency: 2 })).tree(root);
    expect(mixed).toEqual(await (await open({ concurrency: 1 })).tree(root));
  });

  it('does not keep a file that is too young to be told from a later change', async () => {
    const root = write({ f: 'one' });
    await (await open({ statCacheFile: cacheFile() })).tree(root);
    await hashers[0]?.close();
    expect(() => readFileSync(cacheFile())).toThrow();
  });

  it('is ignored when it is damaged, cut off or of another version', async () => {
    const root = write({ f: 'one' });
    waitAWhile();
    const right = await (await open({ statCacheFile: cacheFile() })).tree(root);
    await hashers[0]?.close();
    const good = readFileSync(cacheFile(), 'utf8');
    const forgedUnsigned = good.replace(sha256('one'), sha256('forged'));
    for (const bad of [
      forgedUnsigned,
      good.slice(0, -5),
      good.replace('cache 2', 'cache 0'),
      '',
      '\0\0\n\n',
    ]) {
      writeFileSync(cacheFile(), bad);
      const hasher = await open({ statCacheFile: cacheFile() });
      expect(await hasher.tree(root)).toEqual(right);
      await hasher.close();
      expect(readFileSync(cacheFile(), 'utf8')).toBe(good);
    }
  });

  it('forgets files that are gone and keeps those that were not asked for', async () => {
    const root = write({ f: 'one', g: 'two' });
    waitAWhile();
    await (await open({ statCacheFile: cacheFile() })).tree(root);
    await hashers[0]?.close();
    rmSync(join(root, 'g'));
    const hasher = await open({ statCacheFile: cacheFile() });
    mkdirSync(join(folder, 'other'));
    await hasher.tree(join(folder, 'other'));
    writeFileSync(join(folder, 'other', 'x'), 'x');
    await hasher.tree(join(folder, 'other'));
    await hasher.close();
    expect(readFileSync(cacheFile(), 'utf8')).toContain(join(root, 'f'));
    expect(readFileSync(cacheFile(), 'utf8')).not.toContain(join(root, 'g'));
  });

  it('that cannot be written is a UserError', async () => {
    const root = write({ f: 'one' });
    waitAWhile();
    const hasher = await openHasher({ statCacheFile: join(root, 'f', 'stat') });
    await hasher.tree(root);
    await expect(hasher.close()).rejects.toThrow(UserError);
  });
});
