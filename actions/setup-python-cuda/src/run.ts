import { dirname, resolve, sep } from 'node:path';
import { addPath, annotate, type Context, exportVariable, type InputsOf, saveState } from '@mlops/core';
import type { action } from './action.ts';
import { uvCacheFolder } from './cache/built-wheels.ts';
import { type Cache, openCache } from './cache/cache.ts';
import { ToolCache } from './cache/tool-cache.ts';
import type { Decision } from './cuda/decide.ts';
import { useIndexes } from './indexes.ts';
import type { PostState } from './post.ts';
import { findProject, namesOf, type Project } from './project.ts';
import { findOrInstallPython, findPython, type Python } from './python.ts';
import { readPythonEnv } from './python-env.ts';
import { type PythonRequest, pythonRequest } from './python-request.ts';
import { refuseMeaningless } from './refuse-inputs.ts';
import { setUpVenv } from './set-up-venv.ts';
import { shownFrom } from './shown-path.ts';
import { findOnPath } from './tool-release.ts';
import { findOrInstallUv, Uv } from './uv/uv.ts';
import { wantedUv } from './uv/wanted-uv.ts';
import { checkVenvPath, isVenv } from './venv.ts';

type Inputs = InputsOf<typeof action>;
type ActionContext = Context<typeof action>;

/** Sets up uv, Python and the project's environment, and makes them those of the steps that follow. */
export async function setUp(inputs: Inputs, context: ActionContext): Promise<void> {
  const started = Date.now();
  const { workingDirectory: folder, github } = context;
  // What is wrong with the inputs or the project is said before anything is downloaded.
  const venv = resolve(folder, inputs.venv);
  checkVenvPath(venv, folder, github.workspace);
  const project = inputs.install
    ? await findProject(folder, inputs.dependencyFiles, inputs.groups, github.workspace)
    : undefined;
  if (project) refuseMeaningless(inputs, project.manager);
  if (project?.ignored.length) noticeIgnored(project);
  const release = await useIndexes(inputs, project, github.temp);
  try {
    if (project?.manager === 'conda' || project?.manager === 'pixi') {
      const { setUpPrefix } = await import('./set-up-prefix.ts');
      const env = await cudaForPrefix(inputs, context);
      await setUpPrefix(inputs, context, { project, venv, started, env });
    } else await setUpWithUv(inputs, context, { project, venv, started });
  } finally {
    await release();
  }
}

async function setUpWithUv(
  inputs: Inputs,
  context: ActionContext,
  { project, venv, started }: { project: Project | undefined; venv: string; started: number },
): Promise<void> {
  const { workingDirectory: folder, github, signal, outputs } = context;
  const where = { cwd: folder, signal };
  const asked = await pythonRequest(inputs, folder, project, github.workspace);
  // What is wrong in it is said before a Python is fetched.
  const [file] = project?.manager === 'python-env' ? project.files : [];
  if (file) await readPythonEnv(file, shownFrom(github.workspace, file));

  if (inputs.cacheLocalPath) exportVariable('UV_CACHE_DIR', resolve(folder, inputs.cacheLocalPath));

  const there = project !== undefined && (await isVenv(venv));
  const { uv, python, cache, tools } = await findTools(inputs, context, asked);
  outputs.cacheHit = false;
  announce(uv, python, asked, project, folder);
  // The toolkit belongs into an environment.
  const cudaPackages = project ? inputs.cudaPackages : [];
  const wanted = { cuda: inputs.cuda, cudaPackages };
  const decision = await decideCuda(wanted, uv, { ...where, python: python.path });
  if (!project) {
    if (inputs.activate) {
      exportVariable('UV_PYTHON', python.path);
      addPath(dirname(python.path));
    }
    if (decision) await publishWithoutVenv(inputs, context, uv, decision);
    context.summary.push(`**Python ${python.version}** with uv ${uv.version}, nothing installed.`);
  }
  const environment = project
    ? await setUpVenv(inputs, context, {
        ...{ uv, python, project, venv, there, cache, started, decision },
        restoredBytes: tools.restoredBytes,
      })
    : { folder: await uvCacheFolder(uv, where) };
  const state: PostState = { uv: uv.path, tools: tools.missing, ...environment };
  saveState('cache', JSON.stringify(state));
}

/** Finds uv and Python, or fetches them: from the cache where an earlier job had to download them. */
async function findTools(
  inputs: Inputs,
  { workingDirectory: cwd, github, signal, outputs }: ActionContext,
  asked: PythonRequest,
): Promise<{ uv: Uv; python: Python; cache: Cache | undefined; tools: ToolCache }> {
  const cache = await openCache(inputs, github, signal);
  const tools = new ToolCache(cache, inputs.cacheSuffix);
  // uv on PATH searches Python while it is asked for its version.
  const path = findOnPath('uv');
  const search = path && !asked.latest ? findPython(new Uv(path, ''), asked, { cwd, signal }) : undefined;
  search?.catch(() => {}); // Where that uv is too old, its answer does not matter.
  const wanted = await wantedUv(inputs.uvVersion, cwd, github.workspace);
  const uv = await findOrInstallUv(cwd, signal, tools, wanted);
  outputs.uvPath = uv.path;
  const python = await findOrInstallPython(
    uv,
    asked,
    { cwd, signal },
    {
      tools: inputs.cachePython ? tools : undefined,
      found: uv.path === path ? search : undefined,
    },
  );
  Object.assign(outputs, { pythonVersion: python.version, pythonPath: python.path });
  outputs.restoredBytes = tools.restoredBytes;
  return { uv, python, cache, tools };
}

/** What is wanted of CUDA; what cannot work here is an error before any package is fetched. */
async function decideCuda(
  wanted: Pick<Inputs, 'cuda' | 'cudaPackages'>,
  uv: Uv,
  where: { cwd: string; signal: AbortSignal; python: string },
): Promise<Decision | undefined> {
  // The default costs a start nothing.
  if (wanted.cuda === 'none' && !wanted.cudaPackages.length) return undefined;
  return (await import('./cuda/decide.ts')).decideCuda(wanted, uv, where);
}

async function publishWithoutVenv(
  inputs: Inputs,
  context: ActionContext,
  uv: Uv,
  decision: Decision,
): Promise<void> {
  const { exportBackend, publishCuda } = await import('./cuda/publish.ts');
  const [best = 'cpu'] = decision.wish.candidates;
  await publishCuda(context, uv, decision, best);
  if (inputs.activate) exportBackend(decision, best);
}

/** Environment for conda and pixi, whose solvers choose CUDA by themselves. */
async function cudaForPrefix(inputs: Inputs, context: ActionContext): Promise<Record<string, string>> {
  if (inputs.cuda === 'none') return {};
  return (await import('./cuda/prefix.ts')).cudaForPrefix(inputs, context);
}

function noticeIgnored({ manager, files, ignored }: Project): void {
  annotate(
    'notice',
    `Installing from ${files.map((file) => file.split(sep).at(-1)).join(' and ')} (${manager}); not used: ${ignored.join(', ')}. Set 'dependency-files' to choose otherwise.`,
    {
      title: 'Several locks',
    },
  );
}

function announce(
  uv: Uv,
  python: Python,
  asked: PythonRequest,
  project: Project | undefined,
  folder: string,
): void {
  process.stdout.write(`uv ${uv.version} at ${uv.path}\n`);
  process.stdout.write(
    `Python ${python.version} at ${python.path}, for '${asked.request}' from ${asked.from}\n`,
  );
  if (project) process.stdout.write(`Dependencies from ${namesOf(project, folder).join(', ')}\n`);
}
