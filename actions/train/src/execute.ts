import { group, messageOf, UserError } from '@mlops/core';
import { CommandError, script, stepEnvironment } from '@mlops/core/process';
import type { Stage } from './stages.ts';

/** Runs a stage's command with its log streamed, in a group of its own. */
export async function execute(
  stage: Stage,
  reason: string,
  options: { folder: string; signal: AbortSignal },
): Promise<void> {
  const { folder, signal } = options;
  await group(`Stage ${stage.name}: ${reason}`, async () => {
    for (const line of stage.run.trim().split('\n')) process.stdout.write(`  $ ${line}\n`);
    try {
      await script(stage.run, {
        cwd: folder,
        env: stepEnvironment(process.env),
        signal,
        onLine: (line, stream) => process[stream].write(`${line}\n`),
      });
    } catch (error) {
      if (signal.aborted || !(error instanceof UserError)) throw error;
      throw new UserError(`stage '${stage.name}': ${messageOf(error)}`, {
        cause: error,
        advice:
          error instanceof CommandError
            ? `Its whole log is above, in the group 'Stage ${stage.name}'.`
            : error.advice,
      });
    }
  });
}
