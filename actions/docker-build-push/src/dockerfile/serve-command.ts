import { UserError } from '@mlops/core';

/** A command as the image starts it. */
export interface ServeCommand {
  words: string[];
  because: string[];
}

/**
 * The command of a service in exec form: signals then reach it and not a shell. A line that only a shell understands is
 * given to one, which the service takes the place of where the line is a single command.
 *
 * @throws UserError for an empty command, or one with an open quote or a NUL.
 */
export function serveCommand(serve: string | readonly string[]): ServeCommand {
  const line = typeof serve === 'string' ? serve.trim() : undefined;
  const words = typeof serve === 'string' ? plainWords(serve.trim()) : [...serve];
  if (line === '' || words?.length === 0 || words?.[0] === '') throw wrong(String(serve), 'is empty');
  if (String(serve).includes('\0')) throw wrong(String(serve).replaceAll('\0', '\\0'), 'has a NUL in it');
  if (words) {
    const own = withoutRunner(words);
    return {
      words: own,
      because: words.length === own.length && words[0] === own[0] ? [] : [besideRunner(words)],
    };
  }
  const text = line ?? '';
  const own = text.replace(runnerInText, '').replace(/^(?:\.\/)?\.?venv\/bin\//, '');
  const because = ['The command is a line for a shell, so one starts it.'];
  if (own !== text) because.push(besideRunner([text]));
  // With assignments before it, `exec` is no longer a plain word of the line.
  const single =
    !/[;&|\n(){}]/.test(own) && !/^\s*\w+=/.test(own) && !/^(if|for|while|case|exec|set|cd)\b/.test(own);
  return { words: ['/bin/sh', '-c', single ? `exec ${own}` : own], because };
}

/** The words of a line that means the same without a shell; undefined where only a shell knows. */
export function plainWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? '';
    if (/\s/.test(char)) {
      if (char === '\n') return undefined;
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) throw wrong(line, 'has a quote that is not closed');
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (char === '"') {
      const quoted = /^"((?:[^"\\]|\\[\s\S])*)"/.exec(line.slice(at));
      if (!quoted) throw wrong(line, 'has a quote that is not closed');
      const inside = quoted[1] ?? '';
      if (/[$`]/.test(inside)) return undefined;
      word = (word ?? '') + inside.replace(/\\(["\\])/g, '$1').replace(/\\\n/g, '');
      at += quoted[0].length - 1;
    } else if (char === '\\' && at + 1 < line.length && line[at + 1] !== '\n') {
      word = (word ?? '') + line[++at];
    } else if (/[$`|&;<>(){}*?[\]~#!\\]/.test(char)) {
      return undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  return /^\w+=/.test(words[0] ?? '') ? undefined : words;
}

/** What starts a program in a project's environment where people work; in an image, that is the only one there is. */
const runnerInText = /^(?:uv run(?: --(?:frozen|locked|no-sync|no-dev))*|(?:poetry|pipenv|pixi) run)\s+/;

function withoutRunner(words: readonly string[]): string[] {
  const [program = '', second] = words;
  const isRunner = ['uv', 'poetry', 'pipenv', 'pixi'].includes(program) && second === 'run';
  if (isRunner) {
    const rest = words.slice(2);
    const first = rest.findIndex((word) => !/^--(frozen|locked|no-sync|no-dev)$/.test(word));
    return first < 0 || rest[first]?.startsWith('-') ? [...words] : rest.slice(first);
  }
  return [program.replace(/^(?:\.\/)?\.?venv\/bin\//, ''), ...words.slice(1)];
}

function besideRunner(words: readonly string[]): string {
  const program = words[0]?.split(/\s/)[0];
  return `The image has one environment, so the command goes without ${program?.includes('/') ? 'its path' : `'${program} run'`}.`;
}

function wrong(serve: string, how: string): UserError {
  return new UserError(`serve: '${serve}' ${how}`, {
    advice: "Write the command that starts the service in the foreground, such as 'python -m service'.",
  });
}
