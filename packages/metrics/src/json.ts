import { messageOf, UserError } from '@mlops/core';

/** Parses JSON as Python writes it: with NaN, Infinity and -Infinity, which come out as text of that spelling. */
export function parseJson(text: string, file: string, firstLine = 1): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Python's spellings, or a true mistake: the second try tells.
  }
  const { replaced, originalOffset } = quoteSpecialNumbers(text);
  try {
    return JSON.parse(replaced);
  } catch (error) {
    const offset = originalOffset(offsetIn(messageOf(error), replaced));
    const before = text.slice(0, offset).split('\n');
    throw new UserError(`not valid JSON: ${reason(text, offset)}`, {
      file,
      line: firstLine + before.length - 1,
      column: (before.at(-1)?.length ?? 0) + 1,
      advice: adviceFor(text, offset),
    });
  }
}

function quoteSpecialNumbers(text: string): { replaced: string; originalOffset: (offset: number) => number } {
  // Where text was inserted, as offsets in the result: two quotes around every number.
  const quotes: number[] = [];
  const replaced = text.replace(
    /"(?:[^"\\\n]|\\.)*"|(?<![\w.])(?:-?Infinity|NaN)(?![\w.])/g,
    (token: string, offset: number) => {
      if (token.startsWith('"')) return token;
      const start = offset + quotes.length;
      quotes.push(start, start + token.length + 1);
      return `"${token}"`;
    },
  );
  return { replaced, originalOffset: (offset) => offset - quotes.filter((quote) => quote < offset).length };
}

/** Where V8 says the mistake is; at the end when the text simply stops. */
function offsetIn(message: string, text: string): number {
  const [, position] = /position (\d+)/.exec(message) ?? [];
  if (position !== undefined) return Number(position);
  // Short texts are quoted instead: Unexpected token 'x', "…" is not valid JSON.
  const [, token] = /Unexpected token '(.+?)',/su.exec(message) ?? [];
  return token ? Math.max(0, text.indexOf(token)) : text.length;
}

function reason(text: string, offset: number): string {
  if (offset >= text.trimEnd().length) return 'the file ends in the middle';
  return `this was not expected: ${excerpt(text.slice(offset))}`;
}

function adviceFor(text: string, offset: number): string {
  if (offset >= text.trimEnd().length)
    return 'It seems that writing it was cut off: was the file closed, and did the command end well?';
  if (/^\s*\{\s*'/.test(text))
    return "This is how Python prints a dict; write it with 'json.dump(metrics, file)'.";
  return "Write the file with a JSON library, such as Python's 'json.dump'.";
}

/** The beginning of a text, on one line, as an error shows it. */
export function excerpt(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return `'${line.slice(0, 60)}${line.length > 60 ? '…' : ''}'`;
}
