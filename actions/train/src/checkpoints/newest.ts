import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate } from '@mlops/core';
import type { Hasher } from '@mlops/core/hash';
import type { Manifest } from './manifest.ts';
import type { Remote } from './remote.ts';
import { damageOf, type Vault } from './vault.ts';

/** Earlier checkpoints that are tried when the newest in the store is damaged. */
const triedBack = 3;

export interface Newest {
  /** Lies in the vault; undefined when a training starts anew. */
  manifest: Manifest | undefined;
  /** The highest number that was given out so far, also to a damaged checkpoint. */
  highest: number;
}

/** The newest checkpoint that is whole, of those on this machine and in the store. Damaged ones are told. */
export async function newestWhole(vault: Vault, remote: Remote | undefined, hasher: Hasher): Promise<Newest> {
  const local = await newestHere(vault);
  if (!remote || (local.manifest && (await remote.newest()) <= local.manifest.sequence)) return local;
  const folder = join(vault.folder, 'fetched');
  try {
    const there = await newestThere(remote, folder, vault.identity, hasher);
    const highest = Math.max(local.highest, there.highest);
    if (there.manifest) await vault.adopt(folder, there.manifest);
    return { manifest: there.manifest ?? (there.hasEnded ? undefined : local.manifest), highest };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function newestHere(vault: Vault): Promise<Newest> {
  const manifests = await vault.list();
  const highest = manifests[0]?.sequence ?? 0;
  for (const manifest of manifests) {
    const damage = await vault.damage(manifest);
    if (!damage) return { manifest, highest };
    warnDamaged(manifest.sequence, damage);
    await vault.discard(manifest.sequence);
  }
  return { manifest: undefined, highest };
}

/** Fetches the newest whole checkpoint of the store into `folder`. */
async function newestThere(
  remote: Remote,
  folder: string,
  identity: string,
  hasher: Hasher,
): Promise<Newest & { hasEnded: boolean }> {
  let highest = 0;
  let sequence: number | undefined;
  for (let tries = 0; tries <= triedBack; tries++) {
    const found = await remote.fetch(folder, sequence);
    // The predecessor of a damaged one may have been evicted, or never saved; the newest of all is there or not.
    if (!found && sequence === undefined) break;
    if (found) {
      highest = Math.max(highest, found.sequence);
      const { manifest } = found;
      if (manifest?.files.length === 0) return { manifest: undefined, highest, hasEnded: true };
      const damage = manifest ? await damageOf(folder, manifest, hasher) : 'it has no manifest';
      if (manifest && !damage && manifest.identity === identity)
        return { manifest, highest, hasEnded: false };
      warnDamaged(found.sequence, damage ?? 'it belongs to another training');
    }
    sequence = (found?.sequence ?? sequence ?? 1) - 1;
    if (sequence < 1) break;
  }
  return { manifest: undefined, highest, hasEnded: false };
}

function warnDamaged(sequence: number, damage: string): void {
  annotate(
    'warning',
    `Checkpoint ${sequence} is damaged (${damage}) and is not used; an earlier one is looked for.`,
  );
}
