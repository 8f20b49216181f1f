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
