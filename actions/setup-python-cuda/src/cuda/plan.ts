import { annotate } from '@mlops/core';
import { planInstall } from '../install.ts';
import type { Plan, Target } from '../plan.ts';
import type { Selection } from '../selection.ts';
import { planForBackend } from './backend-plan.ts';
import type { BackendPlan } from './beside-lock.ts';
import type { Decision } from './decide.ts';
import { backendExtra } from './extras.ts';

/** An installation with CUDA's part in it. */
export interface CudaTarget {
  target: Target;
  plan: Plan;
  settled: BackendPlan;
  /** Whether uv's own projects would not keep it: 'uv run' would bring back what the lock says without an extra. */
  unsynced: boolean;
}

/** Plans an installation for one of the backends in question; nothing but metadata is fetched for it. */
export async function planWithCuda(target: Target, decision: Decision): Promise<CudaTarget> {
  const { wish, written } = decision;
  const extra = await backendExtra(target, wish, written);
  const extras = [...new Set([...target.selection.extras, ...(extra ? [extra] : [])])];
  const narrowed = extra ? { ...wish, candidates: [extra], byExtra: true } : wish;
  const selection: Selection = { ...target.selection, extras };
  const asWritten = await planInstall({ ...target, selection });
  // PyTorch for macOS is one build, which every index has.
  const settled: BackendPlan =
    process.platform === 'darwin'
      ? { backend: 'cpu', plan: asWritten, torch: [], instead: false }
      : await planForBackend({ ...target, selection }, asWritten, narrowed);
  announce(settled, decision, extra);
  const cuda = [settled.backend, ...settled.torch, ...wish.components];
  return {
    target: { ...target, selection: { ...selection, cuda } },
    plan: settled.plan,
    settled,
    unsynced: target.project.manager === 'uv' && (settled.instead || extra !== undefined),
  };
}

function announce(
  { backend, torch, instead }: BackendPlan,
  { written }: Decision,
  extra: string | undefined,
): void {
  const because = `cuda: ${written}`;
  if (!torch.length)
    process.stdout.write(
      `The project has no package of PyTorch's that is fixed by a version or a range, so that '${because}' changes none; ${backend} would be its backend here.\n`,
    );
  else
    process.stdout.write(
      `PyTorch for ${backend} ('${because}'${extra ? `, by the extra '${extra}'` : ''}): ${torch.join(', ')}\n`,
    );
  if (instead)
    annotate(
      'notice',
      `PyTorch comes for ${backend} (${torch.join(', ')}) instead of the build in the lock, whose hashes are those of that build. Versions are those of the lock.`,
      { title: 'PyTorch for this machine' },
    );
}
