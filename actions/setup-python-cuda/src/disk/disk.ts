import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '@mlops/core';
import type { Plan, Target } from '../plan.ts';
import { shownFrom } from '../shown-path.ts';
import { readToml } from '../toml-file.ts';
import { packagesToInstall } from './dry-run.ts';
import { reclaimable } from './reclaim.ts';
import { type PackageSize, sizesInLock } from './wheel-sizes.ts';

const gigabyte = 1e9;
/** With so much free space nothing is asked: no environment of today needs it. */
const ample = 20 * gigabyte;
/** Unpacked wheels are at least so many times as large (compressed GPU code), and at most so many (Python and data). */
const unpacked = { least: 1.5, most: 5 };

/** A file system that an installation writes to. */
export interface Disk {
  /** The folder on it that is written to. */
  folder: string;
  free: number;
  /** How often each unpacked package lies on it. */
  copies: number;
}

/**
 * Refuses an installation for which there is no room, before anything is downloaded. Where space is ample, or the lock
 * tells sizes that surely fit, this asks nobody; otherwise uv is asked what it would install.
 */
export async function requireSpace(target: Target, plan: Plan, uvCache: string): Promise<void> {
  const disks = await disksOf(uvCache, target.venv);
  if (disks.every(({ free }) => free >= ample)) return;
  // What comes for another CUDA than the lock's is not in it.
  const inLock = target.selection.cuda ? undefined : await lockedSizes(target);
  if (inLock && !tooSmall(disks, unpacked.most * total(inLock))) return;
  const packages = await packagesToInstall(target, plan, inLock);
  if (!packages) return; // Whatever hinders uv from telling is told by the installation itself.
  const needed = unpacked.least * total(packages);
  const disk = tooSmall(disks, needed);
  if (!disk) return;
  throw new UserError(
    `the packages need at least ${shown(needed * disk.copies)} in ${disk.folder}, where ${shown(disk.free)} are free. The largest: ${largest(packages)}`,
    { advice: await spaceAdvice(disk.folder, uvCache, target.signal) },
  );
}

/** What to do where an installation has filled the disk all the same. */
export async function diskFull(target: Target, uvCache: string, cause: unknown): Promise<UserError> {
  const disks = await disksOf(uvCache, target.venv);
  const [disk] = disks.toSorted((a, b) => a.free - b.free);
  const folder = disk?.folder ?? target.venv;
  return new UserError(
    `the disk of ${folder} became full while packages were installed; without what uv has not finished, ${shown(disk?.free ?? 0)} are free`,
    {
      cause,
      advice: await spaceAdvice(folder, uvCache, target.signal),
    },
  );
}

/** The first disk that so many bytes of unpacked packages do not fit on. */
export function tooSmall(disks: readonly Disk[], bytes: number): Disk | undefined {
  return disks.find(({ free, copies }) => bytes * copies > free);
}

/** The file systems of uv's cache and of the environment, which links to the cache where both are the same. */
async function disksOf(uvCache: string, venv: string): Promise<Disk[]> {
  const [cache, environment] = [await existing(uvCache), await existing(venv)];
  const isOne = (await stat(cache)).dev === (await stat(environment)).dev;
  const copied = process.env.UV_LINK_MODE === 'copy';
  if (isOne) return [{ folder: cache, free: await freeSpace(cache), copies: copied ? 2 : 1 }];
  return [
    { folder: cache, free: await freeSpace(cache), copies: 1 },
    { folder: environment, free: await freeSpace(environment), copies: 1 },
  ];
}

async function freeSpace(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** The folder, or the closest above it that there is. */
async function existing(folder: string): Promise<string> {
  const there = await stat(folder).then(
    () => true,
    () => false,
  );
  return there || dirname(folder) === folder ? folder : existing(dirname(folder));
}

async function lockedSizes({ project, python, workspace }: Target): Promise<PackageSize[] | undefined> {
  const [file] = project.files;
  if (!file || (project.manager !== 'uv' && project.manager !== 'pylock')) return undefined;
  const { platform, arch } = process;
  return sizesInLock(await readToml(file, shownFrom(workspace, file)), {
    platform,
    arch,
    python: python.version,
  });
}

async function spaceAdvice(folder: string, uvCache: string, signal: AbortSignal): Promise<string> {
  const found = await reclaimable(folder, uvCache, signal);
  const list = found.map(({ what, bytes }) => `${what} (${shown(bytes)})`).join(', ');
  return `${list ? `Free space in an earlier step: ${list}. Or use` : 'Use'} a runner with a larger disk, let 'cache-local-path' and 'venv' name folders on another one, or take PyTorch without its GPU libraries: 'cuda: cpu'.`;
}

function largest(packages: readonly PackageSize[]): string {
  return packages
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, 5)
    .map(({ name, version, bytes }) => `${name} ${version} (${shown(bytes)})`)
    .join(', ');
}

function total(packages: readonly PackageSize[]): number {
  return packages.reduce((sum, { bytes }) => sum + bytes, 0);
}

function shown(bytes: number): string {
  return bytes >= gigabyte ? `${(bytes / gigabyte).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}
