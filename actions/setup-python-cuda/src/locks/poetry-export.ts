import type { Target } from '../plan.ts';
import type { PoetryProject } from './poetry-lock.ts';

/** The Poetry that reads locks of Poetry 1, which do not say which group a package belongs to. */
const poetry = ['--from', 'poetry==2.5.1', '--with', 'poetry-plugin-export==1.10.1'];

/**
 * A lock of Poetry 1 as Poetry writes it as a hashed requirements file, with the groups that `poetry install` takes and
 * what the selection adds and leaves out.
 */
export async function exportPoetryLock(
  { uv, selection, signal }: Pick<Target, 'uv' | 'selection' | 'signal'>,
  folder: string,
  project: PoetryProject,
): Promise<string> {
  const { group = {}, 'dev-dependencies': dev } = project.tool?.poetry ?? {};
  const byDefault = Object.keys(group).filter((name) => group[name]?.optional !== true);
  const chosen = [...byDefault, ...(dev ? ['dev'] : []), ...selection.groups].filter(
    (name) => name !== 'main' && !selection.excludeGroups.includes(name),
  );
  const only = selection.excludeGroups.includes('main');
  const args = [
    ...['tool', 'run', '--quiet', ...poetry, 'poetry', 'export', '--no-interaction', '--no-ansi'],
    ...['--format', 'requirements.txt', '--without-urls'],
    ...(chosen.length ? [only ? '--only' : '--with', [...new Set(chosen)].join(',')] : []),
    ...selection.extras.flatMap((extra) => ['--extras', extra]),
  ];
  return (await uv.run(args, { cwd: folder, signal })).stdout;
}
