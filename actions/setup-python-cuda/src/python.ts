import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { UserError } from '@mlops/core';
import type { ToolCache } from './cache/tool-cache.ts';
import type { PythonRequest } from './python-request.ts';
import { ToolError } from './run-tool.ts';
import type { Uv } from './uv/uv.ts';

/** A Python that is installed. */
export interface Python {
  /** Absolute path of the interpreter. */
  path: string;
  /** Full version, such as `3.12.4`. */
  version: string;
  /** Implementation, version, variant and platform in one word: `cpython-3.12.4-linux-x86_64-gnu`. */
  key: string;
}

interface Where {
  cwd: string;
  signal: AbortSignal;
}

/** The path of a Python on this machine that meets the request. */
export async function findPython(
  uv: Uv,
  { request }: PythonRequest,
  where: Where,
  ...flags: string[]
): Promise<string | undefined> {
  const args = ['python', 'find', request, '--system', '--no-project', '--no-python-downloads', ...flags];
  const found = await uv.run(args, { ...where, env: searchEnvironment(), tolerate: true });
  if (found.exitCode === 0) return found.stdout.trim();
  // Whatever hinders uv from looking hinders it from installing one as well, and must not pass for a missing Python.
  const hindered = /^error: (Failed to initialize cache [\s\S]*)/m.exec(found.stderr)?.[1];
  if (hindered)
    throw new UserError(hindered.trim(), {
      advice:
        "uv needs a folder for its cache that it can write to: name one with 'cache-local-path' or UV_CACHE_DIR.",
    });
  return undefined;
}

/**
 * Finds a Python that meets the request on this machine, or else has uv install one, which `tools` may hold from an
 * earlier job. `found` is what a search that has begun before finds.
 */
export async function findOrInstallPython(
  uv: Uv,
  asked: PythonRequest,
  where: Where,
  { tools, found }: { tools?: ToolCache | undefined; found?: Promise<string | undefined> | undefined } = {},
): Promise<Python> {
  const env = searchEnvironment();
  let path = asked.latest ? undefined : await (found ?? findPython(uv, asked, where));
  if (!path) {
    path =
      tools && !asked.latest && (await restoreInterpreters(uv, asked, where, tools))
        ? await findPython(uv, asked, where, '--managed-python')
        : undefined;
  }
  if (!path) {
    if (!asked.latest)
      process.stdout.write(`No Python here meets '${asked.request}' (from ${asked.from}); installing one.\n`);
    await install(uv, asked, { ...where, env });
    path = await findPython(uv, asked, where, '--managed-python');
  }
  const python = path ? (await interpreters(uv, { ...where, env }, path))[0] : undefined;
  if (!path || !python)
    throw new UserError(`Python '${asked.request}' was installed but is not found`, {
      file: asked.file,
      line: asked.line,
    });
  return { ...python, path };
}

/** What a request is met by depends on uv, which knows the newest version of its time. */
async function restoreInterpreters(
  uv: Uv,
  { request }: PythonRequest,
  where: Where,
  tools: ToolCache,
): Promise<boolean> {
  const folder = (await uv.run(['python', 'dir'], where)).stdout.trim();
  return tools.restore(`python-${request}-uv${uv.version}`, folder);
}

async function install(
  uv: Uv,
  asked: PythonRequest,
  where: Where & { env: { PATH: string } },
): Promise<void> {
  const error = await uv.run(['python', 'install', asked.request, '--no-bin'], { ...where, loud: true }).then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!error) return;
  if (!(error instanceof ToolError)) throw error;
  const found = await interpreters(uv, where);
  const versions = [...new Set(found.map(({ key }) => key.split('-').slice(0, 2).join(' ')))];
  const unknown = /No download found|no known|not available|Cannot download|does not match/i.test(
    error.stderr,
  );
  const causes = error.stderr
    .split('\n')
    .flatMap((line) => /^\s*(?:error|cause): (.*)$/.exec(line)?.[1] ?? []);
  // The first says what failed, the last why; between them stands how one led to the other.
  const why = [...new Set([causes[0] ?? 'uv failed', causes.at(-1)])].join(': ');
  throw new UserError(
    `Python '${asked.request}' (from ${asked.from}) is not on this machine and ${
      unknown ? 'uv knows of none to install' : `could not be installed: ${why}`
    }. Found: ${versions.join(', ') || 'none'}.`,
    {
      file: asked.file,
      line: asked.line,
      cause: error,
      advice: unknown
        ? "Ask for a version that exists, such as '3.12'."
        : 'Ask for one that is found, or let the download through: HTTPS_PROXY, or a mirror in UV_PYTHON_INSTALL_MIRROR.',
    },
  );
}

async function interpreters(
  uv: Uv,
  where: Where & { env: { PATH: string } },
  request?: string,
): Promise<Python[]> {
  const args = [
    'python',
    'list',
    ...(request ? [request] : []),
    '--only-installed',
    '--output-format',
    'json',
  ];
  const { stdout, exitCode } = await uv.run(args, { ...where, tolerate: true });
  return exitCode === 0 ? (JSON.parse(stdout || '[]') as Python[]) : [];
}

function searchEnvironment(): { PATH: string } {
  return { PATH: searchPath(process.env, process.platform, process.arch) };
}

/**
 * PATH as uv shall search it: with the interpreters that hosted runners and pyenv keep aside behind it, the newest
 * first. pyenv's shims fail for every version but the selected one, so the selected one stands in their place.
 */
export function searchPath(env: NodeJS.ProcessEnv, platform: NodeJS.Platform, arch: string): string {
  const pyenv = env.PYENV_ROOT || join(homedir(), '.pyenv');
  const versions = newestFirst(join(pyenv, 'versions')).map((version) =>
    join(pyenv, 'versions', version, 'bin'),
  );
  const folders = (env.PATH ?? env.Path ?? '').split(delimiter).flatMap((folder) => {
    if (folder !== join(pyenv, 'shims')) return folder;
    return selectedByPyenv(env, pyenv).map((version) => join(pyenv, 'versions', version, 'bin'));
  });
  const tools = env.RUNNER_TOOL_CACHE ? toolCachePythons(env.RUNNER_TOOL_CACHE, platform, arch) : [];
  return [...folders, ...tools, ...versions].join(delimiter);
}

function selectedByPyenv(env: NodeJS.ProcessEnv, root: string): string[] {
  try {
    return (env.PYENV_VERSION ?? readFileSync(join(root, 'version'), 'utf8')).split(/[:\s]+/).filter(Boolean);
  } catch {
    return [];
  }
}

/** `<tool cache>/Python/3.12.4/x64/bin`; on Windows the interpreter lies in the folder itself. */
function toolCachePythons(root: string, platform: NodeJS.Platform, arch: string): string[] {
  return ['Python', 'PyPy'].flatMap((name) =>
    newestFirst(join(root, name)).flatMap((version) =>
      [arch, `${arch}-freethreaded`]
        .filter((variant) => list(join(root, name, version)).includes(`${variant}.complete`))
        .map((variant) => join(root, name, version, variant, ...(platform === 'win32' ? [] : ['bin']))),
    ),
  );
}

function newestFirst(folder: string): string[] {
  return list(folder).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
