import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openHasher } from '../src/hash/index.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hash-bundle-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('hashes in threads from a minified bundle, as an action does', { timeout: 60_000 }, async () => {
  const entry = join(folder, 'main.ts');
  const index = fileURLToPath(new URL('../src/hash/index.ts', import.meta.url));
  writeFileSync(
    entry,
    `import { openHasher } from ${JSON.stringify(index)};
     const hasher = await openHasher({ concurrency: 2 });
     console.log(JSON.stringify(await hasher.tree(process.argv[2])));
     await hasher.close();`,
  );
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const compilerOptions = {
    module: 'esnext',
    moduleResolution: 'bundler',
    target: 'es2023',
    types: [],
    rootDir: parse(folder).root,
  };
  const tsconfig = {
    compilerOptions: { ...compilerOptions, rewriteRelativeImportExtensions: true },
    files: ['main.ts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  const ncc = createRequire(join(repository, 'package.json')).resolve('@vercel/ncc/dist/ncc/cli.js');
  const args = ['build', entry, '--transpile-only', '-m', '--target', 'es2023', '-o', join(folder, 'dist')];
  execFileSync(process.execPath, [ncc, ...args], { cwd: folder, stdio: 'pipe' });

  const data = join(folder, 'data');
  mkdirSync(data);
  for (let i = 0; i < 8; i++) writeFileSync(join(data, String(i)), Buffer.alloc(8_000_000, i));
  const output = execFileSync(process.execPath, [join(folder, 'dist', 'index.js'), data], {
    encoding: 'utf8',
  });
  expect(JSON.parse(output)).toEqual(await (await openHasher({ concurrency: 1 })).tree(data));
});
