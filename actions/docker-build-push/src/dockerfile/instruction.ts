import { UserError } from '@mlops/core';

/** How values get into a Dockerfile so that none can become an instruction: https://docs.docker.com/reference/dockerfile. */

/**
 * Words in the exec form. They stand between quotes on one line, whatever is in them; `<` is spelled out, so that
 * nothing in them opens a here-document.
 */
export function execForm(words: readonly string[]): string {
  return `[${words.map(quoted).join(', ')}]`;
}

/** A COPY of paths below the context's root. In its words variables are expanded and globs match, which both are avoided. */
export function copy(flags: readonly string[], sources: readonly string[], target: string): string {
  return ['COPY', ...flags, execForm([...sources.map(literalPath), expansionFree(target)])].join(' ');
}

/** One instruction over several lines, each but the last continued. */
export function continued(first: string, ...rest: readonly string[]): string {
  return [first, ...rest.map((line) => `    ${line}`)].join(' \\\n');
}

/**
 * Refuses a path that cannot be named in a Dockerfile and its ignore file alike.
 *
 * @throws UserError for what is absolute, leads out of the project, or has a character that no escape covers.
 */
export function checkedPath(path: string, what: string): string {
  const plain = path.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  const wrong =
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
    /[\u0000-\u001f\u007f\u2028\u2029\\]/.test(plain) || plain !== plain.trim()
      ? 'has a character that a Dockerfile cannot name'
      : plain === '' || plain === '.' || plain.startsWith('/') || plain.split('/').includes('..')
        ? 'does not lead to something below the project'
        : undefined;
  if (wrong)
    throw new UserError(`${what}: '${path}' ${wrong}`, {
      advice: 'Name a file or folder of the project, relative to its root.',
    });
  return plain;
}

/** `RUN` mounts and other comma-separated options hold no such path: they have no escape for a comma. */
export function bindMount(path: string, target: string): string {
  if (!/^[\w./@+-]+$/.test(path))
    throw new UserError(`'${path}' has a character that a mount of a build cannot name`, {
      file: path,
      advice: 'Rename it with letters, digits, dots, hyphens and underscores.',
    });
  return `--mount=type=bind,source=${path},target=${target}`;
}

function quoted(word: string): string {
  return JSON.stringify(word)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

function literalPath(path: string): string {
  return expansionFree(path).replace(/[*?[]/g, '[$&]');
}

function expansionFree(path: string): string {
  return path.replace(/['"$]/g, '\\$&');
}
