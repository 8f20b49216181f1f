import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { satisfies } from '@renovatebot/pep440';
import type { Dependencies } from './dependencies.ts';
import { tomlOf } from './names-in.ts';

/** The Python of images whose project does not say: the newest that practically every package has wheels for. */
export const defaultPython = '3.13';

/** What is tried where a range is asked for: the default and what is older first, then what is newer. */
const candidates = ['3.13', '3.12', '3.11', '3.10', '3.14', '3.15'];

/** The Python of an image and why it is this one. */
export interface ChosenPython {
  /** `3.13`, or `3.13.4` where exactly that is asked for. */
  version: string;
  /** For people: `.python-version`, `requires-python`, … */
  from: string;
}

/**
 * The version of Python that a project asks for: by option, `.python-version`, pyproject.toml or its lock, in this
 * order.
 *
 * @throws UserError for what names no version of CPython that there is an image of.
 */
export async function choosePython(
  root: string,
  asked: string | undefined,
  { file: lock }: Dependencies,
): Promise<ChosenPython> {
  if (asked) return fitting(asked, { from: 'as asked for' });
  const pinned = existsSync(join(root, '.python-version'))
    ? (await readFile(join(root, '.python-version'), 'utf8')).split(/\r?\n/).map((line) => line.trim())
    : [];
  const version = pinned.find((line) => line && !line.startsWith('#'));
  if (version) return fitting(version, { from: '.python-version', file: '.python-version' });
  for (const file of new Set(['pyproject.toml', lock])) {
    if (!existsSync(join(root, file))) continue;
    const request = requestIn(await readFile(join(root, file), 'utf8'), file);
    if (request) return fitting(request, { from: `${file} asks for ${request}`, file });
  }
  return { version: defaultPython, from: 'the default, as the project does not say' };
}

interface Loose {
  project?: { 'requires-python'?: string };
  'requires-python'?: string;
  tool?: { poetry?: { dependencies?: { python?: string } } };
  metadata?: { 'python-versions'?: string };
}

function requestIn(text: string, file: string): string | undefined {
  if (file === 'Pipfile.lock') return /"python_(?:full_)?version"\s*:\s*"([^"]+)"/.exec(text)?.[1];
  if (!/\.(toml|lock)$/.test(file) || /^conda|^pixi/.test(file)) return undefined;
  const document = tomlOf<Loose>(text, file);
  return (
    document.project?.['requires-python'] ??
    document['requires-python'] ??
    document.tool?.poetry?.dependencies?.python ??
    document.metadata?.['python-versions']
  );
}

function fitting(request: string, { from, file }: { from: string; file?: string }): ChosenPython {
  const plain = request.trim().replace(/^(cpython|python)[@-]?/i, '');
  if (/^3\.\d+(\.\d+)?$/.test(plain)) return { version: plain, from };
  const range = plain
    .split(',')
    .map((part) => fromPoetry(part.trim()))
    .join(',');
  try {
    const version = candidates.find((each) => satisfies(`${each}.99`, range));
    if (version) return { version, from };
  } catch {
    // No range either: refused below.
  }
  throw new UserError(`'${request}' is no version of Python that an image can have (${from})`, {
    ...(file ? { file } : {}),
    advice: `Write it as '3.12', '3.12.4' or '>=3.10,<3.13', or name the base image.`,
  });
}

/** Poetry's `^3.10` and `~3.10` as version specifiers (https://python-poetry.org/docs/dependency-specification/). */
function fromPoetry(part: string): string {
  const [, sign, major, minor] = /^([\^~])\s*(\d+)(?:\.(\d+))?(?:\.\d+)*$/.exec(part) ?? [];
  if (!sign || !major) return part;
  const next = sign === '^' || minor === undefined ? `${Number(major) + 1}` : `${major}.${Number(minor) + 1}`;
  return `>=${part.slice(1).trim()},<${next}`;
}
