import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { checkWorkflows, type Problem, resolveInTree } from '../src/index.ts';

/** Files of a repository 'org/mlops' by path, as texts. */
export type Files = Record<string, string>;

/** Writes the files to a folder of their own, hands it over, and removes it. */
export function inTree<T>(files: Files, use: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'workflow-checks-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Problems of one kind in all workflows of a release tree, paths relative to it; without kind, all problems. */
export function problemsIn(files: Files, check?: Problem['check'] | undefined): Problem[] {
  return inTree(files, (root) => {
    const workflows = Object.keys(files).filter((path) => /(^|\/)workflows\//.test(path));
    const problems = checkWorkflows({
      files: workflows.map((path) => join(root, path)),
      resolve: resolveInTree(root, 'org/mlops'),
    });
    const plain = (text: string) => text.replaceAll(root + sep, '').replaceAll('\\', '/');
    return problems
      .filter((problem) => !check || problem.check === check)
      .map((problem) => ({ ...problem, file: plain(problem.file), message: plain(problem.message) }));
  });
}

/** One line for a problem, as a snapshot keeps it. */
export function line({ file, line, column, check, message, advice }: Problem): string {
  return `${file}:${line}:${column ?? ''} [${check}] ${message}\n  ${advice}`;
}
