/** Reads what a step tells the runner, by the rules of the runner's own source (ActionCommand, FileCommandManager). */

export interface Annotation {
  level: 'notice' | 'warning' | 'error';
  message: string;
  title?: string;
  file?: string;
  line?: number;
  column?: number;
}

/** The annotations and masks among the lines of a log; between `::stop-commands::token` and `::token::` all is text. */
export function parseLog(log: string): { annotations: Annotation[]; masks: string[] } {
  const annotations: Annotation[] = [];
  const masks: string[] = [];
  let resumeAt: string | undefined;
  for (const line of log.split(/\r?\n/)) {
    const [, name, properties = '', data = ''] = /^\s*::([\w-]+)(?: (.*?))?::(.*)$/.exec(line) ?? [];
    if (!name) continue;
    if (resumeAt !== undefined) {
      if (name === resumeAt) resumeAt = undefined;
    } else if (name === 'stop-commands') resumeAt = data;
    else if (name === 'add-mask') masks.push(unescapeData(data));
    else if (name === 'notice' || name === 'warning' || name === 'error')
      annotations.push({ level: name, message: unescapeData(data), ...place(parseProperties(properties)) });
  }
  return { annotations, masks };
}

function parseProperties(text: string): Map<string, string> {
  const pairs = text.split(',').map((pair) => /^\s*(\w+)=(.+)$/.exec(pair));
  return new Map(
    pairs.flatMap((pair) => (pair?.[1] && pair[2] ? [[pair[1], unescapeProperty(pair[2])]] : [])),
  );
}

function place(properties: Map<string, string>): Omit<Annotation, 'level' | 'message'> {
  const title = properties.get('title');
  const file = properties.get('file');
  const line = properties.get('line');
  const column = properties.get('col');
  return {
    ...(title === undefined ? {} : { title }),
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line: Number(line) }),
    ...(column === undefined ? {} : { column: Number(column) }),
  };
}

function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}

function unescapeProperty(text: string): string {
  return unescapeData(text.replaceAll('%3A', ':').replaceAll('%2C', ','));
}

/** The pairs in a file command: `NAME=VALUE`, or `NAME<<DELIMITER`, lines, `DELIMITER`. The runner refuses all else. */
export function parseFileCommand(text: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  while (lines.length) {
    const line = lines.shift();
    if (!line) continue;
    const equals = line.indexOf('=');
    const heredoc = line.indexOf('<<');
    if (equals >= 0 && (heredoc < 0 || equals < heredoc))
      pairs[line.slice(0, equals)] = line.slice(equals + 1);
    else if (heredoc > 0 && heredoc + 2 < line.length) {
      const end = lines.indexOf(line.slice(heredoc + 2));
      if (end < 0)
        throw new Error(`Invalid value. Matching delimiter not found '${line.slice(heredoc + 2)}'`);
      pairs[line.slice(0, heredoc)] = lines
        .splice(0, end + 1)
        .slice(0, -1)
        .join('\n');
    } else throw new Error(`Invalid format '${line}'`);
  }
  return pairs;
}
