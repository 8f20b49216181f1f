import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '@mlops/core';
import { isPlaceholder } from './live-folder.ts';
import { shortHash } from './short-hash.ts';

/** Who wrote what lies in a checkpoint folder. */
export interface Owner {
  dir: string;
  identity: string;
  /** `running` also after a process was killed that could not say otherwise. */
  state: 'running' | 'ended';
  leader: Leader | null;
  /** Null while the command runs, and when nobody was there to see how it ended. */
  exit: Exit | null;
  /** What lay in the folder when this was written; null when it may hold more by now. */
  entries: string[] | null;
}

/** How a command's process ended. */
export interface Exit {
  /**
   * - `stopped`: by itself, so that it had ended what it wrote
   * - `interrupted`: because it was asked to, maybe at once, maybe after it had saved its state
   * - `killed`: at once, so that it may have been writing
   */
  how: 'stopped' | 'interrupted' | 'killed';
  /** In milliseconds since the epoch. */
  at: number;
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

/** At once, because the process may be killed at any time. */
export function writeOwner(folder: string, owner: Owner): void {
  writeFileSync(ownerFile(folder, owner.dir), JSON.stringify(owner));
}

/** Makes the folder that holds all of this, which git does not see. */
export async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(join(folder, '.mlops'), { recursive: true });
    await writeFile(join(folder, '.mlops', '.gitignore'), '*\n');
  } catch (error) {
    throw new UserError(`checkpoints cannot be kept: ${messageOf(error)}`, {
      cause: error,
      advice: `They are copied into '.mlops' in the working directory. Make '${folder}' writable, or free the disk.`,
    });
  }
}

/** Names of what a checkpoint folder holds; none when it is not there. */
export function entriesOf(live: string, dir: string): string[] {
  if (!existsSync(live)) return [];
  try {
    return readdirSync(live).filter((name) => !isPlaceholder(name));
  } catch (error) {
    const isFile = (error as NodeJS.ErrnoException).code === 'ENOTDIR';
    throw new UserError(
      `input checkpoint-dir: '${dir}' ${isFile ? 'is a file' : `cannot be read: ${messageOf(error)}`}`,
      { cause: error, advice: 'Name a folder for checkpoints.' },
    );
  }
}

/** The folder is emptied before a training; what this action did not put there is not its to remove. */
export function refuseForeignFiles(live: string, dir: string, owner: Owner | undefined): void {
  if (owner && !owner.entries) return;
  const names = entriesOf(live, dir).filter((name) => !owner?.entries?.includes(name));
  if (!names.length) return;
  throw new UserError(
    `input checkpoint-dir: '${dir}' holds files that are not this action's: ${names.slice(0, 5).join(', ')}`,
    {
      advice:
        'The folder is emptied before a training starts anew. Name one that only holds checkpoints, and keep starting weights elsewhere.',
    },
  );
}
