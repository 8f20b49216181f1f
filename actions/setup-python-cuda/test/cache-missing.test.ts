import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdsExactly, lacking } from '../src/missing.ts';
import type { Target } from '../src/plan.ts';
import { readRequirements } from '../src/requirements.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'missing-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('what an environment lacks of a lock is asked for with its hashes and its marker', async () => {
  const file = join(folder, 'requirements.txt');
  await writeFile(
    file,
    `six==1.16.0 \\
    --hash=sha256:1 \\
    --hash=sha256:2
    # via demo
Typing_Extensions==4.16.0 --hash=sha256:3
iniconfig==2.1.0 ; python_version >= '3.8' --hash=sha256:4
colorama==0.4.6 ; sys_platform == 'win32' --hash=sha256:5
idna==3.20 --hash=sha256:6
./local
`,
  );
  const requirements = await readRequirements([file]);
  const installed = ['six==1.15.0', 'typing-extensions==4.16.0', 'iniconfig==2.0.0'];
  expect(lacking(requirements, installed).map(({ whole }) => whole)).toEqual([
    'six==1.16.0      --hash=sha256:1      --hash=sha256:2',
    "iniconfig==2.1.0 ; python_version >= '3.8' --hash=sha256:4",
    'idna==3.20 --hash=sha256:6',
  ]);
});

test.each([
  ['what the lock names, and nothing else', ['six-1.16.0', 'typing_extensions-4.16.0'], '', true],
  [
    'what a marker keeps out',
    ['six-1.16.0', 'typing_extensions-4.16.0'],
    "colorama==0.4.6 ; sys_platform == 'x' --hash=sha256:5",
    true,
  ],
  ['another version', ['six-1.15.0', 'typing_extensions-4.16.0'], '', false],
  ['a package too few', ['six-1.16.0'], '', false],
  ['a package too many', ['six-1.16.0', 'typing_extensions-4.16.0', 'pip-26.0'], '', false],
  ['a folder of its own', ['six-1.16.0', 'typing_extensions-4.16.0', 'demo-0.1'], '-e .', false],
])('uv has nothing to do where an environment holds %s: %#', async (_, installed, more, expected) => {
  const packages = join(folder, process.platform === 'win32' ? 'Lib' : 'lib/python3.12', 'site-packages');
  for (const name of installed) await mkdir(join(packages, `${name}.dist-info`), { recursive: true });
  const file = join(folder, 'requirements.txt');
  await writeFile(file, `six==1.16.0 --hash=sha256:1\nTyping_Extensions==4.16.0 --hash=sha256:3\n${more}\n`);
  const step = { args: ['pip', 'sync', '--require-hashes', '--python', 'python', file], cwd: folder };
  expect(await holdsExactly({ venv: folder } as Target, step)).toBe(expected);
});
