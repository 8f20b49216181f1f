import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { amount } from './amount.ts';

/** The file system that a folder is on, or would be if it were made. */
export interface Disk {
  /** The folder, or the closest above it that there is. */
  folder: string;
  /** Tells file systems apart. */
  device: number;
  /** Bytes. */
  size: number;
  /** Bytes that may be written without being root. */
  free: number;
  /** Files that may still be made; undefined for file systems that do not count them. */
  freeFiles: number | undefined;
}

/** Looks at the file system of a folder that need not exist yet. */
export async function diskOf(folder: string): Promise<Disk> {
  const found = await stat(folder).catch(() => undefined);
  if (!found) {
    const above = dirname(folder);
    if (above !== folder) return diskOf(above);
  }
  const { bsize, blocks, bavail, files, ffree } = await statfs(folder);
  return {
    folder,
    device: found?.dev ?? 0,
    size: blocks * bsize,
    free: bavail * bsize,
    freeFiles: files > 0 ? ffree : undefined,
  };
}

/** The file systems of folders, each once, with the folders that are on it; those that cannot be read are left out. */
export async function disksOf(folders: readonly string[]): Promise<(Disk & { folders: string[] })[]> {
  const disks = new Map<number, Disk & { folders: string[] }>();
  for (const folder of new Set(folders)) {
    const disk = await diskOf(folder).catch(() => undefined);
    if (!disk) continue;
    const known = disks.get(disk.device);
    if (known) known.folders.push(folder);
    else disks.set(disk.device, { ...disk, folders: [folder] });
  }
  return [...disks.values()];
}

/** What `df` would show of these file systems, one to a line. */
export function diskTable(disks: readonly (Disk & { folders: string[] })[]): string {
  const rows = disks.map(({ folders, size, free, freeFiles }) => [
    amount(size),
    amount(size - free),
    amount(free),
    `${size ? Math.round(((size - free) / size) * 100) : 0} %`,
    freeFiles === undefined ? '-' : String(freeFiles),
    folders.join(', '),
  ]);
  const table = [['Size', 'Used', 'Free', 'Use', 'Free files', 'Folder'], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
}
