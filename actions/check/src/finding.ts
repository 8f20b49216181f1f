import { realpathSync } from 'node:fs';
import path, { type PlatformPath } from 'node:path';
import type { Place, UserError } from '@mlops/core';

/** One thing that a tool has to say about the code. */
export interface Finding {
  level: 'notice' | 'warning' | 'error';
  message: string;
  /** The tool's name for the rule, or the test's id. */
  rule?: string | undefined;
  /** Where the rule is explained. */
  url?: string | undefined;
  /** The file is relative to the workspace. */
  place: Place;
}

/** What one tool came to. */
export interface Result {
  check: 'lint' | 'format' | 'types' | 'tests';
  tool: string;
  outcome: 'passed' | 'failed' | 'skipped';
  /** In a few words, such as `3 findings`. */
  said: string;
  findings: Finding[];
  /** Why the tool could not do its work. */
  problem?: UserError;
  /** Markdown with more than the findings. */
  details?: string;
}

/** `tests/test_a.py:3:1: F401 message`, on one line, as it stands in the log. */
export function findingText({ level, message, rule, place }: Finding): string {
  const where = [place.file, place.line, place.column].filter((part) => part !== undefined).join(':');
  const text = message.trim().replace(/\s*\n\s*/g, ' / ');
  return `${where ? `${where}: ` : ''}${level === 'error' ? '' : `${level}: `}${rule ? `${rule} ` : ''}${text}`;
}

/** `1 error`, `2 errors` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Turns the paths that tools print into those that GitHub knows: relative to the workspace, with forward slashes. */
export class Paths {
  readonly #roots: string[];
  readonly #folder: string;
  readonly #path: PlatformPath;

  /** `folder` is where the tools run. Tools resolve symbolic links or not, so the workspace counts under both names. */
  constructor(workspace: string, folder: string, platform: PlatformPath = path, real = realOrSame) {
    this.#roots = [...new Set([workspace, real(workspace)])];
    this.#folder = folder;
    this.#path = platform;
  }

  /** Undefined for what lies outside of the workspace. */
  inWorkspace(printed: string): string | undefined {
    const absolute = this.absolute(printed);
    for (const root of this.#roots) {
      const relative = this.#path.relative(root, absolute);
      const outside =
        relative === '..' || relative.startsWith(`..${this.#path.sep}`) || this.#path.isAbsolute(relative);
      if (relative && !outside) return relative.split(this.#path.sep).join('/');
    }
    return undefined;
  }

  absolute(printed: string): string {
    return this.#path.resolve(this.#folder, printed);
  }
}

function realOrSame(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    return folder;
  }
}
