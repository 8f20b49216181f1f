import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lacking } from '../src/missing.ts';
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
