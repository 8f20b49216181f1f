import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { annotate, type Context, group, type InputsOf, UserError } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import type { action } from './action.ts';
import { environmentDigest } from './cache/cache.ts';
import { explain } from './failure/explain.ts';
import { writeJobFile } from './job-file.ts';
import { activatePrefix, type Prefix } from './prefix.ts';
import { namesOf, type Project } from './project.ts';
import { uvRequest } from './python-request.ts';
import { ToolError } from './run-tool.ts';
import type { Selection } from './selection.ts';
import { shownFrom } from './shown-path.ts';

type Inputs = InputsOf<typeof action>;
type ActionContext = Context<typeof action>;

interface Made {
  prefix: Prefix;
  how: string;
  locked: boolean;
  digest: string;
  /** Name and version of what made it. */
  by: string;
}

/** Sets up an environment of conda or pixi, which brings its own Python, for the steps that follow. */
export async function setUpPrefix(
  inputs: Inputs,
  context: ActionContext,
  {
    project,
    venv,
    started,
    env,
  }: { project: Project; venv: string; started: number; env: Record<string, string> },
): Promise<void> {
  const { workingDirectory: folder, github, outputs } = context;
  const { extras, groups, excludeGroups } = inputs;
  const selection: Selection = { extras, groups, excludeGroups };
  const make = project.manager === 'pixi' ? pixi : conda;
  const { prefix, how, locked, digest, by } = await make(inputs, context, {
    project,
    venv,
    selection,
    env,
  }).catch(async (error: unknown) => {
    throw error instanceof ToolError ? await explain(error, project, folder, github.workspace) : error;
  });
  if (inputs.activate) activatePrefix(prefix);
  const { python, packages } = prefix;
  Object.assign(outputs, { venv: prefix.folder, pythonPath: python.path, pythonVersion: python.version });
  outputs.cacheHit = false;
  const [file = ''] = namesOf(project, folder);
  if (!locked)
    annotate(
      'notice',
      `${file} fixes no versions, so that another run may install others. ${lockAdvice(project)}`,
      {
        title: 'Not locked',
        file: shownFrom(github.workspace, project.files[0] ?? folder),
        line: 1,
      },
    );
  const durationMs = Date.now() - started;
  context.record.environments.push({
    manager: project.manager,
    python: python.version,
    lock: locked ? { path: file, digest } : null,
    digest: environmentDigest(
      locked ? digest : hashText(packages.join('\n')),
      { ...python, key: `${python.implementation}-${python.version}-${process.platform}-${process.arch}` },
      selection,
    ),
    cacheHit: false,
    durationMs,
  });
  context.summary.push(
    `**Python ${python.version}**, ${packages.length} packages from \`${file}\`${locked ? '' : ' (not locked)'} by ${by} · ${how} · ${(durationMs / 1000).toFixed(1)} s`,
  );
}

interface Wanted {
  project: Project;
  venv: string;
  selection: Selection;
  /** Further variables for the tool. */
  env: Record<string, string>;
}

async function conda(inputs: Inputs, context: ActionContext, wanted: Wanted): Promise<Made> {
  const { workingDirectory: folder, github, signal } = context;
  const [{ findOrInstallConda }, { condaPython, makeCondaEnvironment }] = await Promise.all([
    import('./conda/tool.ts'),
    import('./conda/create.ts'),
  ]);
  const request = inputs.pythonVersion && (uvRequest(inputs.pythonVersion) ?? inputs.pythonVersion);
  const python = request ? condaPython(request) : undefined;
  const condarc = inputs.condarc ? await condarcFile(inputs.condarc, folder, github.temp) : undefined;
  const findTool = async () => {
    const tool = await findOrInstallConda(inputs.condaTool, signal);
    process.stdout.write(`${tool.name} ${tool.version} at ${tool.path}\n`);
    return tool;
  };
  const [file = ''] = wanted.project.files;
  const made = await group(`Make the conda environment of ${shownFrom(folder, file)}`, () =>
    makeCondaEnvironment({
      findTool,
      file,
      shown: shownFrom(github.workspace, file),
      prefix: wanted.venv,
      selection: wanted.selection,
      python,
      channels: inputs.condaChannels,
      condarc,
      createArgs: inputs.createArgs,
      env: wanted.env,
      folder,
      temp: github.temp,
      signal,
    }),
  );
  const how = { made: 'fresh environment', reused: 'environment reused', replaced: 'environment replaced' };
  return { ...made, how: how[made.how] };
}

async function pixi(inputs: Inputs, context: ActionContext, wanted: Wanted): Promise<Made> {
  const { workingDirectory: folder, github, signal } = context;
  const [{ findOrInstallPixi }, { installPixi }] = await Promise.all([
    import('./pixi/tool.ts'),
    import('./pixi/install.ts'),
  ]);
  const tool = await findOrInstallPixi(signal);
  process.stdout.write(`pixi ${tool.version} at ${tool.path}\n`);
  const [file = ''] = wanted.project.files;
  const made = await group(`Install the pixi workspace of ${shownFrom(folder, file)}`, () =>
    installPixi({
      pixi: tool,
      file,
      environments: inputs.pixiEnvironments,
      frozen: inputs.pixiFrozen,
      env: wanted.env,
      temp: github.temp,
      signal,
    }),
  );
  return { ...made, how: 'installed', by: `pixi ${tool.version}` };
}

/** A condarc that is written into the workflow becomes a file under the name that conda and mamba insist on. */
async function condarcFile(given: string, folder: string, temp: string): Promise<string> {
  if (given.includes('\n') || /^[\w-]+\s*:\s/.test(given)) {
    return writeJobFile(temp, 'condarc', `${given}\n`);
  }
  const path = resolve(folder, given);
  if (existsSync(path)) return path;
  throw new UserError(`input condarc: '${given}' does not exist in ${folder}`, {
    advice: 'Name a file, or write its contents as a block of text.',
  });
}

function lockAdvice({ manager }: Project): string {
  return manager === 'pixi'
    ? "Run 'pixi lock' and commit pixi.lock."
    : "Lock it with 'conda-lock -f environment.yml' and commit conda-lock.yml.";
}
