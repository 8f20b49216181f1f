import type { GitHub } from '../github.ts';
import { command } from '../process.ts';
import type { AboutRun } from './assemble.ts';

/** What GitHub and the checkout say of this run. */
export async function aboutRun(github: GitHub, folder: string): Promise<AboutRun> {
  return {
    id: github.runId,
    attempt: github.runAttempt,
    repository: github.repository ?? null,
    workflow: github.workflow,
    event: github.event,
    ref: github.ref,
    commit: github.payload.pull_request?.head.sha ?? github.sha,
    ...(await workingTree(folder)),
    actor: github.actor,
    url: github.runUrl ?? null,
  };
}

async function workingTree(folder: string): Promise<{ message: string; dirty: boolean }> {
  const git = async (args: string[]) => (await command('git', args, { cwd: folder })).stdout.trim();
  const [message, status] = await Promise.all([
    git(['log', '-1', '--format=%s']).catch(() => ''),
    git(['status', '--porcelain', '--untracked-files=no']).catch(() => ''),
  ]);
  return { message, dirty: status !== '' };
}
