import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import type { Resolve } from './library.ts';

/**
 * Resolves references to files of one tree: `<slug>/…@<ref>` at any ref, and `./…` and `$/…` within the repository that
 * the caller's file belongs to (the tree itself, or an example inside it).
 * @param root the tree, where the actions are
 * @param slug its name on GitHub, `owner/repository`
 * @param workflows folder of the reusable workflows, which are published as `.github/workflows`. By default the sources in
 *   the tree's `workflows`, or in a release, which has none, its `.github/workflows`
 */
export function resolveInTree(root: string, slug: string, workflows = reusableWorkflows(root)): Resolve {
  const published = '.github/workflows/';
  function inTree(path: string): string {
    return path.startsWith(published)
      ? join(workflows, path.slice(published.length))
      : target(join(root, path));
  }
  return (uses, from) => {
    const [, local] = /^[.$]\/(.*)$/.exec(uses) ?? [];
    if (local !== undefined) {
      const repository = dirname(from) === workflows ? undefined : repositoryOf(from);
      return repository === undefined ? inTree(local) : target(join(repository, local));
    }
    const [, repository, path = ''] = /^([^/@]+\/[^/@]+)(?:\/([^@]*))?@.+$/.exec(uses) ?? [];
    return repository?.toLowerCase() === slug.toLowerCase() ? inTree(path) : undefined;
  };
}

function reusableWorkflows(root: string): string {
  const sources = join(root, 'workflows');
  return existsSync(sources) ? sources : join(root, '.github', 'workflows');
}

/** The folder that holds `.github/workflows` or `workflows` around a workflow file. */
function repositoryOf(file: string): string | undefined {
  const folder = dirname(file);
  for (const layout of [join('.github', 'workflows'), 'workflows']) {
    if (folder === layout) return '.';
    if (folder.endsWith(sep + layout)) return folder.slice(0, -layout.length - 1) || sep;
  }
  return undefined;
}

/** A workflow's file as it is; in a folder, the action's. */
function target(path: string): string {
  if (/\.ya?ml$/.test(path)) return path;
  const alternative = join(path, 'action.yaml');
  return existsSync(alternative) ? alternative : join(path, 'action.yml');
}
