import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '@mlops/core';
import { writeJobFile } from './job-file.ts';
import { readYaml } from './yaml-file.ts';

/** The requirements of MLflow's python_env.yaml (https://mlflow.org/docs/latest/ml/projects/), as lines of pip's files. */
export interface PythonEnv {
  build: string[];
  dependencies: string[];
}

/** Reads python_env.yaml. Paths in it are relative to its folder and become absolute. */
export async function readPythonEnv(path: string, file: string): Promise<PythonEnv> {
  const [{ isMap, isScalar, isSeq }, { contents, lineOf }] = await Promise.all([
    import('yaml'),
    readYaml(path, file),
  ]);
  const listed = (key: string): string[] => {
    const list = isMap(contents) ? contents.get(key, true) : undefined;
    if (list === undefined || (isScalar(list) && list.value === null)) return [];
    if (!isSeq(list)) throw new UserError(`${key} is not a list of requirements`, { file, line: 1 });
    return list.items.map((item) => {
      if (isScalar(item) && typeof item.value === 'string') return absolute(item.value.trim(), dirname(path));
      throw new UserError(`${key}: this is no requirement`, {
        file,
        line: lineOf(item),
        advice: "Write each as a line of a requirements file: '- six==1.16.0' or '- -r requirements.txt'.",
      });
    });
  };
  const environment = { build: listed('build_dependencies'), dependencies: listed('dependencies') };
  if (environment.dependencies.length) return environment;
  throw new UserError(`${file} names no dependencies`, {
    file,
    line: 1,
    advice: "List them under 'dependencies:'.",
  });
}

/** A line of a requirements file with its path, if it has one, from the root: it is written elsewhere. */
export function absolute(line: string, folder: string): string {
  const [, option, path] = /^(-r|--requirement|-c|--constraint|-e|--editable)[=\s]+(.+)$/.exec(line) ?? [];
  if (option && path)
    return /^\w+(\+\w+)?:\/\//.test(path) ? line : `${option} ${pathOf(option, resolve(folder, path))}`;
  return /^\.{1,2}([\\/[]|$)/.test(line) ? pathToFileURL(resolve(folder, line)).href : line;
}

/** What is installed in place is written as an address, which spaces do not break. */
function pathOf(option: string, path: string): string {
  return option === '-e' || option === '--editable' ? pathToFileURL(path).href : path;
}

/** Writes the requirements where uv can read them: what builds need first, as MLflow installs it. */
export async function writePythonEnv({ build, dependencies }: PythonEnv, temp: string): Promise<string[]> {
  const parts = [
    ['python-env-build.txt', build],
    ['python-env.txt', dependencies],
  ] as const;
  const written = parts.filter(([, lines]) => lines.length);
  return Promise.all(written.map(([name, lines]) => writeJobFile(temp, name, `${lines.join('\n')}\n`)));
}
