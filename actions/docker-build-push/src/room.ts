import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, bytesText } from '@mlops/core';
import type { Builder } from './buildx/builder.ts';
import { bytesOf } from './inspect.ts';
import type { Recipe } from './recipe.ts';
import type { ActionContext, Inputs } from './request.ts';
import type { Source } from './source.ts';

/** Docker keeps images and the state of builders in containers here unless it was told otherwise. */
const dockerRoot = '/var/lib/docker';

/** Makes room on the disk as far as the inputs ask for it, before there is a builder. */
export async function makeRoom(inputs: Inputs, { signal, summary }: ActionContext): Promise<void> {
  if (inputs.reclaimDisk !== 'none') {
    const { reclaim } = await import('./disk/reclaim.ts');
    const { items, gained, ms, skipped } = await reclaim(inputs.reclaimDisk, { signal });
    if (skipped) annotate('notice', `No room was made on the disk: ${skipped}.`);
    else {
      const told = `Made ${bytesText(gained)} of room on the disk in ${(ms / 1000).toFixed(1)} s`;
      console.log(
        [`${told}:`, ...items.map(({ name, bytes }) => `  ${name} ${bytesText(bytes)}`)].join('\n'),
      );
      summary.push(`${told}.`);
    }
  }
  if (!inputs.dataRoot || (inputs.driver !== undefined && inputs.driver !== 'docker')) return;
  if (inputs.driver === undefined && !isHosted()) return;
  const folder = await dataRoot(inputs.dataRoot);
  if (!folder) return;
  const { relocateDocker } = await import('./disk/relocate.ts');
  console.log((await relocateDocker(folder, { signal })).because);
}

/** Has a builder that is about to start keep its state on the larger disk. */
export async function moveBuilder(inputs: Inputs, node: string, signal: AbortSignal): Promise<void> {
  if (!inputs.dataRoot) return;
  const folder = await dataRoot(inputs.dataRoot);
  if (!folder) return;
  const { relocateBuilder } = await import('./disk/relocate.ts');
  console.log((await relocateBuilder(node, join(folder, node), { signal })).because);
}

async function dataRoot(given: string): Promise<string | undefined> {
  if (given !== 'auto') return given;
  const [{ chooseDataRoot }, { mountsWithSpace }] = await Promise.all([
    import('./disk/data-root.ts'),
    import('./disk/mounts.ts'),
  ]);
  const { folder, because } = chooseDataRoot(await mountsWithSpace(), dockerRoot, 'mlops-docker');
  console.log(because);
  return folder;
}

/**
 * Looks whether there is room for a build, where the builder is on this machine: before minutes go by, and what else
 * runs here loses its disk.
 *
 * @throws UserError that says what is needed and free, and where
 */
export async function requireRoomFor(
  inputs: Inputs,
  { signal, github }: ActionContext,
  about: {
    source: Source;
    recipe: Recipe;
    builder: Builder;
    image: number;
    output: string | undefined;
  },
): Promise<void> {
  const { source, recipe, builder, image, output } = about;
  const minFree = inputs.minFree === undefined ? undefined : freeBytes(inputs.minFree);
  if (minFree === 0 || process.platform !== 'linux') return;
  const isLocal = builder.driver.startsWith('docker') && existsSync(dockerRoot);
  if (!source.isFolder || (!isLocal && minFree === undefined)) return;
  const [{ requireRoom }, { contextSize }, { reclaimable }] = await Promise.all([
    import('./disk/room.ts'),
    import('./disk/context-size.ts'),
    import('./disk/reclaim.ts'),
  ]);
  // The one beside the Dockerfile goes before the context's own.
  const rules = await readFile(`${recipe.file}.dockerignore`, 'utf8')
    .catch(() => readFile(join(source.context, '.dockerignore'), 'utf8'))
    .catch(() => '');
  const { bytes } = await contextSize(source.context, rules, signal);
  await requireRoom(
    {
      ...{ context: bytes, image, output, minFree, temp: github.temp },
      builder: isLocal ? dockerRoot : github.temp,
      ...(inputs.load && isLocal && { docker: dockerRoot }),
    },
    () => reclaimable('safe', { signal }),
  );
}

function freeBytes(written: string): number {
  return written.trim() === '0' ? 0 : bytesOf('min-free', written);
}

function isHosted(): boolean {
  return process.env.RUNNER_ENVIRONMENT === 'github-hosted';
}
