import { createWriteStream } from 'node:fs';
import { lstat, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { command } from '@mlops/core/process';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pathInRoot } from '../../src/smoke/in-root.ts';
import { unpackLayers } from '../../src/smoke/unpack.ts';

const posix = process.platform !== 'win32';

/** `path: content`, or what else is there. */
type Entry = string | { type: 'directory' | 'symlink' | 'link'; linkname?: string; mode?: number };

let folder: string;
let root: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unpack-'));
  root = join(folder, 'root');
  await mkdir(root);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.runIf(posix)('unpackLayers', () => {
  it('puts layers on top of each other and deletes what they delete', async () => {
    await unpack(
      { 'a/one': '1', 'a/two': '2', 'b/three': '3', 'c/four': '4', 'c/sub/five': '5', file: 'old' },
      {
        'a/.wh.one': '',
        '.wh.b': '',
        'c/new': 'n',
        'c/.wh..wh..opq': '',
        file: { type: 'directory' },
        'file/in': '6',
      },
    );
    expect(await tree()).toEqual({ 'a/two': '2', 'c/new': 'n', 'file/in': '6' });
  });

  it('keeps what a layer brings itself, in whichever order it says so', async () => {
    const below = { 'd/old': 'o', 'd/sub/old': 'o', 'd/sub/same': 'o', gone: 'o' };
    await unpack(below, { 'd/sub/same': 'n', 'd/.wh..wh..opq': '', gone: 'n', '.wh.gone': '' });
    expect(await tree()).toEqual({ 'd/sub/same': 'n', gone: 'n' });
  });

  it.each([
    ['gzip', createGzip],
    ['zstd', createZstdCompress],
  ])('reads %s', async (_, compress) => {
    const layer = await write({ file: 'content'.repeat(10_000) }, compress());
    await unpackLayers([layer], root, new AbortController().signal);
    expect(await tree()).toEqual({ file: 'content'.repeat(10_000) });
  });

  it('keeps modes, links and hard links', async () => {
    await unpack({
      dir: { type: 'directory', mode: 0o1777 },
      'dir/file': 'content',
      'dir/link': { type: 'symlink', linkname: '../dir/file' },
      hard: { type: 'link', linkname: 'dir/file' },
      locked: { type: 'directory', mode: 0o500 },
    });
    expect((await stat(join(root, 'dir'))).mode & 0o7777).toBe(0o1777);
    expect((await stat(join(root, 'locked'))).mode & 0o7777).toBe(0o500);
    expect(await readlink(join(root, 'dir/link'))).toBe('../dir/file');
    expect((await stat(join(root, 'hard'))).ino).toBe((await stat(join(root, 'dir/file'))).ino);
  });

  it('follows links of folders as the image would, and never out of it', async () => {
    const outside = join(folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'precious'), 'kept');
    await unpack(
      {
        'usr/lib/a': 'a',
        lib: { type: 'symlink', linkname: 'usr/lib' },
        absolute: { type: 'symlink', linkname: outside },
        above: { type: 'symlink', linkname: '../../../../../../usr' },
        file: { type: 'symlink', linkname: join(outside, 'precious') },
      },
      {
        'lib/b': 'b',
        'lib/.wh.a': '',
        'absolute/precious': 'inside',
        'above/c': 'c',
        '../../escaped': 'e',
        file: 'replaced',
      },
      { 'absolute/.wh.precious': '', 'absolute/.wh..wh..opq': '', hard: { type: 'link', linkname: 'usr/c' } },
    );
    expect(await readFile(join(outside, 'precious'), 'utf8')).toBe('kept');
    expect(await tree()).toEqual({
      'usr/lib/b': 'b',
      'usr/c': 'c',
      escaped: 'e',
      file: 'replaced',
      hard: 'c',
    });
    expect((await lstat(join(root, 'lib'))).isSymbolicLink()).toBe(true);
  });

  it('says which links go in circles', async () => {
    const circle: Entry = { type: 'symlink', linkname: 'b' };
    await expect(unpack({ a: circle, b: { ...circle, linkname: 'a' } }, { 'a/file': '' })).rejects.toThrow(
      'go in circles',
    );
  });

  it('stops when it is cancelled, and fails on what is no archive', async () => {
    const layer = await write({ file: 'content' });
    const early = AbortSignal.abort(new Error('cancelled'));
    await expect(unpackLayers([layer], root, early)).rejects.toThrow();
    const broken = join(folder, 'broken');
    await writeFile(broken, 'no archive'.repeat(100));
    await expect(unpackLayers([broken], root, new AbortController().signal)).rejects.toThrow('tar');
  });
});

describe.runIf(posix)('pathInRoot', () => {
  it('leads nowhere else, whatever the path and the links in it', async () => {
    await mkdir(join(root, 'd', 'e'), { recursive: true });
    for (const [name, target] of Object.entries({ up: '../../..', abs: '/', out: '/etc', self: '.' }))
      await symlink(target, join(root, 'd', name));
    const part = fc.constantFrom('..', '.', '', 'd', 'e', 'up', 'abs', 'out', 'self', 'x');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const place = pathInRoot(root, parts.join('/'));
        expect(place === root || place.startsWith(`${root}/`)).toBe(true);
        expect(place).not.toContain('..');
      }),
    );
  });
});

async function unpack(...layers: Record<string, Entry>[]): Promise<void> {
  const files: string[] = [];
  for (const layer of layers) files.push(await write(layer));
  await unpackLayers(files, root, new AbortController().signal);
}

async function write(entries: Record<string, Entry>, ...filters: NodeJS.ReadWriteStream[]): Promise<string> {
  const archive = pack();
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  for (const [name, entry] of Object.entries(entries))
    if (typeof entry === 'string') archive.entry({ name, ...owner }, entry);
    else archive.entry({ name, ...owner, ...entry });
  archive.finalize();
  const file = join(folder, `${Math.random()}.tar`);
  await pipeline([Readable.from(archive), ...filters, createWriteStream(file)]);
  return file;
}

/** The files below the root and what is in them. */
async function tree(): Promise<Record<string, string>> {
  const { stdout } = await command('find', ['.', '-type', 'f'], { cwd: root });
  const paths = stdout.split('\n').filter(Boolean).sort();
  const content = (path: string) => readFile(join(root, path), 'utf8');
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path.slice('./'.length), await content(path)] as const)),
  );
}
