import { annotate, type Context, type InputsOf, waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';
import type { action } from './action.ts';
import { Checkpoints } from './checkpoints/checkpoints.ts';
import { type Exit, isAlive, type Leader } from './checkpoints/owner.ts';
import { checkpointStore, runOf } from './checkpoints/place.ts';

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
  const { workingDirectory: folder, signal } = context;
  const left = await Checkpoints.reopen({
    ...{ folder, dir, intervalMs: 0, log },
    store: checkpointStore(context, cache),
    spent: () => ({ seconds: 0, energyWh: 0, cost: 0 }),
    run: runOf(context),
  });
  if (!left) return;
  log('The training was cut off; its last checkpoint is kept now.');
  const how = left.leader && (await end(left.leader, signal));
  if (how) left.checkpoints.exited(how);
  await left.checkpoints.end();
  const { newest } = left.checkpoints;
  annotate(
    'notice',
    newest
      ? `The training was cut off. Re-run the job to go on from checkpoint ${newest.sequence}.`
      : 'The training was cut off before its first checkpoint, so that it starts anew.',
    { title: 'Not finished' },
  );
}

/** Asks a process group to end, and makes it. Returns how it went; undefined when it was gone before. */
async function end(leader: Leader, signal: AbortSignal): Promise<Exit['how'] | undefined> {
  for (const step of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    if (!isAlive(leader)) return undefined;
    await ask(leader, step);
    const gone = await waitFor(async () => (isAlive(leader) ? undefined : true), {
      ...{ what: `process ${leader.pid} to end`, deadlineMs: graceMs, everyMs: 100, signal },
    }).catch(() => false);
    // Windows only knows how to end a process at once.
    if (gone) return step === 'SIGKILL' || process.platform === 'win32' ? 'killed' : 'interrupted';
  }
  return 'killed';
}

async function ask({ pid }: Leader, signal: NodeJS.Signals): Promise<void> {
  if (process.platform === 'win32') {
    await command('taskkill', ['/pid', String(pid), '/T', '/F'], { tolerate: true });
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch {
    // It has gone meanwhile.
  }
}

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}
