import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildReleaseTree, type ReleaseTree } from '@mlops/release';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The actions as they are released, in a folder that the caller removes. */
export async function releaseTree(): Promise<ReleaseTree> {
  return buildReleaseTree({ root, out: join(await mkdtemp(join(tmpdir(), 'bench-release-')), 'tree') });
}
