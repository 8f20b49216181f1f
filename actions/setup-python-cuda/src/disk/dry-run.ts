import { writeJobFile } from '../job-file.ts';
import type { Plan, Step, Target } from '../plan.ts';
import { sourcesOf } from '../sources.ts';
import { type PackageSize, sizesInLock } from './wheel-sizes.ts';

/** Options of uv that decide, beside the sources, what a package's file is. */
const ofTarget = new Set(['--python', '--torch-backend']);

/**
 * What uv would download for a plan, with sizes: as the lock tells them, or as the indexes do. Of packages of which uv
 * has some in its cache and does not say which, the smallest, so that this is never too much. Undefined where uv cannot
 * tell.
 */
export async function packagesToInstall(
  target: Target,
  { steps }: Plan,
  inLock: readonly PackageSize[] | undefined,
): Promise<PackageSize[] | undefined> {
  const packages: PackageSize[] = [];
  for (const step of steps) {
    const { args, cwd, env } = step;
    const options = { cwd, signal: target.signal, tolerate: true, ...(env ? { env } : {}) };
    const { exitCode, said } = await target.uv.run([...args, '--dry-run'], options);
    if (exitCode !== 0) return undefined;
    const { names, downloads } = readDryRun(said);
    if (downloads === 0) continue;
    const sizes = inLock ?? (await sizesFromIndex(target, names, step, options));
    const wanted = sizes?.filter(({ name, version }) => names.has(`${name}==${version}`));
    if (!wanted) return undefined;
    packages.push(...wanted.toSorted((a, b) => a.bytes - b.bytes).slice(0, downloads));
  }
  return packages;
}

/** What `--dry-run` says: the packages to be installed, as `name==version`, and how many of them are not in the cache. */
export function readDryRun(said: string): { names: Set<string>; downloads: number } {
  const names = [...said.matchAll(/^ \+ (\S+==\S+)$/gm)].map(([, name = '']) => name);
  const [, downloads = '0'] = /^Would download (\d+) packages?$/m.exec(said) ?? [];
  return { names: new Set(names), downloads: Number(downloads) };
}

/** Has uv lock these packages for this machine alone, from the same indexes: such a lock tells the files' sizes. */
async function sizesFromIndex(
  { uv, temp, python }: Target,
  names: ReadonlySet<string>,
  step: Step,
  options: { cwd: string; signal: AbortSignal; env?: Record<string, string> },
): Promise<PackageSize[] | undefined> {
  const file = await writeJobFile(temp, 'to-be-installed.txt', [...names, ''].join('\n'));
  const sources = (await sourcesOf(step, temp)).filter((arg) => arg !== '-r');
  const { args } = step;
  const of = args.flatMap((arg, index) => (ofTarget.has(arg) ? [arg, args[index + 1] ?? ''] : []));
  const { exitCode, stdout } = await uv.run(
    ['pip', 'compile', '--no-deps', '--quiet', '--format', 'pylock.toml', ...of, ...sources, file],
    { ...options, tolerate: true },
  );
  if (exitCode !== 0) return undefined;
  const { parse } = await import('smol-toml');
  const { platform, arch } = process;
  return sizesInLock(parse(stdout), { platform, arch, python: python.version });
}
