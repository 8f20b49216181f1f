import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@mlops/core';

const patience = { deadlineMs: 120_000, everyMs: 5 };

/** The Python process that trains vision-pytorch in a run, seen from outside. Linux only: it is found in /proc. */
export class TrainingProcess {
  readonly pid: number;
  readonly #checkpoint: string;
  readonly #signal: AbortSignal;

  private constructor(pid: number, folder: string, signal: AbortSignal) {
    this.pid = pid;
    this.#checkpoint = join(folder, 'checkpoints', 'checkpoint.pt');
    this.#signal = signal;
  }

  /**
   * The process that has `mark`, as `NAME=value`, in its environment, once it runs. `signal` ends all waiting: nothing is
   * to be expected of a run that has ended.
   */
  static async find(mark: string, signal: AbortSignal, after?: TrainingProcess): Promise<TrainingProcess> {
    const look = async () => {
      for (const pid of (await readdir('/proc')).filter(
        (name) => /^\d+$/.test(name) && name !== `${after?.pid}`,
      )) {
        const about = (file: string) => readFile(join('/proc', pid, file), 'utf8').catch(() => '');
        if (!(await about('cmdline')).endsWith('python\0-m\0digits.train\0')) continue;
        if (!(await about('environ')).split('\0').includes(mark)) continue;
        const folder = await readlink(join('/proc', pid, 'cwd')).catch(() => undefined);
        if (folder) return new TrainingProcess(Number(pid), folder, signal);
      }
      return undefined;
    };
    return await waitFor(look, { ...patience, what: 'the training', signal });
  }

  /** Waits until it has replaced its checkpoint so many times. */
  async checkpoints(count: number): Promise<void> {
    let seen = await this.#version();
    for (let left = count; left > 0; left--) {
      const before = seen;
      const replaced = async () => {
        const now = await this.#version();
        return now === before ? undefined : now;
      };
      seen = await waitFor(replaced, { ...patience, what: `checkpoint ${count}`, signal: this.#signal });
    }
  }

  async #version(): Promise<string> {
    const found = await stat(this.#checkpoint, { bigint: true }).catch(() => undefined);
    return found ? `${found.ino} ${found.mtimeNs}` : '';
  }

  send(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }
}
