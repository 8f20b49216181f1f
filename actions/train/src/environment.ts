import { readdir } from 'node:fs/promises';
import type { Hasher } from '@mlops/core/hash';
import type { EnvironmentRecord } from '@mlops/core/record';

/** What results depend on beside a stage's own declarations: name → digest, for the keys and for people. */
export type Environment = Record<string, string>;

/** Files that pin an environment, by the tools that write them. */
const lockFile =
  /^(uv\.lock|poetry\.lock|pdm\.lock|Pipfile\.lock|pixi\.lock|conda-lock\.yml|pylock(\.[\w-]+)?\.toml|requirements[\w.-]*\.txt|environment\.ya?ml|\.python-version)$/;

/**
 * The environment that the stages run in: what setup-python-cuda recorded earlier in the job, otherwise the lock files
 * in the working directory. Empty when there is neither.
 */
export async function environmentOf(
  recorded: readonly EnvironmentRecord[],
  folder: string,
  hasher: Hasher,
): Promise<Environment> {
  if (recorded.length)
    return Object.fromEntries(
      recorded.map(({ manager, python, digest }) => [`${manager}, Python ${python}`, digest]),
    );
  const locks = (await readdir(folder)).filter((name) => lockFile.test(name)).sort();
  const found = locks.length ? await hasher.paths(folder, locks) : [];
  return Object.fromEntries(found.map(({ path, digest }) => [path, digest]));
}
