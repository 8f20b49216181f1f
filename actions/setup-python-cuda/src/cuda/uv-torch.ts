import { UserError } from '@mlops/core';
import type { Uv } from '../uv/uv.ts';
import { compareBackends, cudaVersion } from './backend.ts';

/*
 * What uv knows of PyTorch: its backends, the drivers they need, their indexes, and which packages come from them. uv
 * has no command that tells, but it says where it would look for a package, offline and within a moment.
 */

/** Where uv is asked, and for which interpreter, which spares it the search for one. */
export interface Where {
  cwd: string;
  signal: AbortSignal;
  python: string;
}

/** One place where uv would look for one package. */
interface Place {
  package: string;
  backend: string;
  /** Without credentials. */
  index: string;
}

/** The CUDA backends that this uv knows, newest first. */
export async function knownBackends(uv: Uv, where: Where): Promise<string[]> {
  const { stdout } = await uv.run(['pip', 'compile', '--help'], { cwd: where.cwd, signal: where.signal });
  const [, values = ''] = /--torch-backend[\s\S]*?\[possible values:([^\]]*)\]/.exec(stdout) ?? [];
  const backends = cudaBackends(values.split(/[\s,]+/));
  if (!backends.length) throw unreadable(uv, 'which torch backends it knows');
  return backends;
}

/**
 * The CUDA backends that a driver serves, newest first, as uv's tables have it. `pythonPlatform` asks for another
 * platform's table, as uv names it, such as `x86_64-pc-windows-msvc`.
 */
export async function servedBackends(
  uv: Uv,
  driver: string,
  where: Where,
  pythonPlatform?: string,
): Promise<string[]> {
  const platform = pythonPlatform ? ['--python-platform', pythonPlatform] : [];
  const places = await placesOf(uv, 'auto', ['torch'], where, { UV_CUDA_DRIVER_VERSION: driver }, platform);
  return cudaBackends(places.map(({ backend }) => backend));
}

/** The index of a backend, without credentials. */
export async function indexOf(uv: Uv, backend: string, where: Where): Promise<string | undefined> {
  return (await placesOf(uv, backend, ['torch'], where))[0]?.index;
}

/** Those of the packages that come from PyTorch's own index where a backend is chosen, as uv has it. */
export async function torchFamily(uv: Uv, packages: readonly string[], where: Where): Promise<Set<string>> {
  const places = await placesOf(uv, 'cpu', [...new Set([...packages, 'torch'])], where);
  const index = places.find((place) => place.package === 'torch')?.index;
  const family = places.filter((place) => place.index === index).map((place) => place.package);
  return new Set(packages.filter((name) => family.includes(name)));
}

async function placesOf(
  uv: Uv,
  backend: string,
  packages: readonly string[],
  { python, ...where }: Where,
  env: Record<string, string> = {},
  args: readonly string[] = [],
): Promise<Place[]> {
  const { stderr } = await uv.run(
    [...'pip compile - --torch-backend'.split(' '), backend, '--python', python, ...args, ...offline],
    { ...where, tolerate: true, input: packages.join('\n'), env: { ...undisturbed, ...env } },
  );
  const urls = stderr.matchAll(/https?:\/\/\S+/g);
  const places = [...urls].flatMap(([text]) => {
    const url = URL.parse(text);
    const [, path, folder, name] = /^(.*\/([^/]+))\/([^/]+)\/$/.exec(url?.pathname ?? '') ?? [];
    return url && path && folder && name
      ? [{ package: name, backend: folder, index: `${url.origin}${path}` }]
      : [];
  });
  if (!places.length)
    throw unreadable(uv, `where it would look for PyTorch: ${stderr.trim().split('\n').at(-1)}`);
  return places;
}

/** A guess would install the wrong build without a word. */
function unreadable({ version }: Uv, what: string): UserError {
  return new UserError(`uv ${version} does not tell ${what}`, {
    advice:
      "The action reads the words of the uv that it installs itself, and of those before: take that, with no uv on PATH, or leave 'cuda' out.",
  });
}

const offline = ['--offline', '--no-cache', '--no-config', '--no-deps', '--verbose'];

/** What would change uv's answer, or the words that it is read from. */
const undisturbed = Object.fromEntries(
  [
    'RUST_LOG',
    'UV_LOG_CONTEXT',
    'UV_CONSTRAINT',
    'UV_OVERRIDE',
    'UV_EXCLUDE',
    'UV_NO_INDEX',
    'UV_FIND_LINKS',
    'UV_CONFIG_FILE',
  ].map((name) => [name, undefined]),
);

function cudaBackends(names: readonly string[]): string[] {
  return [...new Set(names)].filter(cudaVersion).sort((a, b) => compareBackends(b, a));
}
