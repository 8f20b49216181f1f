import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { UserError } from '@mlops/core';

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
  const file = relative(workspace, path).split(sep).join('/');
  const { isMap, isScalar, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(await readFile(path, 'utf8'), { lineCounter: lines });
  const [broken] = document.errors;
  if (broken)
    throw new UserError(
      `MLproject is not valid YAML: ${broken.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '')}`,
      {
        file,
        line: broken.linePos?.[0].line ?? 1,
      },
    );
  if (!isMap(document.contents)) return undefined;
  for (const [key, manager] of [['python_env', 'python-env'] as const, ['conda_env', 'conda'] as const]) {
    const node = document.contents.get(key, true);
    if (!isScalar(node) || typeof node.value !== 'string') continue;
    const named = join(folder, node.value);
    if (existsSync(named)) return { manager, file: named };
    throw new UserError(`${key}: '${node.value}' does not exist beside MLproject`, {
      file,
      line: lines.linePos(node.range?.[0] ?? 0).line,
      advice: "Paths in MLproject are relative to its folder; commit the file, or set 'dependency-files'.",
    });
  }
  return undefined;
}
