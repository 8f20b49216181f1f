import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { shownFrom } from './shown-path.ts';
import { readYaml } from './yaml-file.ts';

/** The environment that an MLproject names. */
export interface NamedEnvironment {
  manager: 'python-env' | 'conda';
  /** Absolute. */
  file: string;
}

/**
 * The file that MLproject's `python_env:` or `conda_env:` names (https://mlflow.org/docs/latest/ml/projects/); undefined
 * where there is no MLproject or it names none.
 */
export async function mlprojectEnvironment(
  folder: string,
  workspace: string,
): Promise<NamedEnvironment | undefined> {
  const path = join(folder, 'MLproject');
  if (!existsSync(path)) return undefined;
  const file = shownFrom(workspace, path);
  const [{ isMap, isScalar }, { contents, lineOf }] = await Promise.all([
    import('yaml'),
    readYaml(path, file),
  ]);
  if (!isMap(contents)) return undefined;
  for (const [key, manager] of [['python_env', 'python-env'] as const, ['conda_env', 'conda'] as const]) {
    const node = contents.get(key, true);
    if (!isScalar(node) || typeof node.value !== 'string') continue;
    const named = join(folder, node.value);
    if (existsSync(named)) return { manager, file: named };
    throw new UserError(`${key}: '${node.value}' does not exist beside MLproject`, {
      file,
      line: lineOf(node),
      advice: "Paths in MLproject are relative to its folder; commit the file, or set 'dependency-files'.",
    });
  }
  return undefined;
}
