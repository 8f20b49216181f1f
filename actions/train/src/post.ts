import { type Context, type InputsOf, waitFor } from '@mlops/core';
import { cacheStore } from '@mlops/core/store';
import type { action } from './action.ts';
import { Checkpoints } from './checkpoints/checkpoints.ts';
import { isAlive, type Leader } from './checkpoints/owner.ts';

/** Time that a command has to save its state, and then to end, once its step is gone. */
const graceMs = 15_000;

/**
 * At the end of the job: keeps the last checkpoint of a training whose step was cut off before it could, as a cancelled
 * step is after ten seconds, and ends what may still run of it.
 */
export async function keepCheckpoint(
  inputs: InputsOf<typeof action>,
  context: Context<typeof action>,
): Promise<void> {
  const { checkpointDir: dir, cache } = inputs;
  if (dir === undefined) return;
  const { workingDirectory: folder, github, signal } = context;
  const left = await Checkpoints.reopen({
    ...{ folder, dir, intervalMs: 0, log },
    store: cache === 'off' ? undefined : cacheStore({ trigger: github, signal }),
    spent: () => ({ seconds: 0, energyWh: 0, cost: 0 }),
  });
  if (!left) return;
  log('The training was cut off; its last checkpoint is kept now.');
  const isGone = left.leader ? await end(left.leader, signal) : true;
  await left.checkpoints.end(isGone ? 'stopped' : 'killed');
}

/** Asks a process group to end, and makes it. Returns whether it went by itself. */
async function end(leader: Leader, signal: AbortSignal): Promise<boolean> {
  for (const step of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    if (!isAlive(leader)) return false;
    process.kill(process.platform === 'win32' ? leader.pid : -leader.pid, step);
    const gone = await waitFor(async () => (isAlive(leader) ? undefined : true), {
      ...{ what: `process ${leader.pid} to end`, deadlineMs: graceMs, everyMs: 100, signal },
    }).catch(() => false);
    if (gone) return step !== 'SIGKILL';
  }
  return false;
}

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}
