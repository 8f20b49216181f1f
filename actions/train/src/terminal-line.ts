const escapeCharacter = '\u001b';
const bell = '\u0007';
const backspace = '\b';

/** An escapeCharacter sequence as ECMA-48 has them (CSI with parameters and final byte, OSC, others), or one character. */
const tokens = new RegExp(
  [
    `${escapeCharacter}\\[(?<parameters>[0-?]*)[ -/]*(?<final>[@-~])`,
    `${escapeCharacter}\\][^${bell}${escapeCharacter}]*(?:${bell}|${escapeCharacter}\\\\)?`,
    `${escapeCharacter}[ -/]*(?<other>[0-~])`,
    '[^]',
  ].join('|'),
  'gu',
);

/** Columns that a jump to the right may fill with spaces. */
const widest = 512;

export interface TerminalLine {
  /** What stays on the screen, with its colours. */
  text: string;
  /** Whether it is written over lines above. */
  movesUp: boolean;
}

/**
 * What a terminal shows of one line: colours stay, while backspaces, erasures and movements within the line are carried
 * out. Movements to other lines are left away and told.
 */
export function terminalLine(line: string): TerminalLine {
  if (!line.includes(escapeCharacter) && !line.includes(backspace)) return { text: line, movesUp: false };
  const cells: string[] = [];
  let movesUp = false;
  let column = 0;
  let style = '';
  const moveTo = (to: number) => {
    column = Math.max(0, Math.min(to, Math.max(cells.length, widest)));
  };
  const put = (character: string) => {
    while (cells.length < column) cells.push(' ');
    cells[column] = style + character;
    style = '';
    column += 1;
  };
  for (const token of line.matchAll(tokens)) {
    const { parameters = '', final, other } = token.groups ?? {};
    const amount = Number.parseInt(parameters, 10) || 0;
    if (token[0] === backspace) moveTo(column - 1);
    else if (final === undefined && !token[0].startsWith(escapeCharacter)) put(token[0]);
    else if (final === 'm' && /^[\d;:]*$/.test(parameters)) style += token[0];
    else if (final === 'G' || final === '`') moveTo((amount || 1) - 1);
    else if (final === 'C') moveTo(column + (amount || 1));
    else if (final === 'D') moveTo(column - (amount || 1));
    else if (final === 'K' && amount === 0) cells.length = Math.min(cells.length, column);
    else if (final === 'K' && amount === 1) cells.fill(' ', 0, column + 1);
    else if (final === 'K') cells.length = 0;
    else if (other === '8' || (final !== undefined && 'AFHfu'.includes(final))) movesUp = true;
  }
  return { text: cells.join('') + style, movesUp };
}

/** A line without its colours. */
export function withoutColours(text: string): string {
  return text.replaceAll(colour, '');
}

const colour = new RegExp(`${escapeCharacter}\\[[\\d;:]*m`, 'g');
