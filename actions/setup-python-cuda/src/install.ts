import { basename, dirname, sep } from 'node:path';
import { annotate, UserError } from '@mlops/core';
import { diskFull, requireSpace } from './disk/disk.ts';
import { saysDiskFull } from './failure/causes.ts';
import { explain } from './failure/explain.ts';
import { planPipenv, planPoetry } from './locks/foreign-locks.ts';
import { holdsExactly, stepForMissing } from './missing.ts';
import { into, type Plan, type Step, type Target } from './plan.ts';
import { readPythonEnv, writePythonEnv } from './python-env.ts';
import { readRequirements } from './requirements.ts';
import { refuseResolution, resolutionArguments } from './resolution.ts';
import { ToolError } from './run-tool.ts';
import type { Selection } from './selection.ts';
import { shownFrom } from './shown-path.ts';
import { readToml } from './toml-file.ts';

/** What there is before an installation. */
export interface Before {
  /** uv's cache folder, and whether it held packages before this job. */
  uvCache: string;
  warm: boolean;
  /** Whether the environment was there, or was restored. */
  reused: boolean;
}

/** Installs a project's packages into its environment, as its lock says. */
export async function install(target: Target, plan: Plan, before: Before): Promise<void> {
  for (const step of plan.steps) {
    const isHashed = plan.locked && step.args[0] === 'pip' && step.args[1] === 'sync';
    if (isHashed && (await installFromWhatIsThere(target, step, before))) continue;
    await requireSpace(target, { ...plan, steps: [step] }, before.uvCache);
    await run(target, step, before.uvCache);
  }
}

/**
 * Installs a hashed lock from uv's cache and the environment, and asks the index only about packages that are new in it;
 * whatever it says meanwhile about the others cannot matter, since the lock fixes each file. False where that fails.
 */
async function installFromWhatIsThere(
  target: Target,
  step: Step,
  { uvCache, warm, reused }: Before,
): Promise<boolean> {
  const missing = reused ? await stepForMissing(target, step) : undefined;
  if (missing) {
    await requireSpace(target, { steps: [missing], locked: true }, uvCache);
    if (!(await succeeds(target, missing))) return false;
    if (await holdsExactly(target, step)) return true;
  }
  return (warm || reused) && succeeds(target, { ...step, args: [...step.args, '--offline'] });
}

async function run(target: Target, { args, ...options }: Step, uvCache: string): Promise<void> {
  const { uv, project, folder, workspace, signal, selection } = target;
  try {
    await uv.run(args, { ...options, signal, loud: true });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (saysDiskFull(error.said)) throw await diskFull(target, uvCache, error);
    throw await explain(error, project, folder, workspace, selection.resolution?.constraints);
  }
}

/** Whether a step succeeds, which then shows what it did; what fails is tried in another way. */
async function succeeds({ uv, signal }: Target, { args, ...options }: Step): Promise<boolean> {
  const { exitCode, said } = await uv.run(args, { ...options, signal, tolerate: true });
  if (exitCode === 0) process.stdout.write(said && `${said}\n`);
  return exitCode === 0;
}

/** The runs of uv that install a project. */
export async function planInstall(target: Target): Promise<Plan> {
  const plan = await planOf(target);
  const { resolution, pip } = target.selection;
  if (plan.locked)
    refuseResolution(resolution, `${basename(target.project.files[0] ?? '')} fixes every version`);
  if (!pip) return plan;
  const requirement = pip === 'latest' ? 'pip' : `pip==${pip}`;
  const step = { args: ['pip', 'install', ...into(target.venv), requirement], cwd: target.folder };
  return { ...plan, steps: [...plan.steps, step] };
}

async function planOf(target: Target): Promise<Plan> {
  switch (target.project.manager) {
    case 'uv':
      return planUvSync(target);
    case 'pylock':
      return planPylock(target);
    case 'poetry':
      return planPoetry(target);
    case 'pipenv':
      return planPipenv(target);
    case 'python-env':
      return planPythonEnv(target);
    case 'pip':
      return planRequirements(target);
    case 'pyproject':
      return planPyproject(target);
    case 'conda':
    case 'pixi':
      throw new Error(`${target.project.manager} installs its own environments`);
  }
}

function planUvSync({ project, python, selection, folder, venv }: Target): Plan {
  // uv records addresses in its lock: where a mirror stands in for them, the lock cannot be compared, only followed.
  const mirrored = process.env.UV_DEFAULT_INDEX || process.env.UV_INDEX_URL;
  const excluded = selection.excludeGroups.flatMap((group) => ['--no-group', group]);
  const named = dirname(project.files[0] ?? folder);
  return {
    locked: true,
    steps: [
      {
        args: [
          'sync',
          mirrored ? '--frozen' : '--locked',
          '--python',
          python.path,
          ...selected(selection),
          ...excluded,
        ],
        // A workspace's lock lies above the member that is synced.
        cwd: folder.startsWith(named + sep) ? folder : named,
        env: { UV_PROJECT_ENVIRONMENT: venv },
      },
    ],
  };
}

function planPylock({ project, selection, folder, venv }: Target): Plan {
  return {
    locked: true,
    steps: [
      {
        args: ['pip', 'sync', ...into(venv), ...project.files, ...selected(selection)],
        cwd: folder,
        env: { UV_PREVIEW_FEATURES: 'pylock' },
      },
    ],
  };
}

async function planRequirements({ project, selection, folder, workspace, venv }: Target): Promise<Plan> {
  const requirements = await readRequirements(project.files);
  const loose = requirements.filter(({ hashed }) => !hashed);
  if (requirements.length && !loose.length)
    return {
      locked: true,
      steps: [{ args: ['pip', 'sync', '--require-hashes', ...into(venv), ...project.files], cwd: folder }],
    };
  const [first] = loose;
  if (first) {
    const count = loose.length === 1 ? 'One requirement has' : `${loose.length} requirements have`;
    annotate(
      'notice',
      `${count} no hash, so that another run may install other files. Lock them with 'uv pip compile --generate-hashes'.`,
      {
        title: 'Not locked',
        file: shownFrom(workspace, first.file),
        line: first.line,
      },
    );
  }
  const files = project.files.flatMap((file) => ['-r', file]);
  const chosen = resolutionArguments(selection.resolution);
  return {
    locked: false,
    steps: [{ args: ['pip', 'install', ...into(venv), ...chosen, ...files], cwd: folder }],
  };
}

/** MLflow's python_env.yaml: what builds need first, then the dependencies. */
async function planPythonEnv({ project, selection, workspace, temp, venv }: Target): Promise<Plan> {
  const file = project.files[0] ?? '';
  const environment = await readPythonEnv(file, shownFrom(workspace, file));
  annotate(
    'notice',
    `${basename(file)} fixes no versions, so that another run may install others. Lock them with 'uv pip compile --generate-hashes', and name that file: '- -r requirements.txt'.`,
    { title: 'Not locked', file: shownFrom(workspace, file), line: 1 },
  );
  const files = await writePythonEnv(environment, temp);
  return {
    locked: false,
    steps: files.map((each) => ({
      args: ['pip', 'install', ...into(venv), ...resolutionArguments(selection.resolution), '-r', each],
      cwd: dirname(file),
    })),
  };
}

async function planPyproject({ project, selection, workspace, venv }: Target): Promise<Plan> {
  const file = project.files[0] ?? '';
  const folder = dirname(file);
  const document = await readToml<Record<string, object>>(file, shownFrom(workspace, file));
  if (!document.project && !document['build-system'])
    throw new UserError(
      'pyproject.toml declares no dependencies: it has neither [project] nor [build-system]',
      {
        file: shownFrom(workspace, file),
        line: 1,
        advice: "List them under [project] and run 'uv lock', or add a requirements.txt.",
      },
    );
  annotate(
    'notice',
    "There is no lock, so that another run may install other versions. Run 'uv lock' and commit uv.lock.",
    {
      title: 'Not locked',
      file: shownFrom(workspace, file),
      line: 1,
    },
  );
  // As `uv sync` has it: the group dev is installed unless it is left out.
  const byDefault = 'dev' in (document['dependency-groups'] ?? {}) ? ['dev'] : [];
  const chosen = [...new Set([...byDefault, ...selection.groups])].filter(
    (group) => !selection.excludeGroups.includes(group),
  );
  const ofGroups = chosen.flatMap((group) => ['--group', group]);
  const extras = selection.extras.join(',');
  const own = document['build-system']
    ? ['-e', extras ? `.[${extras}]` : '.']
    : ['-r', file, ...selection.extras.flatMap((extra) => ['--extra', extra])];
  return {
    locked: false,
    steps: [
      {
        args: [
          'pip',
          'install',
          ...into(venv),
          ...resolutionArguments(selection.resolution),
          ...own,
          ...ofGroups,
        ],
        cwd: folder,
      },
    ],
  };
}

function selected({ extras, groups }: Selection): string[] {
  return [...extras.flatMap((extra) => ['--extra', extra]), ...groups.flatMap((group) => ['--group', group])];
}
