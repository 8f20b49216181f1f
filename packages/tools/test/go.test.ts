import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { command } from '@mlops/core/process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GoFolderSource } from '../src/catalog.ts';
import { installedGoProgram } from '../src/go.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mlops-go-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.runIf(process.platform !== 'win32')('a program built with Go', () => {
  it.each([
    ['go1.26.8', 'own'],
    ['go1.26.10', 'own'],
    ['go1.27', 'own'],
    ['go1.26.7', 'fetched'],
    ['go1.26', 'fetched'],
    ['go1.9.9', 'fetched'],
    ['devel', 'fetched'],
  ])("is built with the machine's %s only where that is new enough: %s", async (version, expected) => {
    expect(await builder(version)).toBe(`${expected} local`);
  });

  it('is built with the very Go that its source names, which the one that is there fetches', async () => {
    expect(await builder('go1.27.3', '1.26.8')).toBe('own go1.26.8');
  });
});

/** Which Go builds what needs Go 1.26.8, where the machine's has `version`, and which toolchain it is told to be. */
async function builder(version: string, toolchain?: GoFolderSource['toolchain']): Promise<string> {
  const program = (name: string) => `#!/bin/sh
    if [ "$1" = env ]; then echo ${version}; exit; fi
    printf '#!/bin/sh\\necho ${name} %s' "$GOTOOLCHAIN" > "$GOBIN/buildx"; chmod +x "$GOBIN/buildx"`;
  for (const name of ['own', 'fetched']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'go'), program(name));
    await chmod(join(folder, name, 'go'), 0o755);
  }
  const env = { ...process.env, PATH: [join(folder, 'own'), process.env.PATH].join(delimiter) };
  const cache = join(folder, 'cache');
  const source: GoFolderSource = { sources: 'buildkit', go: '1.26.8', ...(toolchain && { toolchain }) };
  const built = await installedGoProgram('buildx', source, cache, env, async () =>
    join(folder, 'fetched', 'go'),
  );
  expect(await readdir(cache)).toHaveLength(2);
  return (await command(built, [])).stdout;
}
