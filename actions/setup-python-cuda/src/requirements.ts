import { dirname, resolve } from 'node:path';
import { readText } from './text-file.ts';

/** One requirement as it is written in a file. */
export interface Requirement {
  /** Absolute. */
  file: string;
  /** 1-based. */
  line: number;
  /** As it is written, without its hashes. */
  text: string;
  /** With its hashes, on one line. */
  whole: string;
  /** Normalised as PEP 503 says; undefined for a path or an address. */
  name: string | undefined;
  hashed: boolean;
}

/** Reads requirements files and the files they include (`-r`, not the constraints of `-c`), in order. */
export async function readRequirements(files: readonly string[]): Promise<Requirement[]> {
  const seen = new Set<string>();
  const read = async (file: string): Promise<Requirement[]> => {
    if (seen.has(file)) return [];
    seen.add(file);
    // A file that is missing is for uv to report.
    const text = await readText(file).catch(() => '');
    const parts = logicalLines(text).map(async ({ line, text }) => {
      const [, included] = /^(?:-r|--requirement)[=\s]*(.+)$/.exec(text) ?? [];
      if (included) return /^\w+:\/\//.test(included) ? [] : read(resolve(dirname(file), included.trim()));
      if (text.startsWith('-') && !/^(-e|--editable)\b/.test(text)) return [];
      return [requirement(file, line, text)];
    });
    return (await Promise.all(parts)).flat();
  };
  return (await Promise.all(files.map(read))).flat();
}

function requirement(file: string, line: number, text: string): Requirement {
  const bare = text.replace(/\s*--hash[=\s]\S+/g, '').trim();
  const name = /^([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[|[<>=!~;@(]|$)/.exec(bare)?.[1];
  return {
    file,
    line,
    text: bare,
    whole: text,
    name: name && normalName(name),
    hashed: /\s--hash[=\s]/.test(text),
  };
}

/** Lines with continuations joined and comments taken off, each with the number of its first line. */
function logicalLines(text: string): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const part = raw.replace(/(^|\s)#.*$/, '').trimEnd();
    open = { line: open?.line ?? index + 1, text: `${open?.text ?? ''} ${part.replace(/\\$/, '')}` };
    if (part.endsWith('\\')) continue;
    if (open.text.trim()) found.push({ line: open.line, text: open.text.trim() });
    open = undefined;
  }
  if (open?.text.trim()) found.push({ line: open.line, text: open.text.trim() });
  return found;
}

/** A requirement as a log may show it: addresses without user and token. */
export function withoutSecrets(text: string): string {
  return text.replace(/(\w:\/\/)[^/\s@]+@/g, '$1***@');
}

/** A project's name as it is compared: https://peps.python.org/pep-0503/#normalized-names. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** Every requirement that a project's files declare, with its place: what an error of the resolver is about. */
export async function declaredRequirements(files: readonly string[]): Promise<Requirement[]> {
  const parts = files.map(async (file) => {
    if (/\.(txt|in)$/.test(file)) return readRequirements([file]);
    const text = await readText(file).catch(() => '');
    const find = /\.ya?ml$/.test(file) ? inYaml : inStructuredFile;
    return text.split(/\r?\n/).flatMap((line, index) => find(file, index + 1, line));
  });
  return (await Promise.all(parts)).flat();
}

/** Requirements on one line of environment.yml or python_env.yaml: an item of a list, or of one in brackets. */
function inYaml(file: string, line: number, text: string): Requirement[] {
  const item = /^\s*-\s+(["']?)(.+?)\1\s*(?:#.*)?$/.exec(text)?.[2];
  const inline = /^\s*\w+\s*:\s*\[(.*)\]/.exec(text)?.[1]?.split(',') ?? [];
  return [...(item ? [item] : []), ...inline]
    .map((each) => each.trim().replace(/^(["'])(.*)\1$/, '$2'))
    .map((each) => ({ ...requirement(file, line, each.replace(/^[\w-]+::/, '')), text: each }))
    .filter(({ name }) => name !== undefined);
}

const ownKeys = /^\s*(name|version|description|channels|platforms|authors|license|requires-python|url)\s*=/;

/** Requirements on one line of a TOML or JSON file: quoted (`"six>=1"`), as a lock's entry, or as a key. */
function inStructuredFile(file: string, line: number, text: string): Requirement[] {
  // What a manifest says about the project itself is no requirement; in a lock, `name` begins an entry.
  if (/\.toml$/.test(file) && !/pylock/.test(file) && ownKeys.test(text)) return [];
  const entry = /^\s*name\s*=\s*"([^"]+)"/.exec(text)?.[1] ?? /^\s*"([\w.-]+)"\s*:\s*\{/.exec(text)?.[1];
  if (entry) return [{ file, line, text: entry, whole: entry, name: normalName(entry), hashed: false }];
  const key = /^\s*"?([A-Za-z][\w.-]*)"?\s*=\s*["{]/.exec(text)?.[1];
  const quoted = [...text.matchAll(/(["'])([A-Za-z0-9][^"']*?)\1/g)].map(([, , inside = '']) => inside);
  return [
    ...(key ? [{ ...requirement(file, line, text.trim()), name: normalName(key) }] : []),
    ...quoted.map((inside) => requirement(file, line, inside)).filter(({ name }) => name !== undefined),
  ];
}
