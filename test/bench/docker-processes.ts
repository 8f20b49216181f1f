import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { command } from '@mlops/core/process';
import type { Side } from './docker-sides.ts';

/** Counts the processes of a command, itself among them. */
export interface Counter {
  /** How it counts. */
  name: string;
  count(side: Side, execute: (side: Side) => Promise<void>): Promise<number>;
}

/**
 * With strace, which the kernel tells of every process, each counts that ends by itself. Where there is none, or it may
 * not watch, only those count that a Node starts: then what buildx itself starts is on neither side.
 */
export async function countWith(folder: string): Promise<Counter> {
  const mayTrace = await command('strace', ['-f', '-o', join(folder, 'trace'), 'true']).then(
    () => true,
    () => false,
  );
  return mayTrace ? withStrace(folder) : withHook(folder);
}

function withStrace(folder: string): Counter {
  const trace = join(folder, 'trace');
  const options = ['-f', '-qq', '--seccomp-bpf', '-e', 'trace=exit_group', '-e', 'signal=none', '-o', trace];
  return {
    name: 'strace',
    async count({ program, args, ...rest }, execute) {
      await execute({ ...rest, program: 'strace', args: [...options, program, ...args] });
      const ended = (await readFile(trace, 'utf8')).matchAll(/^(\d+) +exit_group\(/gm);
      return new Set([...ended].map(([, pid]) => pid)).size;
    },
  };
}

function withHook(folder: string): Counter {
  const list = join(folder, 'started');
  const hook = join(folder, 'hook.mjs');
  return {
    name: 'node',
    async count(side, execute) {
      await rm(list, { force: true });
      await writeFile(hook, hookSource(list));
      const options = `${side.env.NODE_OPTIONS ?? ''} --import=${pathToFileURL(hook)}`.trim();
      await execute({ ...side, env: { ...side.env, NODE_OPTIONS: options } });
      const started = await readFile(list, 'utf8').catch(() => '');
      return 1 + started.length;
    },
  };
}

/** Everything in node:child_process that does not wait comes by `spawn` of ChildProcess; nothing here uses the rest. */
function hookSource(list: string): string {
  return `
    import { appendFileSync } from 'node:fs';
    import { ChildProcess } from 'node:child_process';
    const { spawn } = ChildProcess.prototype;
    ChildProcess.prototype.spawn = function (...args) {
      appendFileSync(${JSON.stringify(list)}, '.');
      return spawn.apply(this, args);
    };
  `;
}
