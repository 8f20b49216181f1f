import { type Context, group, type InputsOf } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import type { action } from './action.ts';
import { isWarm, uvCacheFolder } from './cache/built-wheels.ts';
import { type Cache, environmentDigest } from './cache/cache.ts';
import { restoreFromCache } from './cache/from-cache.ts';
import type { Decision } from './cuda/decide.ts';
import { install, planInstall } from './install.ts';
import type { Target } from './plan.ts';
import type { PostState } from './post.ts';
import { namesOf, type Project } from './project.ts';
import type { Python } from './python.ts';
import { readRequirements } from './requirements.ts';
import { resolutionOf } from './resolution.ts';
import type { Selection } from './selection.ts';
import { digestOfTextFiles } from './text-file.ts';
import type { Uv } from './uv/uv.ts';
import { activate, ensureVenv, packagesIn, untilFinished, venvPaths } from './venv.ts';

type Inputs = InputsOf<typeof action>;
type ActionContext = Context<typeof action>;

interface Found {
  uv: Uv;
  python: Python;
  project: Project;
  /** Absolute path of the virtual environment. */
  venv: string;
  /** Whether there is one. */
  there: boolean;
  cache: Cache | undefined;
  /** What is wanted of CUDA; undefined for `cuda: none`. */
  decision: Decision | undefined;
  /** Of uv and Python. */
  restoredBytes: number;
  /** When the action began. */
  started: number;
}

/** Makes the project's virtual environment that of the steps that follow, and returns what the post step must know. */
export async function setUpVenv(
  inputs: Inputs,
  context: ActionContext,
  found: Found,
): Promise<Pick<PostState, 'folder' | 'installed' | 'wheels' | 'environment'>> {
  const { uv, python, project, venv, started } = found;
  const { workingDirectory: folder, github, signal, outputs } = context;
  const where = { cwd: folder, signal };
  const resolution = resolutionOf(inputs, folder);
  const asked: Selection = {
    extras: inputs.extras,
    groups: project.manager === 'pip' ? [] : inputs.groups, // There the groups are files.
    excludeGroups: inputs.excludeGroups,
    ...(resolution && { resolution }),
    ...(inputs.pipVersion && { pip: inputs.pipVersion }),
  };
  const base = { ...found, selection: asked, folder, workspace: github.workspace, temp: github.temp, signal };
  const [lock, cuda, uvCache] = await Promise.all([
    lockedFiles(project).then(digestOfTextFiles),
    found.decision && setUpCuda(inputs, context, base, found.decision),
    uvCacheFolder(uv, where),
  ]);
  const target = cuda?.target ?? base;
  const plan = cuda?.plan ?? (await planInstall(base));
  const { selection } = target;
  const begun = performance.now();
  const warm = await isWarm(uvCache);
  const cached = await restoreFromCache(inputs, context, found.cache, {
    ...found,
    ...{ selection, plan, lock, uvCache, warm },
  });
  outputs.cacheHit = cached.hit;
  if (cached.key) outputs.cacheKey = cached.key;
  const restoredBytes = found.restoredBytes + cached.bytes;
  outputs.restoredBytes = restoredBytes;

  const made = await ensureVenv(uv, venv, python, where);
  await group(`Install ${namesOf(project, folder).join(' and ')}`, () =>
    untilFinished(venv, () => install(target, plan, { uvCache, warm, reused: made === 'reused' })),
  );
  const installSeconds = (performance.now() - begun) / 1000;
  await cuda?.finish();
  outputs.installSeconds = Number(installSeconds.toFixed(3));
  if (inputs.activate) activate(venv);
  const interpreter = venvPaths(venv, process.platform).python;
  Object.assign(outputs, { venv, pythonPath: interpreter });

  const toSave = cached.toSave(installSeconds);
  // A list is made only where somebody needs it.
  const packages =
    plan.locked && !toSave.wheels && !toSave.environment
      ? undefined
      : await installedPackages(uv, interpreter, where);
  const count = (packages ?? (await packagesIn(venv))).length;
  const durationMs = Date.now() - started;
  context.record.environments.push({
    manager: project.manager,
    python: python.version,
    lock: plan.locked ? { path: namesOf(project, folder).join(', '), digest: lock } : null,
    digest: environmentDigest(plan.locked ? lock : digestOfPackages(packages ?? []), python, selection),
    cacheHit: cached.hit,
    ...(cuda && { cuda: cuda.record }),
    durationMs,
    restoredBytes,
    installMs: Math.round(installSeconds * 1000),
  });
  const how = cached.restored
    ? 'environment restored'
    : made === 'reused'
      ? 'environment reused'
      : cached.hit
        ? 'cache hit'
        : 'fresh environment';
  context.summary.push(
    `**Python ${python.version}**, ${count} ${count === 1 ? 'package' : 'packages'} from ${namesOf(
      project,
      folder,
    )
      .map((name) => `\`${name}\``)
      .join(' and ')}${plan.locked ? '' : ' (not locked)'} · ${how} · ${(durationMs / 1000).toFixed(1)} s`,
  );
  return { folder: uvCache, ...toSave, ...(packages && { installed: { python: interpreter, packages } }) };
}

/** What is installed, as `name==version`, or `-e path` for what is installed in place. */
async function installedPackages(
  uv: Uv,
  interpreter: string,
  where: { cwd: string; signal: AbortSignal },
): Promise<string[]> {
  const { stdout } = await uv.run(['pip', 'freeze', '--python', interpreter], where);
  return stdout.split('\n').filter(Boolean);
}

/** Editable projects are named by a path, which differs from machine to machine. */
function digestOfPackages(packages: readonly string[]): string {
  return hashText(packages.filter((line) => !line.startsWith('-e ')).join('\n'));
}

/** CUDA's part of the installation; loaded only where it is asked for. */
async function setUpCuda(inputs: Inputs, context: ActionContext, target: Target, decision: Decision) {
  const [{ planWithCuda }, { publishCuda }, { finishCuda }] = await Promise.all([
    import('./cuda/plan.ts'),
    import('./cuda/publish.ts'),
    import('./cuda/finish.ts'),
  ]);
  const planned = await planWithCuda(target, decision);
  const { activate } = inputs;
  const record = await publishCuda(context, target.uv, decision, planned.settled.backend);
  return { ...planned, record, finish: () => finishCuda({ ...target, activate }, decision, planned) };
}

/** All files that fix what is installed: requirements files include others. */
async function lockedFiles({ manager, files }: Project): Promise<string[]> {
  if (manager !== 'pip') return files;
  return [...new Set([...files, ...(await readRequirements(files)).map(({ file }) => file)])];
}
