import { randomUUID } from 'node:crypto';
import { lstat, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { asRoot } from './as-root.ts';
import { diskOf } from './free-space.ts';

/** How much is removed: what no build or deployment of a model uses, or whatever a later step can do without. */
export type ReclaimLevel = 'none' | 'safe' | 'all';

interface Item {
  name: string;
  /** From the root of the file system, without the slash. */
  paths: readonly string[];
  level: Exclude<ReclaimLevel, 'none'>;
}

/**
 * What GitHub's hosted Linux runners bring: https://github.com/actions/runner-images/tree/main/images/ubuntu. `all`
 * takes tools that other steps may be written in or deploy with, and never Docker, Node, Python, Go, git or the
 * clouds' programs.
 */
const items: readonly Item[] = [
  { name: 'Android SDK', paths: ['usr/local/lib/android'], level: 'safe' },
  { name: '.NET', paths: ['usr/share/dotnet', 'usr/lib/dotnet'], level: 'safe' },
  { name: 'Haskell', paths: ['opt/ghc', 'usr/local/.ghcup'], level: 'safe' },
  { name: 'CodeQL', paths: ['opt/hostedtoolcache/CodeQL'], level: 'safe' },
  { name: 'Swift', paths: ['usr/share/swift'], level: 'safe' },
  { name: 'Boost', paths: ['usr/local/share/boost'], level: 'safe' },
  { name: 'Julia', paths: ['usr/local/julia*'], level: 'safe' },
  { name: 'PyPy', paths: ['opt/hostedtoolcache/PyPy'], level: 'all' },
  { name: 'Ruby', paths: ['opt/hostedtoolcache/Ruby'], level: 'all' },
  { name: 'Java', paths: ['usr/lib/jvm', 'usr/share/gradle*', 'usr/share/apache-maven*'], level: 'all' },
  { name: 'PowerShell modules', paths: ['usr/local/share/powershell'], level: 'all' },
  { name: 'Miniconda', paths: ['usr/share/miniconda'], level: 'all' },
  { name: 'vcpkg', paths: ['usr/local/share/vcpkg'], level: 'all' },
  {
    name: 'Browsers',
    paths: ['usr/local/share/chromium', 'opt/google/chrome', 'opt/microsoft/msedge', 'usr/lib/firefox'],
    level: 'all',
  },
  { name: 'LLVM', paths: ['usr/lib/llvm-*'], level: 'all' },
];

/** What was removed, or could be. */
export interface Reclaimed {
  name: string;
  bytes: number;
  /** Milliseconds that the removal took; 0 for what is still there. */
  ms: number;
}

export interface ReclaimResult {
  items: Reclaimed[];
  /** Bytes by which the free space of the root grew; others write there, too. */
  gained: number;
  ms: number;
  /** Why nothing was touched, for a notice. */
  skipped?: string;
}

export interface ReclaimOptions {
  signal: AbortSignal;
  /** The runner's environment. */
  env?: NodeJS.ProcessEnv;
  /** The root of the file system. */
  root?: string;
  platform?: NodeJS.Platform;
}

/** Why a machine is left alone; undefined for a runner that GitHub hosts, which is gone after the job. */
export function whyNotHosted({
  env = process.env,
  platform = process.platform,
}: Pick<ReclaimOptions, 'env' | 'platform'> = {}): string | undefined {
  if (platform !== 'linux') return `this runner runs ${platform}, not Linux`;
  if (env.RUNNER_ENVIRONMENT !== 'github-hosted')
    return `this runner is ${env.RUNNER_ENVIRONMENT || 'no runner of GitHub'}, and its disk is not ours to clear`;
  // Images of one's own, as larger runners may have, do not tell theirs.
  if (!env.ImageOS) return 'this runner does not say that it has an image of GitHub (ImageOS)';
  return undefined;
}

/** Makes room on a runner that GitHub hosts. What cannot be removed is left and counts nothing. */
export async function reclaim(level: ReclaimLevel, options: ReclaimOptions): Promise<ReclaimResult> {
  const skipped = level === 'none' ? undefined : whyNotHosted(options);
  if (level === 'none' || skipped !== undefined)
    return { items: [], gained: 0, ms: 0, ...(skipped === undefined ? {} : { skipped }) };
  const { root = '/', signal } = options;
  const started = performance.now();
  const before = (await diskOf(root)).free;
  const found = await Promise.all(
    chosen(level).map(async (item) => removed(item.name, await present(root, item.paths), signal)),
  );
  if (level === 'all') found.push(await withoutSwap(root, signal));
  return {
    items: found.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes),
    gained: Math.max(0, (await diskOf(root)).free - before),
    ms: Math.round(performance.now() - started),
  };
}

/** What `reclaim` would remove, with its size; nothing on other machines. */
export async function reclaimable(
  level: Exclude<ReclaimLevel, 'none'>,
  options: ReclaimOptions,
): Promise<Reclaimed[]> {
  if (whyNotHosted(options) !== undefined) return [];
  const { root = '/', signal } = options;
  const found = await Promise.all(
    chosen(level).map(async ({ name, paths }) => ({
      name,
      bytes: await sizeOf(await present(root, paths), signal),
      ms: 0,
    })),
  );
  return found.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
}

function chosen(level: Exclude<ReclaimLevel, 'none'>): readonly Item[] {
  return items.filter((item) => level === 'all' || item.level === 'safe');
}

/** Folders that are really there under the root: nothing behind a link is touched. */
async function present(root: string, patterns: readonly string[]): Promise<string[]> {
  const { glob } = await import('node:fs/promises');
  const real = await realpath(root);
  const found: string[] = [];
  for (const pattern of patterns)
    for await (const path of glob(pattern, { cwd: real })) {
      const whole = join(real, path);
      const isFolder = (await lstat(whole).catch(() => undefined))?.isDirectory();
      if (isFolder && (await realpath(whole).catch(() => '')) === whole) found.push(whole);
    }
  return found;
}

/** Renamed first, so that a tool is whole or gone also where the job is cancelled meanwhile. */
async function removed(name: string, paths: readonly string[], signal: AbortSignal): Promise<Reclaimed> {
  const started = performance.now();
  const aside: string[] = [];
  for (const path of paths) {
    const target = join(dirname(path), `.reclaimed-${randomUUID()}`);
    const { exitCode } = await asRoot(['mv', '--no-target-directory', path, target], { signal });
    if (exitCode === 0) aside.push(target);
  }
  if (!aside.length) return { name, bytes: 0, ms: 0 };
  const bytes = await sizeOf(aside, signal);
  const { exitCode } = await asRoot(['rm', '-rf', '--one-file-system', ...aside], { signal });
  const left = exitCode === 0 ? 0 : await sizeOf(aside, signal);
  return { name, bytes: bytes - left, ms: Math.round(performance.now() - started) };
}

/** The file that memory is swapped to, where the kernel lets go of it: then everything in it fits into memory. */
async function withoutSwap(root: string, signal: AbortSignal): Promise<Reclaimed> {
  const started = performance.now();
  let bytes = 0;
  for (const file of [join(root, 'mnt/swapfile'), join(root, 'swapfile')]) {
    const found = await lstat(file).catch(() => undefined);
    if (!found?.isFile() || (await asRoot(['swapoff', file], { signal })).exitCode !== 0) continue;
    if ((await asRoot(['rm', '-f', file], { signal })).exitCode === 0) bytes += found.blocks * 512;
  }
  return { name: 'Swap file', bytes, ms: Math.round(performance.now() - started) };
}

/** Bytes on disk, as `du` counts them. */
async function sizeOf(paths: readonly string[], signal: AbortSignal): Promise<number> {
  if (!paths.length) return 0;
  const { stdout } = await asRoot(['du', '--summarize', '--one-file-system', '--block-size=1', ...paths], {
    signal,
  });
  return stdout.split('\n').reduce((sum, line) => sum + (Number.parseInt(line, 10) || 0), 0);
}
