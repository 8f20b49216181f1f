import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashText } from '@mlops/core/hash';
import type { Store } from '@mlops/core/store';
import { canonical, type Facts } from './key.ts';
import type { OutputDigest } from './outputs.ts';

/** What is known of a stage that ran to its end. */
export interface Entry {
  stage: string;
  key: string;
  facts: Facts;
  outputs: OutputDigest[];
  durationMs: number;
}

/** Results of a stage that are remembered, so that going back to earlier parameters finds them. */
const keptPerStage = 10;

/**
 * The results of earlier runs, without their files: small, so that one fetch decides about every stage. A ledger may be
 * lost or older than the saved outputs: those are found by their key all the same.
 */
export class Ledger {
  /** Newest first. */
  #entries: Entry[];
  #changed = false;

  constructor(entries: readonly Entry[] = []) {
    this.#entries = [...entries];
  }

  find(key: string): Entry | undefined {
    return this.#entries.find((entry) => entry.key === key);
  }

  /** The last result of a stage, whatever it depended on. */
  newest(stage: string): Entry | undefined {
    return this.#entries.find((entry) => entry.stage === stage);
  }

  /** Makes this the newest result of its stage. */
  add(entry: Entry): void {
    if (this.newest(entry.stage) === entry) return;
    let kept = 0;
    this.#entries = [entry, ...this.#entries.filter(({ key }) => key !== entry.key)].filter(
      ({ stage }) => stage !== entry.stage || ++kept <= keptPerStage,
    );
    this.#changed = true;
  }

  forget(key: string): void {
    this.#entries = this.#entries.filter((entry) => entry.key !== key);
    this.#changed = true;
  }

  get changed(): boolean {
    return this.#changed;
  }

  toJSON(): unknown {
    return { version, entries: this.#entries };
  }
}

const version = 1;

/** Only exists for the moment in which it is fetched or saved. */
const file = '.mlops-ledger.json';

/** Where a pipeline's ledgers are found: jobs that differ in one of `distinct` do not take each other's. */
export function ledgerPrefix(distinct: Readonly<Record<string, unknown>>): string {
  return `mlops-ledger-${hashText(canonical(distinct)).slice('sha256:'.length, 'sha256:'.length + 16)}-`;
}

/** The newest ledger, or an empty one when there is none that can be read. */
export async function loadLedger(store: Store, folder: string, prefix: string): Promise<Ledger> {
  const path = join(folder, file);
  try {
    if (!(await store.restore(prefix, folder, [file], { prefixes: [prefix] }))) return new Ledger();
    const saved = JSON.parse(await readFile(path, 'utf8')) as { version?: unknown; entries?: Entry[] };
    return saved.version === version ? new Ledger(saved.entries) : new Ledger();
  } catch (error) {
    if (error instanceof SyntaxError) return new Ledger();
    throw error;
  } finally {
    await rm(path, { force: true });
  }
}

/** Saves a ledger as the newest one, under a key that no other has. */
export async function saveLedger(ledger: Ledger, store: Store, folder: string, key: string): Promise<void> {
  const path = join(folder, file);
  try {
    await writeFile(path, JSON.stringify(ledger));
    await store.save(key, folder, [file]);
  } finally {
    await rm(path, { force: true });
  }
}
