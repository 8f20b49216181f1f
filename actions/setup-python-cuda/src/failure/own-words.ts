import type { ToolError } from '../run-tool.ts';

const linesShown = 12;

/**
 * What a tool said about its failure, without what it did before: uv after `error:`, conda after the name of its error,
 * mamba after `error    libmamba`, pixi after `×`, pip after `ERROR:`. Its hints and the frames of trees stay out.
 */
export function ownWords(error: ToolError): string {
  const lines = error.said.split(/\r?\n/);
  const isStart = (line: string) =>
    /^(error|critical)\b|^\s*×|^Error:|^ERROR:|^[A-Z]\w*(Error|Exception|NotFound|Unavailable): /.test(line);
  const start = Math.max(lines.findIndex(isStart), 0);
  const own = lines
    .slice(start)
    .filter((line) => line.trim() && !/^\s*hint:/.test(line))
    // conda's advice is about a terminal.
    .filter((_, index, all) => !all.slice(0, index + 1).some((line) => /^Next steps:/.test(line)))
    // mamba says its headline again at the end.
    .filter((line, index) => index === 0 || !/^critical libmamba/.test(line))
    .map(plainLine);
  return shorten(own).join('\n') || `${error.tool} failed without a word`;
}

/** A line without the mark that a tool begins it with. */
function plainLine(line: string): string {
  return line
    .replace(/^(?:error|critical)\s+libmamba\s+/, '')
    .replace(/^(?:error|Error|ERROR):\s*/, '')
    .replace(/^\s*(?:×|╰─▶|├─▶)\s*/, '')
    .replace(/^\s*│\s*$/, '')
    .trimEnd();
}

/** The first lines and the last ones, between which the rest is left out. */
function shorten(lines: readonly string[]): string[] {
  const said = lines.filter((line) => line.trim());
  return said.length > linesShown ? [...said.slice(0, linesShown - 4), '  …', ...said.slice(-3)] : said;
}
