import { readFile } from 'node:fs/promises';
import { diskOf } from './free-space.ts';

/** A file system as the kernel lists it: https://man7.org/linux/man-pages/man5/fstab.5.html. */
export interface Mount {
  folder: string;
  type: string;
  isReadOnly: boolean;
}

/** A mount with the bytes that are free on it. */
export type MountWithSpace = Mount & { free: number };

/** Reads /proc/mounts, where spaces, tabs, line breaks and backslashes of names are octal numbers. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [, folder, type, options] = line.split(' ');
    if (!folder || !type || !options) return [];
    return [{ folder: unescaped(folder), type, isReadOnly: options.split(',').includes('ro') }];
  });
}

/** The mounts of this machine that could hold images: real disks, each once. */
export async function mountsWithSpace(file = '/proc/mounts'): Promise<MountWithSpace[]> {
  const mounts = parseMounts(await readFile(file, 'utf8').catch(() => ''));
  const devices = new Set<number>();
  const found: MountWithSpace[] = [];
  for (const mount of mounts) {
    if (!holdsImages(mount)) continue;
    const disk = await diskOf(mount.folder).catch(() => undefined);
    if (!disk || devices.has(disk.device)) continue;
    devices.add(disk.device);
    found.push({ ...mount, free: disk.free });
  }
  return found;
}

/** File systems that overlayfs may lie on: https://docs.docker.com/engine/storage/drivers/overlayfs-driver/. */
export function holdsImages({ type, isReadOnly }: Mount): boolean {
  return !isReadOnly && ['ext4', 'xfs', 'btrfs'].includes(type);
}

function unescaped(name: string): string {
  return name.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
