import { writeJobFile } from '../job-file.ts';
import { into, type Plan, type Target } from '../plan.ts';
import { ToolError } from '../run-tool.ts';
import { sourcesOf } from '../sources.ts';
import { firstThatResolves, type Wish } from './candidates.ts';
import { type Locked, leavingOut, lockedList, pinOf } from './locked-list.ts';
import { type Resolution, resolve } from './resolve.ts';
import { checkComponents, toolkitRequirements } from './toolkit.ts';
import { torchFamily } from './uv-torch.ts';

/** A plan that follows a torch backend. */
export interface BackendPlan {
  backend: string;
  plan: Plan;
  /** The torch family as it will be installed: `torch==2.9.0+cu126`. */
  torch: string[];
  /** Whether the lock names another build of it. */
  instead: boolean;
  /** Names of all that belongs into the environment, where the plan does not remove the rest itself. */
  only?: ReadonlySet<string>;
}

/**
 * A lock with PyTorch for another backend than its own. uv does not do this, neither for its projects nor for other
 * locks, whose hashes are those of one build. So the torch family and what only it needs is left out and installed
 * beside, at the versions of the lock; everything else stays as it is locked. A lock whose build runs here is kept.
 */
export async function planBesideLock(target: Target, plan: Plan, wish: Wish): Promise<BackendPlan> {
  const { uv, temp, signal, venv, python } = target;
  const listed = await lockedList(target, plan);
  const list = listed.filter((each): each is Locked => each.version !== undefined);
  const names = list.map(({ name }) => name);
  const family = await torchFamily(uv, names, { cwd: temp, signal, python: python.path });
  const locked = list.filter(({ name }) => family.has(name));
  const build = wish.byExtra ? wish.candidates[0] : buildOf(locked);
  const kept = build !== undefined && wish.candidates.includes(build);
  const [best = 'cpu'] = kept ? [build] : wish.candidates;
  const replaced = kept ? [] : locked;
  if (!replaced.length && !wish.components.length)
    return { backend: best, plan, torch: kept ? locked.map(exactly) : [], instead: false };

  const [step = { args: [], cwd: target.folder }] = plan.steps;
  const sources = await sourcesOf(step, temp);
  const wanted = replaced.filter(({ name }) => !followsTorch(name)).map(withoutBuild);
  const out = new Set([
    ...replaced.map(({ name }) => name),
    ...(replaced.length ? await neededByTorchAlone(target, step, sources, list, family) : []),
  ]);
  const rest = list.filter(({ name }) => !out.has(name));
  const constraints = await writeJobFile(target.temp, 'locked-constraints.txt', rest.map(pinOf).join('\n'));
  const { backend, resolution } = await firstThatResolves(
    target,
    kept ? { ...wish, candidates: [build] } : wish,
    (each) => [
      ...wanted,
      ...toolkitRequirements(each, wish.components),
      ...sources,
      '--constraint',
      constraints,
    ],
    step,
  );
  await checkComponents(target, backend, wish.components);

  const restNames = new Set(listed.map(({ name }) => name).filter((name) => !out.has(name)));
  const beside = [...resolution.versions].filter(([name]) => !restNames.has(name));
  const file = await writeJobFile(
    target.temp,
    'beside-the-lock.txt',
    beside.map(([name, version]) => `${name}==${version}`).join('\n'),
  );
  const installBeside = {
    cwd: step.cwd,
    ...(step.env ? { env: step.env } : {}),
    args: [
      ...['pip', 'install', '--no-deps', ...into(venv), '--torch-backend', backend],
      ...sources,
      ...['-r', file],
    ],
  };
  const steps = await Promise.all(plan.steps.map((each) => leavingOut(target, each, out)));
  return {
    backend,
    plan: { ...plan, steps: [...steps, installBeside] },
    torch: replaced.length ? await torchIn(target, resolution) : locked.map(exactly),
    instead: replaced.length > 0,
    only: new Set([...restNames, ...resolution.versions.keys()]),
  };
}

/** The one build that all locked packages of the family are of, by their local versions; undefined where none says. */
function buildOf(locked: readonly Locked[]): string | undefined {
  const builds = new Set(locked.flatMap(({ version }) => version.split('+')[1] ?? []));
  return builds.size === 1 ? [...builds][0] : undefined;
}

/** A requirement of the same version, whatever the build. */
function withoutBuild({ text, version }: Locked): string {
  return text.replace(version, version.split('+')[0] ?? version);
}

function exactly({ name, version }: Locked): string {
  return `${name}==${version}`;
}

/** Triton is what a build of torch says it is; processors have none. */
function followsTorch(name: string): boolean {
  return /^(pytorch-)?triton\b/.test(name);
}

/**
 * CUDA's libraries in the list that only PyTorch needs: what PyTorch as locked brings along, less what the other
 * packages need. Where uv cannot tell the former, every library of CUDA counts as PyTorch's.
 */
async function neededByTorchAlone(
  target: Target,
  step: Plan['steps'][number],
  sources: readonly string[],
  list: readonly Locked[],
  family: ReadonlySet<string>,
): Promise<string[]> {
  const libraries = list.filter(({ name }) => !family.has(name) && /^(nvidia|cuda)-/.test(name));
  if (!libraries.length) return [];
  const namesNeededBy = async (wanted: readonly Locked[]): Promise<ReadonlySet<string> | undefined> => {
    const file = await writeJobFile(
      target.temp,
      'some-of-the-lock.txt',
      wanted.map(({ text }) => text).join('\n'),
    );
    const pins = await writeJobFile(target.temp, 'all-of-the-lock.txt', list.map(pinOf).join('\n'));
    const args = ['-r', file, ...sources, '--constraint', pins];
    const options = {
      ...target,
      python: target.python.path,
      cwd: step.cwd,
      ...(step.env ? { env: step.env } : {}),
    };
    const found = await resolve(args, options).catch((error: unknown) => {
      if (error instanceof ToolError) return undefined;
      throw error;
    });
    return found && new Set(found.versions.keys());
  };
  const ofTorch = await namesNeededBy(list.filter(({ name }) => family.has(name)));
  const others = list.filter((each) => !family.has(each.name) && !libraries.includes(each));
  const ofOthers = others.length ? await namesNeededBy(others) : undefined;
  return libraries
    .map(({ name }) => name)
    .filter((name) => (ofTorch?.has(name) ?? true) && !ofOthers?.has(name));
}

/** The torch family in a resolution, pinned. */
export async function torchIn(target: Target, { versions }: Resolution): Promise<string[]> {
  const { uv, temp: cwd, signal, python } = target;
  const family = await torchFamily(uv, [...versions.keys()], { cwd, signal, python: python.path });
  return [...family].map((name) => `${name}==${versions.get(name)}`);
}
