import { writeJobFile } from './job-file.ts';
import { filesOf, into, type Step, type Target } from './plan.ts';
import { type Requirement, readRequirements } from './requirements.ts';
import { sourcesOf } from './sources.ts';
import { packagesIn } from './venv.ts';

/**
 * A step that installs only what an environment lacks of hashed requirements files, so that uv asks the index about
 * these packages and no others. Undefined where it lacks more than half: then asking for all at once is as quick.
 */
export async function stepForMissing({ venv, temp }: Target, step: Step): Promise<Step | undefined> {
  const requirements = await readRequirements(filesOf(step));
  const missing = lacking(requirements, await packagesIn(venv));
  if (!missing.length || missing.length > requirements.length / 2) return undefined;
  const lines = missing.map(({ whole }) => `${whole}\n`);
  const file = await writeJobFile(temp, 'missing-requirements.txt', lines.join(''));
  const sources = await sourcesOf(step, temp);
  return {
    args: ['pip', 'install', '--no-deps', '--require-hashes', ...into(venv), ...sources, '-r', file],
    cwd: step.cwd,
    ...(step.env ? { env: step.env } : {}),
  };
}

/**
 * Whether an environment holds what hashed requirements files name and nothing else, so that uv would change nothing. A
 * requirement that is no exact version is for uv to compare.
 */
export async function holdsExactly({ venv }: Target, step: Step): Promise<boolean> {
  const [requirements, installed] = await Promise.all([readRequirements(filesOf(step)), packagesIn(venv)]);
  const named = new Set(requirements.map(({ name }) => name));
  return (
    requirements.every(({ text, hashed }) => hashed && exactVersion.test(text)) &&
    installed.every((each) => named.has(each.split('==')[0])) &&
    lacking(requirements, installed).length === 0
  );
}

/** Version and the start of a marker of a requirement such as `six==1.16.0 ; python_version < "3.9"`. */
const exactVersion = /^[^;@]*==\s*([^\s;,*]+)\s*(;|$)/;

/**
 * The hashed requirements of which an environment does not hold the version. One with a marker may apply to other
 * machines alone: it counts only where another version of it is there.
 */
export function lacking(requirements: readonly Requirement[], installed: readonly string[]): Requirement[] {
  const there = new Set(installed);
  const names = new Set(installed.map((each) => each.split('==')[0]));
  return requirements.filter(({ name = '', text, hashed }) => {
    const [, version, marker] = exactVersion.exec(text) ?? [];
    return hashed && !there.has(`${name}==${version}`) && (marker !== ';' || names.has(name));
  });
}
