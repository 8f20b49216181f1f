import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The environment of a runner that GitHub hosts. */
export const hosted = { RUNNER_ENVIRONMENT: 'github-hosted', ImageOS: 'ubuntu24' };
export const megabyte = 'x'.repeat(1e6);
/** Some of what such a runner has, by paths from its root. */
export const hostedFiles = {
  'usr/local/lib/android/sdk/a': megabyte,
  'usr/share/dotnet/b': megabyte,
  'usr/local/julia1.12.1/c': megabyte,
  'opt/hostedtoolcache/CodeQL/d': megabyte,
  'opt/hostedtoolcache/Python/3.13/python': 'kept',
  'opt/hostedtoolcache/Ruby/e': megabyte,
  'usr/bin/git': 'kept',
};

/** A folder with these files, which is gone after the test. */
export function folderOf(files: Readonly<Record<string, string>> = {}): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'disk-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

/** A file system of so many megabytes, which is gone after the test; takes root. */
export function smallDisk(megabytes: number, options = ''): string {
  const folder = folderOf();
  const flags = ['-t', 'tmpfs', '-o', `size=${megabytes}m${options}`, 'tmpfs', folder];
  if (spawnSync('mount', flags).status !== 0) throw new Error('tmpfs cannot be mounted');
  onTestFinished(() => {
    spawnSync('umount', ['--lazy', folder]);
  });
  return folder;
}

/** Programs that write down how they were called and then do as their script says; `sudo` runs what it is given. */
export function standIns(scripts: Readonly<Record<string, string>>): {
  env: Record<string, string>;
  calls: () => string[];
} {
  const folder = folderOf({ calls: '' });
  const all = { sudo: 'shift; exec "$@"', ...scripts };
  for (const [name, script] of Object.entries(all)) {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> '${join(folder, 'calls')}'\n${script}\n`);
    chmodSync(file, 0o755);
  }
  return {
    env: { PATH: `${folder}:${process.env.PATH}` },
    calls: () =>
      readFileSync(join(folder, 'calls'), 'utf8')
        .split('\n')
        .filter((line) => line && !line.startsWith('sudo ')),
  };
}
