import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { overlap } from '../paths.ts';
import type { Content } from './content.ts';
import type { Decision, Judged } from './decide.ts';
import type { Lock } from './lock.ts';
import type { Known } from './plan.ts';

/** Content that a run cannot do without, and that is not on the disk. */
export interface Need {
  path: string;
  content: Content;
  /** The stage that wrote it; undefined for data that `dvc add` tracks. */
  owner: Judged | undefined;
  /**
   * `input`: a stage that runs reads it. `before`: the same, and `dvc repro --pull` would not fetch it. `cached`: DVC
   * takes it from its cache instead of running its stage. `result`: model, metrics or a plot of a stage that is skipped.
   */
  use: 'input' | 'before' | 'cached' | 'result';
}

/** Everything that is needed and missing, each path once; `results` are the paths that the caller reads. */
export function needs(
  { judged }: Decision,
  known: Known,
  { folder, results }: { folder: string; results: readonly string[] },
): Need[] {
  const found = new Map<string, Need>();
  const add = (need: Need) => {
    // DVC takes it from its cache, whatever lies on the disk.
    if (need.use !== 'cached' && existsSync(join(folder, need.path))) return;
    if (found.has(need.path) && need.use !== 'before') return;
    found.set(need.path, need);
  };
  for (const each of judged) {
    if (each.verdict === 'unchanged') continue;
    for (const need of inputsOf(each, judged, known)) add(need);
    if (each.verdict === 'cached')
      for (const [path, content] of each.outs) add({ path, content, owner: each, use: 'cached' });
  }
  for (const need of everything(judged, known))
    if (need.owner?.verdict !== 'cached' && results.some((path) => overlap(path, need.path)))
      add({ ...need, use: 'result' });
  return [...found.values()];
}

function inputsOf(each: Judged, judged: readonly Judged[], known: Known): Need[] {
  const { stage } = each;
  const inputs = everything(judged, known)
    .filter(({ path, owner }) => owner?.verdict !== 'cached' && stage.deps.includes(path))
    // DVC looks for it in the wrong folder when the stage has a wdir.
    .map((need) => ({
      ...need,
      use: stage.written(need.path) === need.path ? need.use : ('before' as const),
    }));
  const persistent = stage.outs.flatMap(({ path, persist }): Need[] => {
    const content = persist ? each.before?.get(path) : undefined;
    return content ? [{ path, content, owner: each, use: 'before' }] : [];
  });
  return [...inputs, ...persistent];
}

/** Content that the caller reads, by the lock that a run ended with, and that is not on the disk. */
export function missingResults(
  known: Known,
  lock: Lock,
  { folder, results }: { folder: string; results: readonly string[] },
): [string, Content][] {
  const outs = known.stages.flatMap((stage) =>
    stage.outs.flatMap(({ path }): [string, Content][] => {
      const content = lock.get(stage.name)?.outs.get(stage.written(path));
      return content ? [[path, content]] : [];
    }),
  );
  return [...outs, ...known.data].filter(
    ([path]) => results.some((each) => overlap(each, path)) && !existsSync(join(folder, path)),
  );
}

/** All content whose place is known. */
function everything(judged: readonly Judged[], { data }: Known): Need[] {
  return [
    ...judged.flatMap((owner) =>
      [...owner.outs].map(([path, content]): Need => ({ path, content, owner, use: 'input' })),
    ),
    ...[...data].map(([path, content]): Need => ({ path, content, owner: undefined, use: 'input' })),
  ];
}
