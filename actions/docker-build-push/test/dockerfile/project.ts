import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A folder with these files, which is gone after the test. */
export function projectOf(files: Readonly<Record<string, string>>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'dockerfile-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  write(root, files);
  return root;
}

/** A copy of one of the examples, as a run leaves it that has trained a model. */
export function trainedExample(name: string): string {
  const root = projectOf({});
  cpSync(fileURLToPath(new URL(`../../../../examples/${name}`, import.meta.url)), root, { recursive: true });
  write(root, {
    'model/model.json': '{}',
    'data/train.csv': 'x,y\n',
    'gha-creds-0123456789abcdef.json': '{}',
    '.venv/bin/python': '',
  });
  return root;
}

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}
