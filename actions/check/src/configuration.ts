import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { messageOf, UserError } from '@mlops/core';

export type Tool = 'ruff' | 'mypy' | 'pyright' | 'basedpyright' | 'pytest';

/** Where each tool looks for its settings. */
const homes: Record<Tool, { files: string[]; table: string; sections?: Record<string, string> }> = {
  ruff: { files: ['ruff.toml', '.ruff.toml'], table: 'ruff' },
  mypy: { files: ['mypy.ini', '.mypy.ini'], table: 'mypy', sections: { 'setup.cfg': 'mypy' } },
  pyright: { files: ['pyrightconfig.json'], table: 'pyright' },
  basedpyright: { files: [], table: 'basedpyright' },
  pytest: {
    files: ['pytest.ini', '.pytest.ini', 'pytest.toml', '.pytest.toml'],
    table: 'pytest',
    sections: { 'setup.cfg': 'tool:pytest', 'tox.ini': 'pytest' },
  },
};

/** The file that configures each tool, nearest to the project's folder, as a path relative to the workspace. */
export type Configuration = ReadonlyMap<Tool, string>;

/** Looks from the project's folder up to the workspace, as the tools do. */
export async function readConfiguration(folder: string, workspace: string): Promise<Configuration> {
  const found = new Map<Tool, string>();
  for (const place of upwards(folder, workspace)) {
    const shown = (name: string) => relative(workspace, join(place, name)).split(sep).join('/');
    const tables = await toolTables(join(place, 'pyproject.toml'), shown('pyproject.toml'));
    for (const [tool, home] of Object.entries(homes) as [Tool, (typeof homes)[Tool]][]) {
      if (found.has(tool)) continue;
      const file =
        home.files.find((name) => existsSync(join(place, name))) ??
        (home.table in tables ? 'pyproject.toml' : await sectionFile(place, home.sections ?? {}));
      if (file) found.set(tool, shown(file));
    }
  }
  return found;
}

function upwards(folder: string, workspace: string): string[] {
  const folders = [folder];
  let place = folder;
  while (place.startsWith(workspace + sep)) {
    place = dirname(place);
    folders.push(place);
  }
  return folders;
}

async function toolTables(file: string, shown: string): Promise<Record<string, unknown>> {
  const document = await readToml(file, shown);
  return (document?.tool as Record<string, unknown> | undefined) ?? {};
}

/** A TOML file's content; undefined where there is no such file. */
export async function readToml(
  file: string,
  shown: string | undefined,
): Promise<Record<string, unknown> | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { parse, TomlError } = await import('smol-toml');
  try {
    return parse(text);
  } catch (error) {
    const place = error instanceof TomlError ? { line: error.line, column: error.column } : {};
    throw new UserError(`not valid TOML: ${messageOf(error).split('\n')[0]}`, {
      file: shown,
      ...place,
      cause: error,
      advice: 'Mend this line; no Python tool can read the file as it is.',
    });
  }
}

async function sectionFile(
  folder: string,
  sections: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  for (const [name, section] of Object.entries(sections)) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    if (text.split(/\r?\n/).some((line) => line.trim() === `[${section}]`)) return name;
  }
  return undefined;
}

/** Whether a folder holds a file that pytest takes for tests by its name; environments and hidden folders aside. */
export async function hasTestFiles(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some((entry) => entry.name === 'pyvenv.cfg')) return false;
  if (entries.some((entry) => entry.isFile() && /^test_.*\.py$|_test\.py$/.test(entry.name))) return true;
  // Folders of data may be large; those that are called tests come first.
  const isTests = (name: string) => Number(/test/i.test(name));
  for (const entry of entries.toSorted((a, b) => isTests(b.name) - isTests(a.name)))
    if (
      entry.isDirectory() &&
      !/^(\.|node_modules$|__pycache__$)/.test(entry.name) &&
      (await hasTestFiles(join(folder, entry.name)))
    )
      return true;
  return false;
}
