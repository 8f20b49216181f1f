import { rm, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { annotate, type Context, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import type { action } from '../action.ts';
import type { Lock } from './lock.ts';
import { lockText } from './plan.ts';
import type { DvcProject } from './project.ts';
import { same } from './yaml.ts';

/**
 * Takes the entries of stages out of dvc.lock, so that DVC takes them for changed. DVC writes the whole file anew
 * whenever a stage has run, so layout does not matter.
 */
export async function dropEntries(project: DvcProject, names: readonly string[]): Promise<void> {
  const text = await lockText(project);
  if (!names.length || text === undefined) return;
  const { isMap, parseDocument } = await import('yaml');
  const document = parseDocument(text);
  for (const name of names) document.deleteIn(['stages', name]);
  const stages = document.get('stages');
  const path = join(project.folder, 'dvc.lock');
  if (isMap(stages) && stages.items.length) await writeFile(path, document.toString({ lineWidth: 0 }));
  else await rm(path);
}

export interface LockChange {
  /** What is committed. */
  text: string | undefined;
  before: Lock;
  /** Undefined where it could not be read. */
  after: Lock | undefined;
  isPushed: boolean;
}

/**
 * Says that dvc.lock is not that of the commit any more, with advice: it is the project's own, and never committed here.
 * Returns whether it has changed; one that only has its entries in another order is put back.
 */
export async function tellLock(
  { folder }: DvcProject,
  { text, before, after, isPushed }: LockChange,
  context: Context<typeof action>,
): Promise<boolean> {
  const now = await lockText({ folder });
  if (now === text) return false;
  const changed = after ? changedEntries(before, after) : [];
  if (after && !changed.length && text !== undefined) {
    await writeFile(join(folder, 'dvc.lock'), text);
    return false;
  }
  const file = relative(context.github.workspace, join(folder, 'dvc.lock')).split(sep).join('/');
  const keep = isPushed
    ? `Take ${file} from the artifact and commit it.`
    : `Run 'dvc repro' where you work and commit ${file}, or set 'dvc-push: true' and commit the one from the artifact.`;
  const what = changed.length ? ` (${changed.join(', ')})` : '';
  annotate('notice', `${file} is not that of the commit any more${what}. ${keep}`, {
    title: 'dvc.lock changed',
  });
  const difference = await lockDifference(folder, context.signal);
  if (difference) context.summary.push(`### ${file} has changed\n\n${keep}\n\n${difference}`);
  return true;
}

/** The stages whose entries differ between two locks. */
function changedEntries(before: Lock, after: Lock): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) => {
    const [a, b] = [before.get(name), after.get(name)];
    if (!a || !b) return true;
    const contents = (lock: typeof a) =>
      [...lock.deps, ...lock.outs].map(([path, { md5 }]) => `${path} ${md5}`);
    return !same(a.command, b.command) || !same(a.params, b.params) || !same(contents(a), contents(b));
  });
}

/** Lines of a difference that a summary shows. */
const shown = 120;

/** What Git says of a changed dvc.lock, as Markdown; empty where it is not Git's. */
async function lockDifference(folder: string, signal: AbortSignal): Promise<string> {
  const args = ['diff', '--no-color', '--no-ext-diff', '--unified=1', 'HEAD', '--', 'dvc.lock'];
  const { stdout } = await command('git', args, { cwd: folder, signal, tolerate: true }).catch(
    (error: unknown) => {
      if (signal.aborted || !(error instanceof UserError)) throw error;
      return { stdout: '' };
    },
  );
  const lines = stdout.split('\n').filter((line) => !/^(diff|index|---|\+\+\+) /.test(line));
  if (!stdout.trim()) return '';
  const rest = lines.length - shown;
  const body = [...lines.slice(0, shown), ...(rest > 0 ? [`… and ${rest} more lines`] : [])];
  // A fence longer than any in the text cannot be closed by it.
  return ['``````diff', ...body, '``````'].join('\n');
}
