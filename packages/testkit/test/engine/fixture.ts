import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const require = createRequire(import.meta.url);
const source = fileURLToPath(new URL('./storage-action/', import.meta.url));

/** A release tree with one action, bundled as ours are, that drives the runner's artifact and cache services. */
export async function storageReleaseTree(): Promise<string> {
  const tree = await mkdtemp(join(tmpdir(), 'mlops-tree-'));
  const action = join(tree, 'actions', 'storage');
  await mkdir(action, { recursive: true });
  await cp(join(source, 'action.yml'), join(action, 'action.yml'));
  await writeFile(join(action, 'package.json'), JSON.stringify({ type: 'module' }));
  const ncc = require.resolve('@vercel/ncc/dist/ncc/cli.js');
  await promisify(execFile)(process.execPath, [
    ncc,
    'build',
    join(source, 'main.js'),
    ...['--minify', '--target', 'es2023', '--out', join(action, 'dist')],
  ]);
  return tree;
}
