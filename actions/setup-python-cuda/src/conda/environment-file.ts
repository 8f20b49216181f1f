import { dirname, resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { writeJobFile } from '../job-file.ts';
import { absolute } from '../python-env.ts';
import { readRequirements } from '../requirements.ts';
import { readText } from '../text-file.ts';
import { readYaml } from '../yaml-file.ts';

/** What the file of a conda environment is, by its contents. */
export type CondaFile = 'explicit' | 'lock' | 'environment';

export function kindOf(path: string, text: string): CondaFile {
  if (/^@EXPLICIT\s*$/m.test(text)) return 'explicit';
  return /(^|[-_.\\/])conda-lock\.ya?ml$/.test(path) ? 'lock' : 'environment';
}

/** Refuses an explicit list of another platform, which conda would only notice when a program does not start. */
export function checkExplicit(text: string, subdir: string | undefined, file: string): void {
  const others = text.split('\n').flatMap((line, index) => {
    const found = /\/((?:linux|osx|win|emscripten|wasi|freebsd|zos)-\w+)\/[^/]+$/.exec(line.trim())?.[1];
    return found && found !== subdir ? [{ found, line: index + 1 }] : [];
  });
  const [first] = others;
  if (first)
    throw new UserError(`${file} lists packages for ${first.found}, and this runner is ${subdir}`, {
      file,
      line: first.line,
      advice: `Write a list for ${subdir} ('conda-lock --kind explicit --platform ${subdir}'), or name it in 'dependency-files'.`,
    });
}

/** Refuses what is no environment before anything is downloaded, and returns the requirements files that it names. */
export async function checkEnvironment(path: string, file: string): Promise<string[]> {
  const [{ isMap, isScalar, isSeq }, { contents, lineOf }] = await Promise.all([
    import('yaml'),
    readYaml(path, file),
  ]);
  const dependencies = isMap(contents) ? contents.get('dependencies', true) : undefined;
  if (!isSeq(dependencies))
    throw new UserError('no conda environment: there is no list under dependencies:', {
      file,
      line: 1,
      advice: "Write it as 'channels:' and 'dependencies:', each with a list below.",
    });
  const named: string[] = [];
  for (const item of dependencies.items) {
    if (isScalar(item) && typeof item.value === 'string') continue;
    const pip = isMap(item) ? item.get('pip', true) : undefined;
    if (!isSeq(pip)) {
      throw new UserError('a dependency is neither a package nor a list under pip:', {
        file,
        line: lineOf(item),
        advice: "Write '- name=version', or '- pip:' with a list below.",
      });
    }
    for (const requirement of pip.items) {
      const text = isScalar(requirement) ? String(requirement.value) : '';
      const included = /^(?:-r|--requirement|-c|--constraint)[=\s]*(.+)$/.exec(text)?.[1];
      if (included && !/^\w+:\/\//.test(included)) named.push(resolve(dirname(path), included.trim()));
    }
  }
  return [...new Set([...named, ...(await readRequirements(named)).map((each) => each.file)])];
}

/**
 * Writes an environment as conda wants it: under the name by which conda knows its format, with Python's version among
 * the packages, and with paths that hold from there.
 */
export async function writeEnvironment(
  path: string,
  python: string | undefined,
  temp: string,
): Promise<string> {
  const { parse, stringify } = await import('yaml');
  const environment = parse(await readText(path)) as { dependencies: (string | { pip: string[] })[] };
  const isPython = (each: unknown) => /^([\w-]+::)?python\s*($|[=<>!~\s])/.test(String(each));
  const packages = environment.dependencies.filter((each) => !python || !isPython(each));
  const dependencies = [
    ...packages.map((each) => withAbsolutePaths(each, dirname(path))),
    ...(python ? [python] : []),
  ];
  return writeJobFile(temp, 'environment.yml', stringify({ ...environment, dependencies }));
}

function withAbsolutePaths(each: string | { pip: string[] }, folder: string): string | { pip: string[] } {
  return typeof each === 'string' ? each : { pip: each.pip.map((line) => absolute(line, folder)) };
}
