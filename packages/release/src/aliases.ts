import { UserError } from '@mlops/core';
import { type Alias, isAlias, isCollection, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { apply, type Edit } from './edits.ts';

/** What an anchor stands for, as it is written. */
interface Anchored {
  text: string;
  /** Of the line that it is written on. */
  indentation: string;
  isBlock: boolean;
}

/**
 * The source with every alias (`*steps`) replaced by what its anchor (`&steps`) names, since not every server that runs
 * workflows knows them. An alias of a block must be indented as its anchor is; everything else is kept to the byte.
 */
export function withoutAliases(source: string, file: string): { text: string; problems: UserError[] } {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const anchors = new Map<string, Anchored>();
  const edits: Edit[] = [];
  const problems: UserError[] = [];
  visit(document, (_, node) => {
    if (isAlias(node)) {
      const edit = replaced(source, node, anchors.get(node.source));
      if (typeof edit === 'object') edits.push(edit);
      else problems.push(new UserError(edit, { file, line: lines.linePos(node.range?.[0] ?? 0).line }));
      return;
    }
    const { anchor, range } = node as Node & { anchor?: string };
    if (!anchor || !range) return;
    const at = source.lastIndexOf(`&${anchor}`, range[0]);
    edits.push({ start: at - 1, end: at + anchor.length + 1, text: '' });
    anchors.set(anchor, anchored(source, node as Node, at));
  });
  return { text: apply(edits, source), problems };
}

function anchored(source: string, node: Node, at: number): Anchored {
  const [start, end] = node.range ?? [at, at];
  const isBlock = isCollection(node) && !node.flow;
  const from = isBlock ? source.indexOf('\n', at) : start;
  // A comment behind the last value belongs to the block.
  const to = isBlock ? source.indexOf('\n', source.slice(0, end).trimEnd().length) : end;
  return { text: source.slice(from, to), indentation: indentationAt(source, at), isBlock };
}

function replaced(
  source: string,
  { source: name, range }: Alias,
  target: Anchored | undefined,
): Edit | string {
  const [start, end] = range ?? [0, 0];
  if (!target) return `'*${name}' comes before its anchor '&${name}', or there is none`;
  if (!target.isBlock) return { start, end, text: target.text };
  if (indentationAt(source, start) !== target.indentation)
    return `'*${name}' must be indented as its anchor '&${name}' is`;
  return { start: start - 1, end, text: target.text };
}

function indentationAt(source: string, at: number): string {
  const line = source.slice(source.lastIndexOf('\n', at - 1) + 1, at);
  return /^ */.exec(line)?.[0] ?? '';
}
