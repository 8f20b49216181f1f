import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { isPlaceholder } from './live-folder.ts';
import { shortHash } from './short-hash.ts';

/** Who wrote what lies in a checkpoint folder. */
export interface Owner {
  dir: string;
  identity: string;
  /** `running` also after a process was killed that could not say otherwise. */
  state: 'running' | 'ended';
  leader: Leader | null;
}

/** The process that leads a command's process group. */
export interface Leader {
  pid: number;
  /** When it was started, as Linux counts it, so that another process of the same number is not taken for it. */
  started: string | null;
}

export function leaderOf(pid: number): Leader {
  return { pid, started: startedAt(pid) };
}

/** Whether anything of the leader's group still runs. */
export function isAlive({ pid, started }: Leader): boolean {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 0);
  } catch {
    return false;
  }
  const now = startedAt(pid);
  return started === null || now === null || now === started;
}

/** The 22nd field of /proc/<pid>/stat (proc_pid_stat(5)); the second one, a name in brackets, may hold anything. */
function startedAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function ownerFile(folder: string, dir: string): string {
  return join(folder, '.mlops', `checkpoint-owner-${shortHash(dir)}.json`);
}

export async function readOwner(folder: string, dir: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(ownerFile(folder, dir), 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

export async function writeOwner(folder: string, owner: Owner): Promise<void> {
  await writeFile(ownerFile(folder, owner.dir), JSON.stringify(owner));
}

/** The folder is emptied before a training; what this action did not put there is not its to remove. */
export async function refuseForeignFiles(live: string, dir: string, owner: Owner | undefined): Promise<void> {
  if (owner || !existsSync(live)) return;
  const names = await readdir(live).catch(() => {
    throw new UserError(`input checkpoint-dir: '${dir}' is a file`, {
      advice: 'Name a folder for checkpoints.',
    });
  });
  if (!names.some((name) => !isPlaceholder(name))) return;
  throw new UserError(
    `input checkpoint-dir: '${dir}' holds files that are not this action's: ${names.slice(0, 5).join(', ')}`,
    {
      advice:
        'The folder is emptied before a training starts anew. Name one that only holds checkpoints, and keep starting weights elsewhere.',
    },
  );
}
