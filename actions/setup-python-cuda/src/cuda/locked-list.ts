import { dirname, resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { writeJobFile } from '../job-file.ts';
import { withExtras } from '../locks/locked-package.ts';
import { filesOf, isFile, type Plan, type Step, type Target } from '../plan.ts';
import { normalName, readRequirements } from '../requirements.ts';
import { shownFrom } from '../shown-path.ts';
import { readToml } from '../toml-file.ts';
import { compareVersions } from '../versions.ts';

/** A package in a lock. */
export interface Listed {
  /** Normalised. */
  name: string;
  /** Undefined for what comes from a folder, a commit or an address. */
  version: string | undefined;
  /** Where it applies; empty for everywhere. */
  marker: string;
  /** As a requirement, with its extras and its marker. */
  text: string;
}

/** A package that a lock fixes by its version. */
export type Locked = Listed & { version: string };

/** Its version, where it applies: a lock may have several versions of a package, for several platforms. */
export function pinOf({ name, version, marker }: Omit<Locked, 'text'>): string {
  return `${name}==${version}${marker ? ` ; ${marker}` : ''}`;
}

/** What a plan would install, but for folders that have no name in it. */
export async function lockedList(target: Target, plan: Plan): Promise<Listed[]> {
  const [step] = plan.steps;
  if (!step) return [];
  if (target.project.manager === 'pylock') return pylockList(target, step);
  const requirements = await readRequirements(
    step.args[0] === 'sync' ? [await exported(target, step)] : filesOf(step),
  );
  return requirements.flatMap(({ name, text }) => {
    const [, version, marker = ''] = /^[^;@]*==\s*([^\s;,*]+)\s*(?:;\s*(.*))?$/.exec(text) ?? [];
    return name ? [{ name, version, marker, text }] : [];
  });
}

/** A step that installs all of a lock but some packages, and removes none that are there already. */
export async function leavingOut(
  target: Target,
  { args, ...rest }: Step,
  names: ReadonlySet<string>,
): Promise<Step> {
  if (args[0] === 'sync')
    return {
      ...rest,
      args: [...args, '--inexact', ...[...names].flatMap((name) => ['--no-install-package', name])],
    };
  if (args[1] !== 'sync') return { args, ...rest };
  if (target.project.manager === 'pylock') {
    const copies = await Promise.all(
      filesOf({ args, ...rest }).map((file) => pylockWithout(target, file, names)),
    );
    const others = args.slice(2).filter((arg) => !isFile(arg));
    return {
      ...rest,
      args: ['pip', 'install', '--no-deps', ...others, ...copies.flatMap((file) => ['-r', file])],
    };
  }
  mustLeaveOut(target.uv.version);
  const excludes = await writeJobFile(target.temp, 'left-out.txt', [...names].join('\n'));
  const others = args
    .slice(2)
    .filter((arg) => arg !== '--allow-empty-requirements')
    .flatMap((arg) => (isFile(arg) ? ['-r', arg] : [arg]));
  return { ...rest, args: ['pip', 'install', '--no-deps', '--excludes', excludes, ...others] };
}

/** The first uv whose `uv pip install` can leave packages out of a list. */
const leavesOut = '0.9.8';

function mustLeaveOut(version: string): void {
  if (compareVersions(version, leavesOut) < 0)
    throw new UserError(
      `uv ${version} on PATH is too old to install PyTorch for another CUDA than the lock's`,
      {
        advice: `Install uv ${leavesOut} or newer in an earlier step, or none: then the action brings its own.`,
      },
    );
}

/** The requirements that `uv sync` would install, in a file. */
async function exported(target: Target, { args, cwd, env }: Step): Promise<string> {
  const flags = ['--quiet', '--no-hashes', '--no-header', '--no-annotate'];
  const { stdout } = await target.uv.run(['export', ...args.slice(1), ...flags], {
    cwd,
    signal: target.signal,
    ...(env ? { env } : {}),
  });
  return writeJobFile(target.temp, 'exported.txt', stdout);
}

/** A lock as PEP 751 has it: https://packaging.python.org/en/latest/specifications/pylock-toml/ */
interface Pylock {
  packages?: {
    name: string;
    version?: string;
    marker?: string;
    directory?: { path?: string };
    archive?: { path?: string };
    vcs?: { path?: string };
    sdist?: { path?: string };
    wheels?: { path?: string }[];
  }[];
}

async function pylockList(target: Target, step: Step): Promise<Listed[]> {
  const locks = await Promise.all(filesOf(step).map((file) => readPylock(target, file)));
  const extras = new Set(target.selection.extras);
  return locks.flatMap((lock) =>
    (lock.packages ?? []).map(({ name, version, marker }) => {
      const condition = marker ? withExtras(asExtra(marker), extras) : '';
      const listed = { name: normalName(name), version, marker: condition };
      return { ...listed, text: version ? pinOf({ ...listed, version }) : name };
    }),
  );
}

async function readPylock({ workspace }: Target, file: string): Promise<Pylock> {
  return readToml<Pylock>(file, shownFrom(workspace, file));
}

/** PEP 751 writes `"x" in extras` and `"x" in dependency_groups`; a requirement has only `extra == "x"`. */
function asExtra(marker: string): string {
  return marker
    .replace(/(["'])([^"']+)\1\s+not\s+in\s+(?:extras|dependency_groups)/g, 'extra != "$2"')
    .replace(/(["'])([^"']+)\1\s+in\s+(?:extras|dependency_groups)/g, 'extra == "$2"');
}

/** A copy of the lock without some packages; its paths lead to where they led. */
async function pylockWithout(target: Target, file: string, names: ReadonlySet<string>): Promise<string> {
  const { stringify } = await import('smol-toml');
  const lock = await readPylock(target, file);
  const kept = (lock.packages ?? []).filter(({ name }) => !names.has(normalName(name)));
  for (const each of kept)
    for (const source of [each.directory, each.archive, each.vcs, each.sdist, ...(each.wheels ?? [])])
      if (source?.path) source.path = resolve(dirname(file), source.path);
  return writeJobFile(target.temp, 'pylock.toml', stringify({ ...lock, packages: kept }));
}
