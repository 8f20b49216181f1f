import { readFile } from 'node:fs/promises';
import { basename, dirname, sep } from 'node:path';
import { annotate, UserError } from '@mlops/core';
import { diskFull, requireSpace, saysDiskFull } from './disk.ts';
import { explain } from './explain.ts';
import { planPipenv, planPoetry } from './foreign-locks.ts';
import { into, type Plan, shown, type Target } from './plan.ts';
import { readPythonEnv, writePythonEnv } from './python-env.ts';
import { readRequirements } from './requirements.ts';
import { refuseResolution, resolutionArguments } from './resolution.ts';
import { ToolError } from './run-tool.ts';
import type { Selection } from './selection.ts';

export type { Plan, Target } from './plan.ts';

/**
 * Installs a project's packages into its environment, as its lock says. Where uv's cache is `warm`, it may hold all of a
 * lock: then nobody is asked, and what the index says meanwhile cannot matter, since the lock fixes each file by its hash.
 */
export async function install(
  target: Target,
  plan: Plan,
  { folder: uvCache, warm }: { folder: string; warm: boolean },
): Promise<void> {
  const { uv, project, folder, workspace, signal } = target;
  for (const step of plan.steps) {
    const { args, cwd, env } = step;
    const options = { cwd, signal, ...(env ? { env } : {}) };
    if (warm && plan.locked && args[0] === 'pip') {
      const { exitCode, said } = await uv.run([...args, '--offline'], { ...options, tolerate: true });
      if (exitCode === 0) process.stdout.write(said && `${said}\n`);
      if (exitCode === 0) continue;
    }
    await requireSpace(target, { ...plan, steps: [step] }, uvCache);
    try {
      await uv.run(args, { ...options, loud: true });
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      if (saysDiskFull(error.said)) throw await diskFull(target, uvCache, error);
      throw await explain(error, project, folder, workspace, target.selection.resolution?.constraints);
    }
  }
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
  refuseExcluded(selection, 'pylock.toml installs no group by default');
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
  if (selection.extras.length)
    throw new UserError(`input extras: '${selection.extras[0]}' has no meaning for requirements files`, {
      advice: "Extras belong to a pyproject.toml; name it in 'dependency-files', or use 'groups'.",
    });
  refuseExcluded(selection, 'requirements files have no groups that are installed by default');
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
        file: shown(workspace, first.file),
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
  refuseSelected(selection, 'python_env.yaml has neither extras nor groups');
  const environment = await readPythonEnv(file, shown(workspace, file));
  annotate(
    'notice',
    `${basename(file)} fixes no versions, so that another run may install others. Lock them with 'uv pip compile --generate-hashes', and name that file: '- -r requirements.txt'.`,
    { title: 'Not locked', file: shown(workspace, file), line: 1 },
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
  const { parse } = await import('smol-toml');
  const document = parse(await readFile(file, 'utf8'));
  if (!document.project && !document['build-system'])
    throw new UserError(
      'pyproject.toml declares no dependencies: it has neither [project] nor [build-system]',
      {
        file: shown(workspace, file),
        line: 1,
        advice: "List them under [project] and run 'uv lock', or add a requirements.txt.",
      },
    );
  annotate(
    'notice',
    "There is no lock, so that another run may install other versions. Run 'uv lock' and commit uv.lock.",
    {
      title: 'Not locked',
      file: shown(workspace, file),
      line: 1,
    },
  );
  const groups = document['dependency-groups'] ?? {};
  // As `uv sync` has it: the group dev is installed unless it is left out.
  const byDefault = 'dev' in (groups as object) ? ['dev'] : [];
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

function refuseSelected(selection: Selection, why: string): void {
  const [extra] = selection.extras;
  const [group] = selection.groups;
  if (extra) throw new UserError(`input extras: '${extra}' has no meaning here: ${why}`);
  if (group) throw new UserError(`input groups: '${group}' has no meaning here: ${why}`);
  refuseExcluded(selection, why);
}

function refuseExcluded({ excludeGroups }: Selection, why: string): void {
  if (excludeGroups.length)
    throw new UserError(`input exclude-groups: '${excludeGroups[0]}' has no meaning here: ${why}`);
}
