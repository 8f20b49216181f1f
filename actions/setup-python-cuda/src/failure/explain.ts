import { readFile, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '@mlops/core';
import { hasCredentials } from '../indexes.ts';
import { manifestBeside } from '../pixi/manifest.ts';
import type { Project } from '../project.ts';
import { declaredRequirements, normalName, type Requirement, withoutSecrets } from '../requirements.ts';
import type { ToolError } from '../run-tool.ts';
import { shownFrom } from '../shown-path.ts';
import { type Cause, causeOf } from './causes.ts';
import { ownWords } from './own-words.ts';

/**
 * What a failed installation came from, in short, at the line of the requirement it is about; `constraints` are files
 * that bind the requirements.
 */
export async function explain(
  error: ToolError,
  project: Project,
  folder: string,
  workspace: string,
  constraints: readonly string[] = [],
): Promise<UserError> {
  const shown = (path: string) => shownFrom(workspace, path);
  const said = withoutSecrets(ownWords(error));
  const parsed = await syntaxError(said, folder, shown);
  if (parsed) return new UserError(said, { ...parsed, cause: error, advice: syntaxAdvice(said) });

  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: 0, bsize: 0 }));
  const cause = causeOf(error.said, {
    platform: process.platform,
    freeBytes: bavail * bsize,
    hasCredentials,
  });
  const involved = await involvedRequirements(cause?.package ?? said, error.said, [
    ...declaringFiles(project),
    ...constraints,
  ]);
  const [first] = involved;
  const place = first
    ? { file: shown(first.file), line: first.line }
    : { file: shown(project.files[0] ?? folder), line: 1 };
  const list = involved.map((each) => `${shown(each.file)}:${each.line}: ${withoutSecrets(each.text)}`);
  return new UserError(messageOf(cause, said, list), {
    ...place,
    cause: error,
    advice: cause?.advice ?? hintOf(error) ?? 'The whole of what was said is in the log of this step.',
  });
}

/** Contradicting requirements come before the reason; otherwise the reason, and those that it names if there are several. */
function messageOf(cause: Cause | undefined, said: string, requirements: readonly string[]): string {
  const reason = cause?.message ?? (cause ? withoutHeadline(said) : said);
  if (cause?.conflict && requirements.length) {
    const what =
      requirements.length === 1
        ? 'this requirement cannot be met'
        : 'these requirements cannot be met together';
    return [`${what}:`, ...requirements, reason].join('\n');
  }
  return requirements.length > 1 ? [reason, ...requirements].join('\n') : reason;
}

/** The reason without the tool's headline and the indentation below it. */
function withoutHeadline(said: string): string {
  const headline =
    /^(No solution found|Could not solve for|The following packages are incompatible|[× ]*failed to solve|LibMamba\w+: Encountered)/;
  const lines = said.split('\n');
  const rest = lines.filter((line) => !headline.test(line.trim()));
  return (rest.length ? rest : lines)
    .map((line) => line.replace(/^\s*(cause: |Cannot solve the request because of: )|^\s{5,}(?=[A-Z])/, ''))
    .join('\n');
}

function hintOf({ stderr, tool }: ToolError): string | undefined {
  const hint = /^\s*hint: (.*)$/m.exec(stderr)?.[1];
  return hint && `${tool}'s hint: ${hint}`;
}

/** uv names the place of what it cannot read: file, line and column, or file and character. */
async function syntaxError(
  said: string,
  folder: string,
  shown: (path: string) => string,
): Promise<{ file: string; line: number; column?: number } | undefined> {
  const [, file, line, column] = /(?:^|[\s`])([^\s`:]+\.(?:txt|in|toml)):(\d+):(\d+)/.exec(said) ?? [];
  if (file) return { file: shown(resolve(folder, file)), line: Number(line), column: Number(column) };
  const [, document] = /Failed to parse `([^`]+\.(?:toml|lock))`|Failed to parse: `([^`]+)`/.exec(said) ?? [];
  const [, row, at] = /TOML parse error at line (\d+), column (\d+)/.exec(said) ?? [];
  if (document && row)
    return { file: shown(resolve(folder, document)), line: Number(row), column: Number(at) };
  const [, parsed, position] = /Couldn't parse requirement in `([^`]+)` at position (\d+)/.exec(said) ?? [];
  if (!parsed) return undefined;
  const path = resolve(folder, parsed);
  const before = (await readFile(path, 'utf8').catch(() => '')).slice(0, Number(position));
  return { file: shown(path), line: before.split('\n').length };
}

function syntaxAdvice(said: string): string {
  return /[\w.-]+=[\w.]+=\w+/.test(said)
    ? "This is a list that 'conda list --export' writes; write one for conda with '--explicit', or list the packages in an environment.yml."
    : /TOML parse error/.test(said)
      ? 'Mend this line, or write a lock anew with its tool; marks of a merge (<<<<<<<) may be left in it.'
      : 'Mend this line; it is no requirement.';
}

/**
 * The requirements that a text names, and those that are paths which the tool named. A resolver's conflict is about the
 * specifiers; otherwise names must do.
 */
async function involvedRequirements(
  text: string,
  said: string,
  files: readonly string[],
): Promise<Requirement[]> {
  const declared = await declaredRequirements(files);
  const words = new Set(
    [...text.matchAll(/[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?/g)].map(([word]) => normalName(word)),
  );
  const quoted = [...text.matchAll(/`([\w.-]+?)(?:==[^`]*)?`/g)].map(([, name = '']) => normalName(name));
  const named = declared.filter((each) =>
    each.name === undefined ? said.includes(addressOf(each)) : words.has(each.name),
  );
  const most = named.filter(({ name }) => quoted.includes(name ?? ''));
  const chosen = most.length ? most : named;
  // One line for each thing said: a lock repeats what pyproject.toml declares.
  return chosen
    .filter(
      (each, index) =>
        chosen.findIndex(({ text, name }) => name === each.name && text === each.text) === index,
    )
    .slice(0, 5);
}

/** The address of a folder or file that is required by its path. */
function addressOf({ file, text }: Requirement): string {
  const path = text.replace(/^(-e|--editable)[=\s]+/, '').replace(/\[.*$/, '');
  return pathToFileURL(resolve(dirname(file), path)).href;
}

/** The files in which a project's requirements are written by hand, and then its lock. */
function declaringFiles({ manager, files }: Project): string[] {
  const [file = ''] = files;
  if (manager === 'pixi') return [manifestBeside(file)];
  const beside = manager === 'uv' || manager === 'poetry' ? [join(dirname(file), 'pyproject.toml')] : [];
  return [...beside, ...files];
}
