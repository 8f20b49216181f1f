import { hashText } from '@mlops/core/hash';
import type { Environment } from './environment.ts';

/** One input with its content: the files a path or pattern names, or an output of another stage. */
export interface InputDigest {
  path: string;
  digest: string;
  bytes: number;
}

/** Everything that decides a stage's result; two runs with the same facts have the same outputs. */
export interface Facts {
  /** Digest of the command: its text may hold a secret, and facts are kept in the cache. */
  command: string;
  inputs: readonly InputDigest[];
  /** Dotted key → the value as it is spelled. */
  parameters: Readonly<Record<string, string>>;
  /** As declared, in any order. */
  outputs: readonly string[];
  environment: Environment;
  /** Operating system and architecture. */
  platform: string;
  /** The job's matrix values: a command may read them through variables that nothing else here knows. */
  matrix: Readonly<Record<string, unknown>>;
  /** The seed of a repeated training; absent otherwise. */
  seed?: string;
}

/** Part of every key: raise it when the meaning of a key or of what is stored under it changes. */
const version = 1;

/** `sha256:<hex>` over the facts; the order of keys, inputs and outputs does not matter. */
export function stageKey(facts: Facts): string {
  return hashText(
    canonical({
      version,
      ...facts,
      inputs: Object.fromEntries(facts.inputs.map(({ path, digest }) => [path, digest])),
      outputs: facts.outputs.toSorted(),
    }),
  );
}

/** JSON with the keys of every mapping in order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}
