import { UserError } from '@mlops/core';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';

/** A project's name as it is compared: https://peps.python.org/pep-0503/#normalized-names. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** The packages that requirements files name; paths and addresses have none. */
export function namesInRequirements(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => nameOf(line) ?? []);
}

/** The packages of uv.lock, poetry.lock (`package`), pylock.toml (`packages`), or those that a pyproject.toml asks for. */
export function namesInToml(text: string, file: string): string[] {
  const { package: locked = [], packages = [], project, tool } = tomlOf<Named>(text, file);
  return [
    ...[...locked, ...packages].map(({ name }) => normalName(name)),
    ...(project?.dependencies ?? []).flatMap((requirement) => nameOf(requirement) ?? []),
    ...Object.keys(tool?.poetry?.dependencies ?? {}).map(normalName),
  ];
}

/** The packages of a Pipfile.lock's default category. */
export function namesInPipfileLock(text: string, file: string): string[] {
  try {
    const { default: entries = {} } = JSON.parse(text) as { default?: Record<string, unknown> };
    return Object.keys(entries).map(normalName);
  } catch (error) {
    throw new UserError(`not valid JSON: ${(error as Error).message}`, { file, line: 1, cause: error });
  }
}

/** The packages of environment.yml, of conda-lock.yml, or of an explicit list of addresses. */
export function namesInConda(text: string, file: string): string[] {
  if (/^@EXPLICIT\s*$/m.test(text))
    return [...text.matchAll(/\/([^/\s]+)-[^-/\s]+-[^-/\s]+\.(?:conda|tar\.bz2)/g)].map(([, name = '']) =>
      normalName(name),
    );
  const { dependencies = [], package: locked = [] } = yamlOf(text, file);
  const wanted = dependencies.flatMap((each) => (typeof each === 'string' ? [each] : (each.pip ?? [])));
  return [
    ...wanted.flatMap((each) => nameOf(each.replace(/^[\w-]+::/, '')) ?? []),
    ...locked.map(({ name }) => normalName(name)),
  ];
}

/**
 * The contents of a TOML file.
 *
 * @throws UserError with the place of the mistake.
 */
export function tomlOf<Contents>(text: string, file: string): Contents {
  try {
    return parseToml(text) as Contents;
  } catch (error) {
    const { line = 1, message } = error as { line?: number; message: string };
    const why = message.split('\n')[0]?.replace(/^Invalid TOML document: /, '');
    throw new UserError(`not valid TOML: ${why}`, { file, line, cause: error });
  }
}

interface Named {
  package?: { name: string }[];
  packages?: { name: string }[];
  project?: { dependencies?: string[] };
  tool?: { poetry?: { dependencies?: Record<string, unknown> } };
}

interface CondaFile {
  dependencies?: (string | { pip?: string[] })[];
  package?: { name: string }[];
}

function yamlOf(text: string, file: string): CondaFile {
  try {
    return (parseYaml(text) as CondaFile | null) ?? {};
  } catch (error) {
    const { linePos } = error as { linePos?: { line: number }[] };
    const why = (error as Error).message.split('\n')[0];
    throw new UserError(`not valid YAML: ${why}`, { file, line: linePos?.[0]?.line ?? 1, cause: error });
  }
}

function nameOf(requirement: string): string | undefined {
  const name = /^([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[|[<>=!~;@( ]|$)/.exec(requirement.trim())?.[1];
  return name && normalName(name);
}
