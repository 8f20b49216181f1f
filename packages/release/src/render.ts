import { UserError } from '@mlops/core';
import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
} from 'yaml';

/** How a rendered workflow names its siblings: by the set's immutable tag, or as GitHub's "this repository, this commit". */
export type Refs = 'set' | 'self';

export interface RenderOptions {
  /** Path of the source, relative to the repository: `workflows/train.yml`. */
  file: string;
  refs: Refs;
  slug: string;
  version: string;
  /** Whether an action or a workflow stands at this path of the sources: `actions/train`, `workflows/train.yml`. */
  exists: (path: string) => boolean;
}

interface Edit {
  start: number;
  end: number;
  text: string;
}

/**
 * A source workflow as users get it: `./actions/train` and `./workflows/train.yml` become references that hold outside
 * this repository. Everything else is kept to the byte, below a header that names the source.
 */
export function renderWorkflow(
  source: string,
  options: RenderOptions,
): { text: string; problems: UserError[] } {
  const { file, version } = options;
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const problems = document.errors.map(
    ({ message, pos }) =>
      new UserError(message.split('\n')[0] ?? message, { file, line: lines.linePos(pos[0]).line }),
  );
  const edits: Edit[] = [];
  for (const { key, value } of usesOf(document.contents)) {
    const line = lines.linePos((key as Scalar).range?.[0] ?? 0).line;
    const result = edited(source, value, options);
    if (typeof result === 'string') problems.push(new UserError(result, { file, line }));
    else if (result) edits.push(result);
  }
  const header = `# Generated from ${file} for v${version}. Change that file; this one is written anew by every release.\n`;
  return { text: header + apply(edits, source), problems };
}

/** The `uses` of jobs and of their steps; the word may stand elsewhere, as an input's name for instance. */
function usesOf(workflow: Node | null): Pair[] {
  const jobs = child(workflow, 'jobs');
  if (!isMap(jobs)) return [];
  return jobs.items.flatMap(({ value: job }) => {
    const steps = child(job, 'steps');
    return [job, ...(isSeq(steps) ? steps.items : [])].flatMap((node) => pairOf(node, 'uses') ?? []);
  });
}

function pairOf(node: unknown, key: string): Pair | undefined {
  return isMap(node)
    ? node.items.find((pair) => isPair(pair) && isScalar(pair.key) && pair.key.value === key)
    : undefined;
}

function child(node: unknown, key: string): unknown {
  return pairOf(node, key)?.value;
}

/** The edit that a `uses` needs, nothing where it stays as it is, or what is wrong with it. */
function edited(source: string, value: unknown, options: RenderOptions): Edit | string | undefined {
  if (!isScalar(value) || typeof value.value !== 'string' || !value.range)
    return "'uses' must be written out as text";
  const [start, end] = value.range;
  const uses = value.value;
  const sibling = siblingOf(uses);
  if (!sibling) return problemOfThirdParty(uses, source.slice(end, lineEnd(source, end)));
  if (!options.exists(sibling)) return `'uses: ${uses}' names nothing in this repository`;
  const offset = source.slice(start, end).indexOf(uses);
  if (offset < 0) return `'uses: ${uses}' must stand on one line, without escapes`;
  return { start: start + offset, end: start + offset + uses.length, text: referenceTo(sibling, options) };
}

function siblingOf(uses: string): string | undefined {
  return /^\.\/(actions\/[a-z][a-z0-9-]*|workflows\/[\w.-]+\.ya?ml)$/.exec(uses)?.[1];
}

function referenceTo(sibling: string, { refs, slug, version }: RenderOptions): string {
  const path = sibling.replace(/^workflows\//, '.github/workflows/');
  return refs === 'self' ? `$/${path}` : `${slug}/${path}@v${version}`;
}

/** Another's action is run only at a full commit, which nobody can move, with its version beside it for the reader. */
function problemOfThirdParty(uses: string, rest: string): string | undefined {
  if (uses.startsWith('.')) return `'uses: ${uses}' is neither ./actions/<name> nor ./workflows/<name>.yml`;
  if (!/^[\w-]+\/[\w.-]+(\/[\w./-]+)?@[0-9a-f]{40}$/.test(uses))
    return `'uses: ${uses}' is not pinned; write owner/name@<full commit SHA> # vX.Y.Z, or use a sibling`;
  if (!/^['"]?\s+#\s*v\d/.test(rest))
    return `'uses: ${uses}' has no comment that names its version, such as '# v6.0.2'`;
  return undefined;
}

function lineEnd(source: string, from: number): number {
  const end = source.indexOf('\n', from);
  return end < 0 ? source.length : end;
}

function apply(edits: readonly Edit[], source: string): string {
  let text = '';
  let from = 0;
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => a.start - b.start)) {
    text += source.slice(from, start) + replacement;
    from = end;
  }
  return text + source.slice(from);
}
