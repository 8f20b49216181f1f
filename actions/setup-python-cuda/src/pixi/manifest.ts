import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '@mlops/core';

/** The manifest that a lock belongs to, or the file itself where it is the manifest. */
export function manifestBeside(file: string): string {
  if (!file.endsWith('.lock')) return file;
  const found = ['pixi.toml', 'pyproject.toml']
    .map((name) => join(dirname(file), name))
    .find((path) => existsSync(path));
  if (found) return found;
  throw new UserError('pixi.lock has no pixi.toml or pyproject.toml beside it', {
    advice: 'Commit the manifest that it was locked from.',
  });
}
