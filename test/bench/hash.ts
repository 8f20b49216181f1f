import { randomFillSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHasher } from '@mlops/core/hash';
import { command } from '@mlops/core/process';
import { tool } from '@mlops/tools';
import { type Bench, interleave, type Measure, measured, seconds } from './bench.ts';

const goals = {
  sha256sum: { op: '>=', value: 1, of: 'ratio' },
  dvc: { op: '>=', value: 3, of: 'ratio' },
} as const;

/**
 * Hashing of a tree of large files and of one of small ones, all in the page cache, against sha256sum on as many
 * processes as there are cores and against what `dvc add` does to hash (md5, on its own threads), timed inside of dvc
 * so that its start does not count. "unchanged" is the same tree a second time, from the stat cache or dvc's state.
 */
const bench: Bench = {
  name: 'hash',
  async *measures({ quick }) {
    const folder = await mkdtemp(join(tmpdir(), 'bench-hash-'));
    const rounds = quick ? 3 : 5;
    try {
      const dvc = await prepareDvc(folder);
      const trees = [
        await makeTree(join(folder, 'large'), { files: 8, size: quick ? 2 ** 25 : 2 ** 28, perFolder: 8 }),
        await makeTree(join(folder, 'small'), { files: quick ? 5_000 : 50_000, size: 2_000, perFolder: 500 }),
      ];
      for (const tree of trees) {
        const ours = async () => tree.megabytes / (await hash(tree.folder));
        const sha256sum = async () => tree.megabytes / (await seconds(() => runSha256sum(tree)));
        const dvcFresh = async () => tree.megabytes / (await dvc.build(tree.folder)).fresh;
        await sha256sum(); // Brings the files into the page cache.
        yield rate(`${tree.name} files`, 'sha256sum', await interleave(ours, sha256sum, { rounds }));
        yield rate(`${tree.name} files`, 'dvc', await interleave(ours, dvcFresh, { rounds }));
      }
      const [, small] = trees;
      if (small) yield await unchanged(small, folder, dvc, rounds);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
export default bench;

interface Tree {
  name: string;
  folder: string;
  files: string[];
  megabytes: number;
}

function rate(name: string, peerName: keyof typeof goals, figures: { ours: number; peer: number }): Measure {
  return measured({ bench: 'hash', name, unit: 'MB/s', peerName, goal: goals[peerName], ...figures });
}

async function unchanged(tree: Tree, folder: string, dvc: Dvc, rounds: number): Promise<Measure> {
  const statCacheFile = join(folder, 'stat-cache');
  await sleep(3_000); // Younger files are not remembered.
  await hash(tree.folder, statCacheFile);
  const ours = async () => tree.megabytes / (await hash(tree.folder, statCacheFile));
  const peer = async () => tree.megabytes / (await dvc.build(tree.folder)).again;
  return rate(`${tree.name} files, unchanged`, 'dvc', await interleave(ours, peer, { rounds }));
}

/** Seconds for one tree, with everything that opening and closing a hasher takes. */
async function hash(folder: string, statCacheFile?: string): Promise<number> {
  return seconds(async () => {
    const hasher = await openHasher({ statCacheFile });
    await hasher.tree(folder);
    await hasher.close();
  });
}

async function runSha256sum({ files }: Tree): Promise<void> {
  const cores = availableParallelism();
  const each = Math.max(1, Math.min(1000, Math.floor(files.length / cores / 4)));
  const args = ['-0', '-P', String(cores), '-n', String(each), 'sha256sum'];
  await command('xargs', args, { input: files.join('\0') });
}

interface Dvc {
  /** Seconds of a first and of a second time in a fresh repository without state. */
  build(folder: string): Promise<{ fresh: number; again: number }>;
}

const dvcScript = `
import sys, time
from dvc.repo import Repo
from dvc_data.hashfile.build import build

with Repo('.') as repo:
    for name in ('fresh', 'again'):
        start = time.perf_counter()
        build(repo.cache.local, sys.argv[1], repo.dvcfs.repo.fs, 'md5', dry_run=True)
        print(name, time.perf_counter() - start)
`;

async function prepareDvc(folder: string): Promise<Dvc> {
  const program = await tool('dvc');
  const python = join(dirname(program), process.platform === 'win32' ? 'python.exe' : 'python');
  const script = join(folder, 'build.py');
  await writeFile(script, dvcScript);
  return {
    async build(tree) {
      const repository = await mkdtemp(join(folder, 'dvc-'));
      const state = join(repository, 'site');
      const env = { DVC_NO_ANALYTICS: '1', DVC_SITE_CACHE_DIR: state, DVC_GLOBAL_CONFIG_DIR: state };
      await command(program, ['init', '--quiet', '--no-scm'], { cwd: repository, env });
      const { stdout } = await command(python, [script, tree], { cwd: repository, env });
      await rm(repository, { recursive: true, force: true });
      const times = Object.fromEntries(stdout.split('\n').map((line) => line.split(' ')));
      return { fresh: Number(times.fresh), again: Number(times.again) };
    },
  };
}

async function makeTree(
  folder: string,
  { files, size, perFolder }: { files: number; size: number; perFolder: number },
): Promise<Tree> {
  const content = Buffer.alloc(size);
  for (let i = 0; i < files; i++) {
    const parent = join(folder, String(Math.floor(i / perFolder)));
    if (i % perFolder === 0) await mkdir(parent, { recursive: true });
    randomFillSync(content, 0, Math.min(size, 64));
    await writeFile(join(parent, `${i}.bin`), content);
  }
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return {
    name: size >= 2 ** 20 ? 'large' : 'small',
    folder,
    files: entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)),
    megabytes: (files * size) / 1e6,
  };
}
