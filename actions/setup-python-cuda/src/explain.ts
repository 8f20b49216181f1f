import { statfs } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { UserError } from '@mlops/core';
import { type Cause, causeOf } from './causes.ts';
import { hasCredentials } from './indexes.ts';
import { ownWords } from './own-words.ts';
import { manifestBeside } from './pixi/manifest.ts';
import type { Project } from './project.ts';
import { declaredRequirements, normalName, type Requirement } from './requirements.ts';
import type { ToolError } from './run-tool.ts';

/** What a failed installation came from, in short, at the line of the requirement it is about. */
export async function explain(
  error: ToolError,
  project: Project,
  folder: string,
  workspace: string,
): Promise<UserError> {
  const shown = (path: string) => relative(workspace, path).split(sep).join('/');
  const said = ownWords(error);
  const parsed = syntaxError(said, folder, shown);
  if (parsed) return new UserError(said, { ...parsed, cause: error, advice: syntaxAdvice(said) });

  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: 0, bsize: 0 }));
  const cause = causeOf(error.said, {
    platform: process.platform,
    freeBytes: bavail * bsize,
    hasCredentials,
  });
  const involved = await involvedRequirements(cause?.package ?? said, project);
  const [first] = involved;
  const place = first
    ? { file: shown(first.file), line: first.line }
    : { file: shown(project.files[0] ?? folder), line: 1 };
  const list = involved.map((each) => `${shown(each.file)}:${each.line}: ${each.text}`);
  return new UserError(messageOf(cause, said, list), {
    ...place,
    cause: error,
    advice: cause?.advice ?? hintOf(error) ?? 'The whole of what was said is in the log of this step.',
  });
}

/** Contradicting requirements come before the reason; otherwise the reason, and those that it names if there are several. */
function messageOf(cause: Cause | undefined, said: string, requirements: readonly string[]): string {
  const reason = cause?.message ?? said;
  if (cause?.conflict && requirements.length) {
    const what =
      requirements.length === 1
        ? 'this requirement cannot be met'
        : 'these requirements cannot be met together';
    return [`${what}:`, ...requirements, withoutHeadline(reason)].join('\n');
  }
  return requirements.length > 1 ? [reason, ...requirements].join('\n') : reason;
}

/** The tool's headline says what the list above it has said already. */
function withoutHeadline(said: string): string {
  const lines = said.split('\n');
  const headline =
    /^(No solution found|Could not solve|The following packages are incompatible|failed to solve|LibMamba\w+: Encountered)/;
  const rest = lines.filter((line) => !headline.test(line.trim()));
  return (rest.length ? rest : lines).map((line) => line.replace(/^\s*cause: /, '')).join('\n');
}

function hintOf({ stderr, tool }: ToolError): string | undefined {
  const hint = /^\s*hint: (.*)$/m.exec(stderr)?.[1];
  return hint && `${tool}'s hint: ${hint}`;
}

/** uv names file, line and column of what it cannot read. */
function syntaxError(
  said: string,
  folder: string,
  shown: (path: string) => string,
): { file: string; line: number; column: number } | undefined {
  const [, file, line, column] = /(?:^|[\s`])([^\s`:]+\.(?:txt|in|toml)):(\d+):(\d+)/.exec(said) ?? [];
  return file ? { file: shown(join(folder, file)), line: Number(line), column: Number(column) } : undefined;
}

function syntaxAdvice(said: string): string {
  return /[\w.-]+=[\w.]+=\w+/.test(said)
    ? "This is a list that 'conda list --export' writes; write one for conda with '--explicit', or list the packages in an environment.yml."
    : 'Mend this line; it is no requirement.';
}

/** The requirements that a text names. A resolver's conflict is about the specifiers; otherwise names must do. */
async function involvedRequirements(said: string, project: Project): Promise<Requirement[]> {
  const declared = await declaredRequirements(declaringFiles(project));
  const words = new Set(
    [...said.matchAll(/[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?/g)].map(([word]) => normalName(word)),
  );
  const quoted = [...said.matchAll(/`([\w.-]+?)(?:==[^`]*)?`/g)].map(([, name = '']) => normalName(name));
  const named = declared.filter(({ name }) => name !== undefined && words.has(name));
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

/** The files in which a project's requirements are written by hand, and then its lock. */
function declaringFiles({ manager, files }: Project): string[] {
  const [file = ''] = files;
  if (manager === 'pixi') return [manifestBeside(file)];
  const beside = manager === 'uv' || manager === 'poetry' ? [join(dirname(file), 'pyproject.toml')] : [];
  return [...beside, ...files];
}
