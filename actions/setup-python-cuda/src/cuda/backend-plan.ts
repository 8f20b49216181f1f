import { writeJobFile } from '../job-file.ts';
import type { Plan, Target } from '../plan.ts';
import { type BackendPlan, planBesideLock, torchIn } from './beside-lock.ts';
import { firstThatResolves, type Wish } from './candidates.ts';
import { checkComponents, toolkitRequirements } from './toolkit.ts';

/**
 * Changes a plan so that PyTorch comes for one of the backends wished for: the first whose index has the versions that
 * the project wants. What is not locked uv resolves with a backend; of a lock the torch family is left out and
 * installed beside.
 */
export async function planForBackend(target: Target, plan: Plan, wish: Wish): Promise<BackendPlan> {
  if (plan.locked) return planBesideLock(target, plan, wish);
  // What the project's files require is installed by the last step that names one.
  const at = plan.steps.findLastIndex(({ args }) => args.includes('-r') || args.includes('-e'));
  const last = plan.steps[at];
  const [best = 'cpu'] = wish.candidates;
  if (!last) return { backend: best, plan, torch: [], instead: false };
  const wanted = last.args
    .slice(2)
    .filter((arg, index, all) => arg !== '--python' && all[index - 1] !== '--python');
  const toolkit = (backend: string) => toolkitRequirements(backend, wish.components);
  const argsFor = (backend: string) => [...wanted, ...toolkit(backend)];
  const { backend, resolution } = await firstThatResolves(target, wish, argsFor, last);
  await checkComponents(target, backend, wish.components);
  const torch = await torchIn(target, resolution);
  if (!torch.length && !wish.components.length) return { backend: best, plan, torch, instead: false };
  // Pinned to the very build: another one that is there already does not pass for it.
  const pins = await writeJobFile(target.temp, 'torch-constraints.txt', torch.join('\n'));
  const args = [...last.args, ...toolkit(backend), '--torch-backend', backend, '--constraint', pins];
  const steps = plan.steps.with(at, { ...last, args });
  return { backend, plan: { ...plan, steps }, torch, instead: false };
}
