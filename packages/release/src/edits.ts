/** A part of a text, from `start` up to `end`, and what stands there instead. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** Edits that do not overlap, in any order. */
export function apply(edits: readonly Edit[], source: string): string {
  let text = '';
  let from = 0;
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => a.start - b.start)) {
    text += source.slice(from, start) + replacement;
    from = end;
  }
  return text + source.slice(from);
}
