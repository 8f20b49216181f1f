import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '@mlops/core';
import type { ArtifactStore } from '@mlops/core/store';

/**
 * Uploads the page by itself, too: a browser shows it as it is, while an archive has to be unpacked first. Where the
 * service does not take files without an archive there is only that.
 */
export async function showable(
  page: string,
  name: string,
  store: ArtifactStore,
): Promise<number | undefined> {
  const folder = await mkdtemp(join(dirname(page), 'page-'));
  const path = join(folder, `${name.replace(/[\\/:"<>|*?\s]/g, '-')}.html`);
  try {
    await copyFile(page, path);
    return (await store.saveFile(path)).id;
  } catch (error) {
    console.log(`The page is in the artifact ${name} only: ${messageOf(error)}`);
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
