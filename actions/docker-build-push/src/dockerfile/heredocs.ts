/** A Dockerfile whose here-documents hadolint can read, with the way back to its own lines. */
export interface Spaced {
  text: string;
  /** The line of the original that a line of `text` is, both 1-based. */
  originalLine(line: number): number;
}

/** An opening such as `<<EOF` or `<<-"EOF"`: https://docs.docker.com/reference/dockerfile/#here-documents. */
const opening = /(?:^|\s)\d*<<(-?)(["']?)([A-Za-z_]\w*)\2(?=\s|$)/g;

/** hadolint takes what follows a here-document for an instruction only after an empty line. */
export function spaceAfterHeredocs(dockerfile: string): Spaced {
  const lines = dockerfile.split(/\r?\n/);
  const spaced: string[] = [];
  const originals: number[] = [];
  const put = (line: string, original: number) => {
    spaced.push(line);
    originals.push(original);
  };
  for (let at = 0; at < lines.length; at++) {
    put(lines[at] ?? '', at + 1);
    if (!/^\s*(RUN|COPY|ADD)\b/i.test(lines[at] ?? '')) continue;
    let instruction = lines[at] ?? '';
    while (/\\\s*$/.test(instruction) && at + 1 < lines.length) {
      put(lines[++at] ?? '', at + 1);
      instruction = `${instruction.replace(/\\\s*$/, ' ')}${lines[at]}`;
    }
    const ends = [...instruction.matchAll(opening)].map(([, dash, , word = '']) => ({ dash, word }));
    for (const { dash, word } of ends)
      while (at + 1 < lines.length) {
        put(lines[++at] ?? '', at + 1);
        if ((dash ? lines[at]?.replace(/^\t+/, '') : lines[at]) === word) break;
      }
    if (ends.length && lines[at + 1]?.trim()) put('', at + 1);
  }
  return { text: spaced.join('\n'), originalLine: (line) => originals[line - 1] ?? lines.length };
}
