import { lstatSync, mkdirSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';

/** As the kernel has it. */
const maxLinks = 40;

/**
 * Where `path` of a file system below `root` really is: links are followed as if `root` were `/`, save the last part's,
 * so that nothing in an image leads out of it. Folders on the way that are not there are made where `create` says so.
 *
 * @throws Error where links go in circles
 */
export function pathInRoot(root: string, path: string, create = false): string {
  const normal = posix.normalize(`/${path}`).replace(/(.)\/$/, '$1');
  if (normal === '/') return root;
  return join(folderInRoot(root, dirname(normal), create), basename(normal));
}

/** The same with the last part's link followed, too. */
export function folderInRoot(root: string, path: string, create = false): string {
  const pending = partsOf(path);
  const done: string[] = [];
  let links = 0;
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    if (part === '..') {
      done.pop();
      continue;
    }
    const here = join(root, ...done, part);
    const found = lstatSync(here, { throwIfNoEntry: false });
    if (found?.isSymbolicLink()) {
      links += 1;
      if (links > maxLinks) throw new Error(`the links of ${path} in the image go in circles`);
      const target = readlinkSync(here);
      if (target.startsWith('/')) done.length = 0;
      pending.unshift(...partsOf(target));
      continue;
    }
    if (!found && create) mkdirSync(here);
    done.push(part);
  }
  return join(root, ...done);
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
