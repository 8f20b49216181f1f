import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { readToml, type Tool } from './configuration.ts';
import type { Project } from './project.ts';

/** The error for a tool that is wanted and not installed: it says where the project names it, or should. */
export async function notInstalled(tool: Tool, why: string, { folder, paths }: Project): Promise<UserError> {
  return new UserError(`${why}, and ${tool} is not installed in the environment`, {
    advice: await adviceFor(tool, folder, paths.inWorkspace('pyproject.toml')),
  });
}

async function adviceFor(tool: Tool, folder: string, shown: string | undefined): Promise<string> {
  const pyproject = (await readToml(join(folder, 'pyproject.toml'), shown)) ?? {};
  const requirements = await requirementsFiles(folder);

  const group = groupOf(tool, pyproject);
  if (group)
    return `It is in the group '${group.name}' of ${group.table} in pyproject.toml: set '${group.input}: ${group.name}' for setup-python-cuda.`;
  for (const { name, text } of requirements)
    if (text.split(/\r?\n/).some((line) => isFor(tool, line))) return fromFile(name);

  const lock = 'and lock again';
  const [development] = requirements.filter(({ name }) => groupOfFile(name));
  if (development) return `Add it to ${development.name} ${lock}. ${fromFile(development.name)}`;
  if (pyproject.project)
    return `Add it to [dependency-groups] in pyproject.toml, as 'dev = ["${tool}"]', ${lock}; then set 'groups: dev' for setup-python-cuda.`;
  const [first] = requirements;
  return `Add it to ${first?.name ?? 'requirements.txt'} ${lock}.`;
}

/** `-r` lines and comments are no requirements; a name ends where its extras, version or marker begins. */
function isFor(tool: Tool, requirement: string): boolean {
  return (
    requirement
      .trim()
      .match(/^([\w.-]+)/)?.[1]
      ?.toLowerCase() === tool
  );
}

async function requirementsFiles(folder: string): Promise<{ name: string; text: string }[]> {
  const below = await readdir(join(folder, 'requirements')).catch(() => []);
  const names = [...(await readdir(folder)), ...below.map((name) => `requirements/${name}`)]
    .filter((name) => /^(requirements[^/]*|[^/]*[-_.]requirements|requirements\/[^/]+)\.(txt|in)$/.test(name))
    .sort((a, b) => Number(a.endsWith('.in')) - Number(b.endsWith('.in')) || a.localeCompare(b));
  return Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(folder, name), 'utf8').catch(() => '') })),
  );
}

/** The name that setup-python-cuda's input `groups` has for a requirements file. */
function groupOfFile(name: string): string | undefined {
  const [, ...names] =
    /^(?:requirements[-_](.+)|(.+)-requirements|requirements\/(.+))\.(?:txt|in)$/.exec(name) ?? [];
  const group = names.find(Boolean);
  return group && !/^(requirements|base|main|prod|production)$/.test(group) ? group : undefined;
}

function fromFile(name: string): string {
  const group = groupOfFile(name);
  return group
    ? `It is installed from ${name} when you set 'groups: ${group}' for setup-python-cuda.`
    : `${name} names it: install that file, with 'dependency-files: ${name}' for setup-python-cuda.`;
}

interface Group {
  table: string;
  input: 'groups' | 'extras';
  name: string;
}

function groupOf(tool: Tool, pyproject: Record<string, unknown>): Group | undefined {
  const poetry = tableAt(pyproject, 'tool', 'poetry');
  const kinds: [string, Group['input'], Record<string, unknown>][] = [
    ['[dependency-groups]', 'groups', tableAt(pyproject, 'dependency-groups')],
    ['[project.optional-dependencies]', 'extras', tableAt(pyproject, 'project', 'optional-dependencies')],
    ['[tool.poetry.group]', 'groups', tableAt(poetry, 'group')],
  ];
  for (const [table, input, groups] of kinds)
    for (const [name, content] of Object.entries(groups)) {
      const requirements = Array.isArray(content)
        ? content
        : Object.keys(tableAt({ content }, 'content', 'dependencies'));
      if (requirements.some((requirement) => typeof requirement === 'string' && isFor(tool, requirement)))
        return { table, input, name };
    }
  return undefined;
}

function tableAt(value: unknown, ...keys: string[]): Record<string, unknown> {
  let table = value;
  for (const key of keys) table = (table as Record<string, unknown> | undefined)?.[key];
  return typeof table === 'object' && table !== null ? (table as Record<string, unknown>) : {};
}
