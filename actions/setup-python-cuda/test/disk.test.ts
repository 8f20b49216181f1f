import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diskFull, tooSmall } from '../src/disk/disk.ts';
import { readDryRun } from '../src/disk/dry-run.ts';
import { folderSize } from '../src/disk/folder-size.ts';
import { imageBytes, reclaimable } from '../src/disk/reclaim.ts';
import { fits, sizesInLock } from '../src/disk/wheel-sizes.ts';
import { saysDiskFull } from '../src/failure/causes.ts';
import type { Target } from '../src/plan.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disk-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the wheel that fits', () => {
  const linux = { platform: 'linux', arch: 'x64', python: '3.12.4' } as const;
  const mac = { platform: 'darwin', arch: 'arm64', python: '3.12.4' } as const;
  const windows = { platform: 'win32', arch: 'x64', python: '3.12.4' } as const;

  test.each([
    ['six-1.16.0-py2.py3-none-any.whl', linux, true],
    ['torch-2.9.0-cp312-cp312-manylinux_2_28_x86_64.whl', linux, true],
    ['torch-2.9.0-cp312-cp312-manylinux_2_28_aarch64.whl', linux, false],
    ['torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl', linux, false],
    ['torch-2.9.0-cp312-cp312-win_amd64.whl', linux, false],
    ['torch-2.9.0-cp312-cp312-win_amd64.whl', windows, true],
    ['torch-2.9.0-cp312-none-macosx_11_0_arm64.whl', mac, true],
    ['numpy-2.2.6-cp312-cp312-macosx_10_13_x86_64.whl', mac, false],
    ['regex-1-cp312-cp312-macosx_10_13_universal2.whl', mac, true],
    ['cryptography-46-cp311-abi3-manylinux_2_34_x86_64.whl', linux, true],
    ['cryptography-46-cp313-abi3-manylinux_2_34_x86_64.whl', linux, false],
    ['ruff-0.14.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl', linux, true],
    ['numpy-2.2.6-pp312-pypy312_pp73-musllinux_1_2_x86_64.whl', linux, true],
    ['build-1-2-cp312-cp312-linux_x86_64.whl', linux, true],
  ])('%s on %j: %s', (wheel, target, expected) => {
    expect(fits(wheel, target)).toBe(expected);
  });

  test('is the one whose size counts, in uv.lock as in pylock.toml', () => {
    const entry = {
      name: 'torch',
      version: '2.9.0',
      sdist: { url: 'https://index/torch-2.9.0.tar.gz', size: 7 },
      wheels: [
        { url: 'https://index/torch-2.9.0%2Bcpu-cp312-cp312-manylinux_2_28_x86_64.whl', size: 200 },
        { url: 'https://index/torch-2.9.0-cp312-cp312-manylinux_2_28_x86_64.whl#sha256=1', size: 900 },
        { url: 'https://index/torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl', size: 901 },
      ],
    };
    const expected = [{ name: 'torch', version: '2.9.0', bytes: 900 }];
    expect(sizesInLock({ package: [entry] }, linux)).toEqual(expected);
    expect(sizesInLock({ packages: [entry] }, linux)).toEqual(expected);
    expect(sizesInLock({ package: [{ name: 'demo', version: '0.1.0' }] }, linux)).toEqual([
      { name: 'demo', version: '0.1.0', bytes: 0 },
    ]);
  });

  test('is its source where there is no wheel, and unknown where the lock tells no size', () => {
    const docopt = {
      name: 'docopt',
      version: '0.6.2',
      sdist: { url: 'https://index/docopt.tar.gz', size: 25 },
    };
    expect(sizesInLock({ package: [docopt] }, linux)?.[0]?.bytes).toBe(25);
    const unsized = { name: 'six', version: '1', wheels: [{ url: 'https://index/six-1-py3-none-any.whl' }] };
    expect(sizesInLock({ packages: [docopt, unsized] }, linux)).toBeUndefined();
  });
});

describe('the space', () => {
  const gigabyte = 1e9;

  test('is too small on the disk that has less than its share', () => {
    const cache = { folder: '/cache', free: 5 * gigabyte, copies: 1 };
    const venv = { folder: '/venv', free: 2 * gigabyte, copies: 1 };
    expect(tooSmall([cache, venv], gigabyte)).toBeUndefined();
    expect(tooSmall([cache, venv], 3 * gigabyte)).toBe(venv);
    expect(tooSmall([{ ...cache, copies: 2 }], 3 * gigabyte)?.folder).toBe('/cache');
  });

  test('that suffices for more suffices for less', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ folder: fc.string(), free: fc.nat(), copies: fc.integer({ min: 1, max: 2 }) })),
        fc.nat(),
        fc.nat(),
        (disks, bytes, less) => {
          if (!tooSmall(disks, bytes)) expect(tooSmall(disks, Math.max(0, bytes - less))).toBeUndefined();
        },
      ),
    );
  });

  test.each([
    'error: Failed to install: x.whl\n  cause: No space left on device (os error 28)',
    'error: There is not enough space on the disk. (os error 112)',
    'cause: Disk quota exceeded (os error 122)',
  ])('has run out where uv says: %s', (said) => {
    expect(saysDiskFull(said)).toBe(true);
  });

  test('that has run out is named, with what to do', async () => {
    const target = { venv: join(folder, '.venv'), signal: AbortSignal.timeout(60_000) } as Target;
    const cause = new Error('No space left on device');
    const error = await diskFull(target, join(folder, 'cache'), cause);
    expect(error.message).toMatch(
      /^the disk of .*disk-\w+ became full while packages were installed; .* are free$/,
    );
    expect(error.advice).toMatch(/[Uu]se a runner with a larger disk, let 'cache-local-path' and 'venv'/);
    expect(error.cause).toBe(cause);
  });

  test('has not run out where uv says something else', () => {
    expect(saysDiskFull('error: Failed to download: No route to host (os error 113)')).toBe(false);
  });
});

test('what uv would do is read from its dry run', () => {
  const said =
    'Resolved 3 packages in 1ms\nWould download 1 package\nWould uninstall 1 package\nWould install 2 packages\n - six==1.15.0\n + six==1.16.0\n + numpy==2.2.6\n + demo==0.1.0 (from file:///work)';
  expect(readDryRun(said)).toEqual({ names: new Set(['six==1.16.0', 'numpy==2.2.6']), downloads: 1 });
  expect(readDryRun('Would make no changes')).toEqual({ names: new Set(), downloads: 0 });
});

describe('what could be freed', () => {
  test('is listed with its size, the largest first, without what is small or not there', async () => {
    for (const [name, bytes] of [
      ['large', 90e6],
      ['cache', 60e6],
      ['small', 1e6],
    ] as const) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'file'), '');
      await truncate(join(folder, name, 'file'), bytes);
    }
    const folders = ['small', 'large', 'absent'].map((name) => join(folder, name));
    const found = await reclaimable(folder, join(folder, 'cache'), AbortSignal.timeout(30_000), folders);
    expect(found.filter(({ what }) => !what.includes('docker'))).toEqual([
      { what: join(folder, 'large'), bytes: 90e6 },
      { what: "'uv cache prune' or 'uv cache clean'", bytes: 60e6 },
    ]);
    expect(await folderSize(folder)).toBe(151e6);
  });

  test.each([
    ['Images\t12.5GB (80%)\nContainers\t1GB', 12.5e9],
    ['Images\t0B\n', 0],
    ['', 0],
  ])('of Docker: %j', (said, bytes) => {
    expect(imageBytes(said)).toBe(bytes);
  });
});
