import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { normalName } from '../requirements.ts';
import type { Uv } from '../uv/uv.ts';

/** What uv would install. */
export interface Resolution {
  /** Normalised name → exact version, with its local part: `2.9.0+cu126`. What has no version is left out. */
  versions: ReadonlyMap<string, string>;
}

export interface ResolveOptions {
  uv: Uv;
  /** The interpreter that it is for. */
  python: string;
  cwd: string;
  temp: string;
  signal: AbortSignal;
  env?: Record<string, string | undefined>;
}

/**
 * What `uv pip install` with these arguments would put into an empty environment. Only metadata is fetched. A
 * resolution that fails is a ToolError.
 */
export async function resolve(args: readonly string[], options: ResolveOptions): Promise<Resolution> {
  const { uv, python, cwd, temp, signal, env } = options;
  const nothing = await mkdtemp(join(temp, 'nothing-'));
  try {
    const { stderr } = await uv.run(
      ['pip', 'install', '--dry-run', '--target', nothing, '--python', python, ...args],
      { cwd, signal, ...(env ? { env } : {}) },
    );
    const versions = [...stderr.matchAll(/^ \+ ([A-Za-z0-9][\w.-]*)==(\S+)/gm)].map(
      ([, name = '', version = '']) => [normalName(name), version] as const,
    );
    return { versions: new Map(versions) };
  } finally {
    await rm(nothing, { recursive: true, force: true });
  }
}
