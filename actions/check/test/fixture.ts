import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Paths } from '../src/finding.ts';

/** What a tool printed once, with the paths of a runner in it. */
export function recorded(name: string): string {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
}

/** The recorded tools ran in the workspace /home/runner/model. */
export const paths = new Paths('/home/runner/model', '/home/runner/model', path.posix, (folder) => folder);
