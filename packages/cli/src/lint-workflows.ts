import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { command } from '@mlops/core/process';
import { renderWorkflows } from '@mlops/release';
import { tool } from '@mlops/tools';
import { checkWorkflows, type Resolve, resolveInTree } from '@mlops/workflow-checks';
import { foldersWith, root, slug } from './root.ts';

/**
 * Checks workflows where they are written and where they are used: actionlint on the sources, and on what users get,
 * the rendered tree and the examples that call it, zizmor and what GitHub itself enforces between callers and called.
 */
const own = await filesIn('.github/workflows');
const sources = await filesIn('workflows');
const examples = (
  await Promise.all(
    (
      await foldersWith('examples', 'mlops.yaml')
    ).map((name) => filesIn(`examples/${name}/.github/workflows`)),
  )
).flat();

const tree = await mkdtemp(join(tmpdir(), 'mlops-rendered-'));
try {
  const rendered = await renderWorkflows({ root, out: tree });
  const failures = [
    await outcome('actionlint', await tool('actionlint'), [
      // Sources hold no bundles; that a release has them is checked where it is built.
      ...['-color=false', '-ignore', 'file "dist/[^"]+" does not exist'],
      ...[...own, ...sources],
    ]),
    await outcome('zizmor', await tool('zizmor'), [
      ...['--offline', '--quiet', '--persona', 'pedantic', '--config', join(root, '.github', 'zizmor.yml')],
      ...[...own, ...examples, ...rendered],
    ]),
    checks('sources', [...own, ...sources], resolveInTree(root, slug)),
    checks(
      'rendered tree and examples',
      [...rendered, ...examples],
      resolveInTree(root, slug, dirname(rendered[0] ?? '')),
    ),
  ];
  if (failures.includes(true)) process.exitCode = 1;
} finally {
  await rm(tree, { recursive: true, force: true });
}

async function outcome(name: string, program: string, args: string[]): Promise<boolean> {
  const { exitCode, stdout, stderrTail } = await command(program, args, { cwd: root, tolerate: true });
  if (exitCode === 0) console.log(`${name}: nothing to report`);
  else console.error([`${name}:`, stdout, ...stderrTail].join('\n'));
  return exitCode !== 0;
}

function checks(name: string, files: string[], resolve: Resolve): boolean {
  const problems = checkWorkflows({ files, resolve });
  for (const { file, line, column, check, message, advice } of problems)
    console.error(`${relative(root, file)}:${line}:${column ?? 1}: ${message} [${check}]\n  ${advice}`);
  if (problems.length === 0) console.log(`${name}: ${files.length} workflows fit together`);
  return problems.length > 0;
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(join(root, folder)).catch(() => []);
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(root, folder, name));
}
