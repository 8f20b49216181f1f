import { dirname, join, relative, sep } from 'node:path';
import { UserError } from '@mlops/core';
import type { Project } from './project.ts';
import { declaredRequirements, normalName, type Requirement } from './requirements.ts';
import type { UvError } from './uv.ts';

const linesShown = 15;

/** What uv said about a failed installation, in short, at the line of the requirement it is about. */
export async function explain(
  error: UvError,
  project: Project,
  folder: string,
  workspace: string,
): Promise<UserError> {
  const shown = (path: string) => relative(workspace, path).split(sep).join('/');
  const said = ownWords(error.stderr);
  const parsed = syntaxError(said, folder, shown);
  if (parsed)
    return new UserError(said, { ...parsed, cause: error, advice: 'Mend this line; it is no requirement.' });

  const involved = await involvedRequirements(said, project);
  const [first] = involved;
  const place = first
    ? { file: shown(first.file), line: first.line }
    : { file: shown(project.files[0] ?? folder), line: 1 };
  const where =
    involved.length > 1
      ? `\n${involved.map((each) => `${shown(each.file)}:${each.line}: ${each.text}`).join('\n')}`
      : '';
  return new UserError(`${said}${where}`, { ...place, cause: error, advice: advise(said, error.stderr) });
}

/** The error itself, without what uv did before, its causes indented below it, and hints left out. */
function ownWords(stderr: string): string {
  const lines = stderr.split('\n');
  const start = lines.findIndex((line) => /^(error|\s*×)/.test(line));
  const own = lines.slice(Math.max(start, 0)).filter((line) => line.trim() && !/^\s*hint:/.test(line));
  const kept = own.length > linesShown ? [...own.slice(0, linesShown - 5), '  …', ...own.slice(-4)] : own;
  return kept.join('\n').replace(/^error: /, '') || 'uv failed without a word';
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

/** The requirements that the error names. A resolver's conflict is about the specifiers; otherwise names must do. */
async function involvedRequirements(said: string, project: Project): Promise<Requirement[]> {
  const beside =
    project.manager === 'uv' || project.manager === 'poetry'
      ? [join(dirname(project.files[0] ?? ''), 'pyproject.toml')]
      : [];
  const declared = await declaredRequirements([...beside, ...project.files]);
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

function advise(said: string, stderr: string): string {
  if (/hash mismatch/i.test(said))
    return "The index offers another file than the one that was locked: it was replaced, a mirror altered it, or the lock was edited. Find out which before you lock anew ('uv lock --upgrade-package', 'uv pip compile --generate-hashes').";
  if (/lockfile .* needs to be updated/i.test(said))
    return "pyproject.toml has changed since: run 'uv lock' and commit uv.lock.";
  if (/--require-hashes|have their versions pinned|must (all )?have .*hash/i.test(said))
    return "Lock all requirements with hashes: 'uv pip compile --generate-hashes requirements.in -o requirements.txt'.";
  if (/not found in the package registry/i.test(said))
    return 'Check the spelling; a private package needs its index in UV_INDEX or pyproject.toml.';
  if (/Request failed|dns error|error sending request|timed out/i.test(said))
    return 'The index cannot be reached from this runner. Set HTTPS_PROXY, or a mirror in UV_DEFAULT_INDEX.';
  if (/Failed to build|build backend/i.test(said))
    return 'The package has no wheel for this Python and platform and did not build. Use a version that has one, another Python, or install what its build needs in an earlier step.';
  const hint = /^\s*hint: (.*)$/m.exec(stderr)?.[1];
  if (hint) return `uv's hint: ${hint}`;
  if (/No solution found/i.test(said))
    return 'Loosen one of these requirements, or choose another version of Python.';
  return 'The whole of what uv said is in the log of this step.';
}
