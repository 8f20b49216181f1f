import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[\\/]$/, '');

const { repository } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { repository: string };

/** `owner/name`, by which users name this repository. */
export const slug = repository.replace('github:', '');

/** Names of the folders below `folder` that hold `file`, sorted. */
export async function foldersWith(folder: string, file: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(root, folder, entry.name, file)))
    .map(({ name }) => name)
    .sort();
}
