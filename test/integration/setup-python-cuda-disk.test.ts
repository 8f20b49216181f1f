import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorOf, installed, locked, runUv, setUp, workspace, write } from './setup-python-cuda/workbench.ts';

/** The action on a disk with so many bytes free, as its process is told. */
function withFree(bytes: number, env: Record<string, string> = {}) {
  return setUp({
    env: {
      UV_CACHE_DIR: join(workspace, 'uv-cache'),
      NODE_OPTIONS: `--import ${new URL('setup-python-cuda/small-disk.ts', import.meta.url).href}`,
      FREE_BYTES: String(bytes),
      ...env,
    },
  });
}

const pyproject = `[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["numpy==2.2.6", "six==1.16.0"]
[project.optional-dependencies]
plots = ["scipy==1.15.3"]
`;

describe('a disk that is too small is found out before anything is downloaded', () => {
  const tooSmall =
    /^the packages need at least \d+ MB in .*, where 2 MB are free\. The largest: numpy 2\.2\.6 \(\d+ MB\), six 1\.16\.0 \(1 MB\)\n[\s\S]*'cache-local-path'/;

  test('from the sizes in uv.lock, for what is selected', async () => {
    await write({ 'pyproject.toml': pyproject });
    await runUv('lock', '--quiet');
    const result = await withFree(2e6);
    expect(errorOf(result)?.message).toMatch(tooSmall);
    expect(result.stdout).not.toContain('Downloading');
  });

  test('from the sizes in pylock.toml', async () => {
    await write({ 'requirements.in': 'numpy==2.2.6\nsix==1.16.0\n' });
    await runUv(
      'pip',
      'compile',
      '--quiet',
      '--format',
      'pylock.toml',
      'requirements.in',
      '-o',
      'pylock.toml',
    );
    expect(errorOf(await withFree(2e6))?.message).toMatch(tooSmall);
  });

  test('from the sizes that the index tells, where the lock tells none', async () => {
    await write({ 'requirements.in': 'numpy==2.2.6\nsix==1.16.0\n' });
    await locked();
    expect(errorOf(await withFree(2e6))?.message).toMatch(tooSmall);
  });

  test('and what is in the environment or in the cache already counts nothing', async () => {
    await write({ 'requirements.in': 'numpy==2.2.6\nsix==1.16.0\n' });
    await locked();
    expect(await installed(await withFree(1e9))).toHaveLength(2);
    await write({ 'requirements.in': 'numpy==2.2.6\nsix==1.15.0\n' });
    await locked();
    expect(await installed(await withFree(2e6))).toEqual(['numpy==2.2.6', 'six==1.15.0']);
  });
});
