import { hash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { group, UserError } from '@mlops/core';
import { CommandError, script } from '@mlops/core/process';
import { type Package, unpack } from '@mlops/model-package';
import * as z from 'zod';
import type { Deployment } from './deployment.ts';

const releaseSchema = z.object({
  schema: z.literal(1),
  revision: z.string(),
  packageDigest: z.string(),
  modelDigest: z.string(),
  serve: z.string(),
});

/** A package that is unpacked and installed. */
export type Release = z.infer<typeof releaseSchema>;

/** The same package, installed and served the same way, is the same revision. */
export function revisionOf(digest: string, install: string | undefined, serve: string): string {
  return hash('sha256', JSON.stringify([digest, install ?? '', serve])).slice(0, 12);
}

/** The release of a revision; undefined unless it was completely installed. */
export async function readRelease(deployment: Deployment, revision: string): Promise<Release | undefined> {
  try {
    const text = await readFile(join(deployment.releaseFolder(revision), 'release.json'), 'utf8');
    return releaseSchema.parse(JSON.parse(text));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export interface Ingredients {
  package: Package;
  install: string | undefined;
  serve: string;
}

/** Unpacks and installs a package; what a failed attempt leaves is removed. */
export async function makeRelease(
  deployment: Deployment,
  revision: string,
  { package: pack, install, serve }: Ingredients,
  signal: AbortSignal,
): Promise<Release> {
  const folder = deployment.releaseFolder(revision);
  const app = join(folder, 'app');
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(app, { recursive: true });
    await unpack(pack, app, signal);
    const { digest, manifest } = pack;
    const release: Release = {
      schema: 1,
      revision,
      packageDigest: digest,
      modelDigest: manifest.model.digest,
      serve,
    };
    if (install) await runInstall(install, app, release, signal);
    await writeFile(join(folder, 'release.json'), `${JSON.stringify(release, null, 2)}\n`);
    return release;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function runInstall(
  install: string,
  cwd: string,
  release: Release,
  signal: AbortSignal,
): Promise<void> {
  const env = { MLOPS_REVISION: release.revision, MLOPS_MODEL_DIGEST: release.modelDigest };
  try {
    await group('Install', () => script(install, { cwd, env, signal, onLine: (line) => console.log(line) }));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new UserError(`the release cannot be installed: ${error.message}`, {
      cause: error,
      advice: "The log above has its output; check the input 'install', which runs in the unpacked package.",
    });
  }
}

/** Removes what is not to be kept: releases that left the history, and halves that an interrupted deployment left. */
export async function prune(deployment: Deployment, keep: number): Promise<string[]> {
  const { live, history } = deployment.state;
  const older = history.filter((revision) => revision !== live?.revision);
  const kept = [...(live ? [live.revision] : []), ...older].slice(0, keep);
  await deployment.update({ history: history.filter((revision) => kept.includes(revision)) });
  const removed = (await readdir(join(deployment.folder, 'releases'))).filter((name) => !kept.includes(name));
  for (const revision of removed)
    await rm(deployment.releaseFolder(revision), { recursive: true, force: true, maxRetries: 3 });
  return removed;
}
