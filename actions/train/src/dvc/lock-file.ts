import { UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import type { Lock } from './lock.ts';
import { same } from './yaml.ts';

/**
 * A dvc.lock without the entries of some stages, so that DVC takes them for changed; undefined when nothing is left.
 * DVC writes the whole file anew whenever a stage has run, so layout does not matter.
 */
export async function withoutStages(text: string, names: Iterable<string>): Promise<string | undefined> {
  const { isMap, parseDocument } = await import('yaml');
  const document = parseDocument(text);
  for (const name of names) document.deleteIn(['stages', name]);
  const stages = document.get('stages');
  return isMap(stages) && stages.items.length ? document.toString({ lineWidth: 0 }) : undefined;
}

/** The stages whose entries differ between two locks. */
export function changedEntries(before: Lock, after: Lock): string[] {
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
export async function lockDifference(folder: string, signal: AbortSignal): Promise<string> {
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
