import { readFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { UserError } from '@mlops/core';
import { parse } from 'smol-toml';
import { shownFrom } from '../shown-path.ts';
import { compareVersions } from '../versions.ts';

/** Which uv is asked for, and by whom. */
export interface WantedUv {
  /** As PEP 440 has it: `==0.9.5`, `>=0.9,<0.10`. */
  specifier: string;
  /** For people: `the input uv-version`, `uv.toml`. */
  from: string;
  file?: string;
}

const part = /^(===|==|!=|~=|>=|<=|>|<)\s*(\d+(?:\.\d+){0,2})(\.\*)?$/;

/** The version of uv that the input asks for, or else `required-version` in uv.toml or pyproject.toml. */
export async function wantedUv(
  input: string | undefined,
  folder: string,
  workspace: string,
): Promise<WantedUv | undefined> {
  if (input) return checked({ specifier: input, from: 'the input uv-version' });
  for (let above = folder; ; above = dirname(above)) {
    for (const name of ['uv.toml', 'pyproject.toml']) {
      const path = join(above, name);
      const specifier = await requiredVersion(path);
      if (!specifier) continue;
      const file = shownFrom(workspace, path);
      return checked({ specifier, from: file, file });
    }
    if (above === workspace || !above.startsWith(workspace + sep)) return undefined;
  }
}

async function requiredVersion(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (!text.includes('required-version')) return undefined;
  try {
    const document = parse(text) as {
      'required-version'?: string;
      tool?: { uv?: { 'required-version'?: string } };
    };
    return path.endsWith('uv.toml') ? document['required-version'] : document.tool?.uv?.['required-version'];
  } catch {
    return undefined; // Not TOML: the file is reported where it is installed from.
  }
}

function checked(wanted: WantedUv): WantedUv {
  const specifier = /^\d/.test(wanted.specifier.trim()) ? `==${wanted.specifier.trim()}` : wanted.specifier;
  if (specifier.split(',').every((each) => part.test(each.trim()))) return { ...wanted, specifier };
  throw new UserError(`'${wanted.specifier}' is not a version of uv (from ${wanted.from})`, {
    ...(wanted.file ? { file: wanted.file, line: 1 } : {}),
    advice: "Write it as '0.13.9' or '>=0.9,<0.10'.",
  });
}

/** Whether a version such as `0.13.9` meets a specifier. */
export function meets(version: string, specifier: string): boolean {
  return specifier.split(',').every((each) => {
    const [, operator = '', bound = '', wildcard] = part.exec(each.trim()) ?? [];
    const difference = compareVersions(version, bound);
    const within = (digits: number) => compareVersions(prefix(version, digits), prefix(bound, digits)) === 0;
    const digits = bound.split('.').length;
    switch (operator) {
      case '==':
      case '===':
        return wildcard ? within(digits) : difference === 0;
      case '!=':
        return wildcard ? !within(digits) : difference !== 0;
      case '~=':
        return difference >= 0 && within(Math.max(digits - 1, 1));
      case '>=':
        return difference >= 0;
      case '<=':
        return difference <= 0;
      case '>':
        return difference > 0;
      default:
        return difference < 0;
    }
  });
}

function prefix(version: string, digits: number): string {
  return version.split('.').slice(0, digits).join('.');
}
