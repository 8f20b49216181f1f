import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { UserError } from '@mlops/core';
import type { Project } from './project.ts';
import { shownFrom } from './shown-path.ts';
import { readText } from './text-file.ts';
import { parseToml } from './toml-file.ts';

/** Which Python is asked for, in uv's terms, and by whom. */
export interface PythonRequest {
  request: string;
  /** For people: `the input python-version`, `.python-version`, … */
  from: string;
  file?: string;
  line?: number;
  /** Whether the newest one is wanted, whatever is on the machine. */
  latest?: boolean;
}

const oldestSupported = '>=3.10';

/** The version of Python that a project asks for: by input, version file, pyproject.toml or lock, in this order. */
export async function pythonRequest(
  inputs: {
    pythonVersion: string | undefined;
    pythonVersionFile: string | undefined;
    allowPythonPrereleases: boolean;
    checkLatest: boolean;
  },
  folder: string,
  project: Project | undefined,
  workspace: string,
): Promise<PythonRequest> {
  const asked = await requested(inputs, folder, project, workspace);
  return {
    ...asked,
    request: inputs.allowPythonPrereleases ? withPrereleases(asked.request) : asked.request,
    ...(inputs.checkLatest && { latest: true }),
  };
}

async function requested(
  inputs: { pythonVersion: string | undefined; pythonVersionFile: string | undefined },
  folder: string,
  project: Project | undefined,
  workspace: string,
): Promise<PythonRequest> {
  const shown = (path: string) => shownFrom(workspace, path);
  if (inputs.pythonVersion)
    return checked({ request: inputs.pythonVersion, from: 'the input python-version' });
  if (inputs.pythonVersionFile) {
    const path = resolve(folder, inputs.pythonVersionFile);
    if (!existsSync(path))
      throw new UserError(
        `input python-version-file: '${inputs.pythonVersionFile}' does not exist in ${folder}`,
      );
    const found = await fromFile(path, shown(path));
    if (found) return checked(found);
    throw new UserError(`${inputs.pythonVersionFile} names no version of Python`, {
      file: shown(path),
      line: 1,
      advice: "Write one there, or set the input 'python-version'.",
    });
  }
  const lock = project && !['pip', 'pyproject'].includes(project.manager) ? project.files[0] : undefined;
  const candidates = [
    ...(project?.manager === 'python-env' && lock ? [lock] : []),
    ...upTo(workspace, folder).map((above) => join(above, '.python-version')),
    join(folder, 'pyproject.toml'),
    ...(lock ? [lock] : []),
  ];
  for (const path of candidates) {
    const found = existsSync(path) ? await fromFile(path, shown(path)) : undefined;
    if (found) return checked(found);
  }
  return { request: oldestSupported, from: 'the default of this action' };
}

/** A folder and those above it, up to the workspace. */
function upTo(workspace: string, folder: string): string[] {
  const folders = [folder];
  for (let above = folder; above !== workspace && above.startsWith(workspace + sep); ) {
    above = dirname(above);
    folders.push(above);
  }
  return folders;
}

async function fromFile(path: string, file: string): Promise<PythonRequest | undefined> {
  const text = await readText(path);
  const name = basename(path);
  const at = (request: unknown, where: RegExp) =>
    typeof request === 'string' && request.trim()
      ? { request, from: file, file, line: lineOf(text, where) }
      : undefined;
  if (name === '.tool-versions') {
    const version = /^python[ \t]+(\S+)/m.exec(text)?.[1];
    return at(version, /^python\s/m);
  }
  if (name === 'Pipfile.lock') {
    const { python_full_version, python_version } = parseJson(text, file)._meta?.requires ?? {};
    return at(python_full_version ?? python_version, /"python_(full_)?version"\s*:/);
  }
  if (/\.ya?ml$/.test(name)) {
    // As it is spelled: read as YAML, 3.10 would be the number 3.1.
    return at(/^python[ \t]*:[ \t]*["']?([^"'#\s]+)/m.exec(text)?.[1], /^python[ \t]*:/m);
  }
  if (/\.(toml|lock)$/.test(name)) {
    const document = parseToml<Loose>(text, file);
    return (
      at(document.project?.['requires-python'], /^\s*requires-python\s*=/m) ??
      at(document['requires-python'], /^requires-python\s*=/m) ??
      at(document.tool?.poetry?.dependencies?.python, /^\s*python\s*=/m) ??
      at(document.metadata?.['python-versions'], /^python-versions\s*=(?![\s\S]*^python-versions\s*=)/m)
    );
  }
  const line = text.split(/\r?\n/).findIndex((each) => each.trim() && !each.trim().startsWith('#'));
  const request = text.split(/\r?\n/)[line]?.trim();
  return request ? { request, from: file, file, line: line + 1 } : undefined;
}

function lineOf(text: string, where: RegExp): number {
  const index = text.search(where);
  const lead = /^\s*/.exec(text.slice(Math.max(index, 0)))?.[0].length ?? 0;
  return text.slice(0, Math.max(index, 0) + lead).split('\n').length;
}

const implementation = '(?:cpython|pypy|graalpy|pyodide|cp|pp|gp|python)';
const specifier = String.raw`\s*(?:===|~=|==|!=|<=|>=|<|>)\s*\d[\w.*+!-]*\s*`;
const requestPattern = new RegExp(
  String.raw`^(?:${implementation}|${implementation}?[@-]?\d+(?:\.\d+){0,2}(?:(?:a|b|rc)\d+)?(?:t|d|td|\+\w+)?|(?:${implementation}@?)?${specifier}(?:,${specifier})*|${implementation}-[\w.+-]+)$`,
  'i',
);

/** Spells a request as uv does, and refuses what uv would take for the name of a program. */
export function uvRequest(written: string): string | undefined {
  const request = written.trim();
  if (isAbsolute(request)) return request;
  const plain = fromSetupPython(request)
    .replace(/^(\w*?\d+(?:\.\d+)?)\.(x|\*)$/i, '$1')
    .split(',')
    .map((part) => fromPoetry(part.trim()))
    .join(',');
  return requestPattern.test(plain) ? plain : undefined;
}

/**
 * `3.15-dev` and `3.15.0-beta.1`, as actions/setup-python spells pre-releases. uv takes pre-releases where a specifier
 * names one, and prefers releases to them.
 */
function fromSetupPython(request: string): string {
  const dev = /^(\d+\.\d+)-dev$/.exec(request)?.[1];
  if (dev) return withPrereleases(dev);
  return request.replace(
    /^(\d+\.\d+\.\d+)-(alpha|beta|rc)\.(\d+)$/,
    (_, version: string, kind: string, number: string) =>
      `${version}${{ alpha: 'a', beta: 'b', rc: 'rc' }[kind]}${number}`,
  );
}

/** A request that pre-releases meet as well; one that names versions or an interpreter exactly stays as it is. */
export function withPrereleases(request: string): string {
  const [, major, minor] = /^(\d+)(?:\.(\d+))?$/.exec(request) ?? [];
  if (major && minor) return `>=${major}.${minor}.0a0,<${major}.${Number(minor) + 1}.0a0`;
  if (major) return `>=${major}.0.0a0,<${Number(major) + 1}.0.0a0`;
  return request.replace(/(^|,)\s*>=\s*(\d+(?:\.\d+)*)(?=\s*(,|$))/g, '$1>=$2a0');
}

/** Poetry's `^3.10` and `~3.10` as version specifiers (https://python-poetry.org/docs/dependency-specification/). */
function fromPoetry(part: string): string {
  const [, sign, major, minor] = /^([\^~])\s*(\d+)(?:\.(\d+))?(?:\.\d+)*$/.exec(part) ?? [];
  if (!sign || !major) return part;
  const next = sign === '^' || minor === undefined ? `${Number(major) + 1}` : `${major}.${Number(minor) + 1}`;
  return `>=${part.slice(1).trim()},<${next}`;
}

function checked(asked: PythonRequest): PythonRequest {
  const request = uvRequest(asked.request);
  if (request) return { ...asked, request };
  throw new UserError(`'${asked.request}' is not a version of Python (from ${asked.from})`, {
    file: asked.file,
    line: asked.line,
    advice: "Write it as '3.12', '3.12.4', '>=3.10,<3.13', '3.13t' or 'pypy3.10'.",
  });
}

// biome-ignore lint/suspicious/noExplicitAny: what a user's file holds is looked at key by key
type Loose = any;

function parseJson(text: string, file: string): Loose {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`not valid JSON: ${(error as Error).message}`, { file, line: 1, cause: error });
  }
}
