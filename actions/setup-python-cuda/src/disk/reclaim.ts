import { stat } from 'node:fs/promises';
import { command } from '@mlops/core/process';
import { folderSize } from './folder-size.ts';

/** Something that takes space and can be had again. */
export interface Reclaimable {
  /** What to remove, or the command that does. */
  what: string;
  bytes: number;
}

/** What GitHub's hosted runners bring and a job in Python does without: https://github.com/actions/runner-images. */
const preinstalled: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: [
    '/usr/local/lib/android',
    '/usr/share/dotnet',
    '/opt/ghc',
    '/usr/local/.ghcup',
    '/opt/hostedtoolcache/CodeQL',
    '/usr/share/swift',
    '/usr/local/share/boost',
    '/usr/local/julia',
  ],
  darwin: ['/Library/Developer/CoreSimulator', '/Users/runner/Library/Android'],
  win32: ['C:\\Android', 'C:\\Program Files\\dotnet', 'C:\\hostedtoolcache\\windows\\CodeQL'],
};

const worthNaming = 50e6;

/** What could make room on a folder's file system, the largest first, with its present size. */
export async function reclaimable(
  folder: string,
  uvCache: string,
  signal: AbortSignal,
  folders: readonly string[] = preinstalled[process.platform] ?? [],
): Promise<Reclaimable[]> {
  const device = await deviceOf(folder);
  const sized = async (path: string, what: string): Promise<Reclaimable> => ({
    what,
    bytes: (await deviceOf(path)) === device ? await folderSize(path) : 0,
  });
  const found = await Promise.all([
    ...folders.map((path) => sized(path, path)),
    sized(uvCache, "'uv cache prune' or 'uv cache clean'"),
    dockerImages(signal),
  ]);
  return found.filter(({ bytes }) => bytes >= worthNaming).sort((a, b) => b.bytes - a.bytes);
}

async function deviceOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ dev }) => dev,
    () => undefined,
  );
}

/** Images that no container uses. Where there is no Docker, or none that answers soon, nothing. */
async function dockerImages(signal: AbortSignal): Promise<Reclaimable> {
  const args = ['system', 'df', '--format', '{{.Type}}\t{{.Reclaimable}}'];
  const soon = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  const { stdout } = await command('docker', args, { signal: soon, tolerate: true }).catch(() => ({
    stdout: '',
  }));
  signal.throwIfAborted();
  return { what: "'docker image prune --all'", bytes: imageBytes(stdout) };
}

/** Bytes in a line such as `Images<tab>12.3GB (80%)`. */
export function imageBytes(said: string): number {
  const [, amount, unit = ''] = /^Images\t([\d.]+)([kMGT]?)B/m.exec(said) ?? [];
  return amount
    ? Number(amount) * { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 }[unit as '' | 'k' | 'M' | 'G' | 'T']
    : 0;
}
