import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect } from 'vitest';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/**
 * A folder with an nvidia-smi that answers as on such a machine: the files in nvidia-smi/ are sessions with the command,
 * what it prints, and its exit code. It answers to those commands only.
 */
export function nvidiaSmiOf(machine: string): string {
  const text = readFileSync(fileURLToPath(new URL(`nvidia-smi/${machine}.txt`, import.meta.url)), 'utf8');
  const sessions = [...text.matchAll(/^\$ nvidia-smi (.+)\n([\s\S]*?)^exit (\d+)$/gm)];
  expect(sessions.length).toBeGreaterThan(0);
  const cases = sessions.map(
    ([, args, output, exitCode]) => `"${args}") cat <<'END'\n${output}END\nexit ${exitCode};;`,
  );
  return standIn(`case "$*" in\n${cases.join('\n')}\nesac\necho "no answer to: $*"\nexit 99`);
}

/** A folder with an nvidia-smi that is this script. */
export function standIn(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'cuda-machine-'));
  folders.push(folder);
  writeFileSync(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
  return folder;
}
