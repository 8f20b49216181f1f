import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildReleaseTree } from '@mlops/release';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    release: { folder: string; slug: string; refs: string[] };
  }
}

/** Builds what a tag would hold once for all tests, and removes it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const out = await mkdtemp(join(tmpdir(), 'mlops-release-'));
  const remove = () => rm(out, { recursive: true, force: true });
  try {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const { slug, version } = await buildReleaseTree({ root, out });
    project.provide('release', { folder: out, slug, refs: [`v${version}`, 'v1'] });
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}
