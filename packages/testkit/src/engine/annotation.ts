import type { Annotation } from './result.ts';

export type JobAnnotation = Omit<Annotation, 'job'>;

const commandPattern = /^::(notice|warning|error)(?: (.*?))?::([\s\S]*?)\r?\n?$/;

/**
 * The annotation that a line of a step's output asks for, read as GitHub's runner reads it. (act's own reading takes
 * `a::b` apart at the last colons and loses property values that have `=` in them.)
 */
export function parseAnnotation(line: string): JobAnnotation | undefined {
  const [, level, properties = '', message] = commandPattern.exec(line) ?? [];
  if (!level || message === undefined) return undefined;
  const given = new Map(properties.split(',').map(readProperty));
  const text = (name: string) => given.get(name) || undefined;
  const number = (name: string) => Number(given.get(name)) || undefined;
  const annotation = {
    level,
    message: unescapeMessage(message),
    title: text('title'),
    file: text('file'),
    line: number('line'),
    endLine: number('endLine'),
    column: number('col'),
  };
  const present = Object.entries(annotation).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as unknown as JobAnnotation;
}

function readProperty(pair: string): [name: string, value: string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at).trim(), unescapeProperty(pair.slice(at + 1))];
}

const unescapeMessage = (text: string) =>
  text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');

const unescapeProperty = (text: string) =>
  unescapeMessage(text.replaceAll('%3A', ':').replaceAll('%2C', ','));
