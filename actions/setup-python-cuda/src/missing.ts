import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { into, type Step, type Target } from './plan.ts';
import { type Requirement, readRequirements } from './requirements.ts';
import { packagesIn } from './venv.ts';

/**
 * A step that installs only what an environment lacks of hashed requirements files, so that uv asks the index about
 * these packages and no others. Undefined where it lacks more than half: then asking for all at once is as quick.
 */
export async function stepForMissing(
  { venv, temp }: Target,
  { args, cwd, env }: Step,
): Promise<Step | undefined> {
  const files = args.filter((arg) => arg.endsWith('.txt'));
  const requirements = await readRequirements(files);
  const missing = lacking(requirements, await packagesIn(venv));
  if (!missing.length || missing.length > requirements.length / 2) return undefined;
  const file = join(temp, 'mlops', 'missing-requirements.txt');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${missing.map(({ whole }) => whole).join('\n')}\n`);
  const indexes = args.flatMap((arg, index) => (ofIndexes.has(arg) ? [arg, args[index + 1] ?? ''] : []));
  return {
    args: ['pip', 'install', '--no-deps', '--require-hashes', ...into(venv), ...indexes, '-r', file],
    cwd,
    ...(env ? { env } : {}),
  };
}

const ofIndexes = new Set(['--extra-index-url', '--index-strategy']);

/**
 * The hashed requirements of which an environment does not hold the version. One with a marker may apply to other
 * machines alone: it counts only where another version of it is there.
 */
export function lacking(requirements: readonly Requirement[], installed: readonly string[]): Requirement[] {
  const there = new Set(installed);
  const names = new Set(installed.map((each) => each.split('==')[0]));
  return requirements.filter(({ name = '', text, hashed }) => {
    const [, version, marker] = /^[^;@]*==\s*([^\s;,*]+)\s*(;|$)/.exec(text) ?? [];
    return hashed && !there.has(`${name}==${version}`) && (marker !== ';' || names.has(name));
  });
}
