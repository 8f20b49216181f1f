import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { tool } from '@mlops/tools';

const end = '--- ended with';

/** Reads a command a line and runs it, as the program dvc does with its arguments. */
const loop = `
import json, os, sys
from dvc.cli import main
for line in sys.stdin:
    request = json.loads(line)
    os.chdir(request["cwd"])
    code = main(request["args"])
    sys.stderr.flush()
    print("${end}", code, flush=True)
`;

/** DVC in a process that stays: starting Python for each of hundreds of commands would take most of a test's time. */
export class DvcProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (!child.stdout) throw new Error('the process has no standard output');
    this.#interface = createInterface({ input: child.stdout });
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  static async start(env: Record<string, string>): Promise<DvcProcess> {
    const python = join(dirname(await tool('dvc')), process.platform === 'win32' ? 'python.exe' : 'python');
    return new DvcProcess(
      spawn(python, ['-u', '-c', loop], {
        env: { ...process.env, ...env },
        stdio: ['pipe', 'pipe', 'ignore'],
      }),
    );
  }

  /** What DVC prints; `ok` tells whether it succeeded. */
  async run(cwd: string, ...args: string[]): Promise<{ ok: boolean; said: string }> {
    this.#child.stdin?.write(`${JSON.stringify({ cwd, args })}\n`);
    const said: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`DVC ended in the middle of '${args.join(' ')}': ${said.join('\n')}`);
      if (value.startsWith(end)) return { ok: value === `${end} 0`, said: said.join('\n') };
      said.push(value);
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    await ended;
    this.#interface.close();
  }
}
