import { join, relative, sep } from 'node:path';
import { nearest, UserError } from '@mlops/core';
import { requirementFor } from './program.ts';
import type { DvcProject } from './project.ts';

/** What DVC says when a remote does not let it in; each kind of remote has its own words. */
const refused =
  /credential|forbidden|access ?denied|permission denied|unauthori[sz]ed|authenticat|anonymous caller|\b40[13]\b/i;

/**
 * What went wrong, from what DVC printed: its errors name no cause for whoever does not know it well. `failure` is how
 * its process ended.
 */
export function explainFailure(lines: readonly string[], project: DvcProject, failure: UserError): UserError {
  const text = lines.join('\n');
  const file = 'dvc.yaml';
  const explained = (message: string, advice: string, place: { file?: string; line?: number } = {}) =>
    new UserError(message, { advice, cause: failure, ...place });

  if (/Unable to acquire lock/.test(text))
    return explained(
      'another process of DVC works in this project, and holds its lock',
      `Let one step at a time use the project. When none does, a process that was killed has left '${shown(project, join(project.root, '.dvc', 'tmp', 'lock'))}': remove it.`,
    );
  const [, scheme, plugin] = /(\S+) is supported, but requires '([\w-]+)' to be installed/.exec(text) ?? [];
  if (scheme !== undefined)
    return explained(
      `the DVC that is installed cannot use ${scheme} remotes: '${plugin}' is missing`,
      `Replace 'dvc' by '${requirementFor(project)}' in the project's requirements and lock them again.`,
    );
  const [, unknown] = /remote '(.+?)' doesn't exist/.exec(text) ?? [];
  if (unknown !== undefined)
    return explained(
      `there is no remote '${unknown}'`,
      `${suggestRemote(unknown, project)} See .dvc/config.`,
    );
  const [, where] = invalid.exec(text) ?? [];
  if (where !== undefined) {
    const [, position] = [...text.matchAll(/line (\d+), column \d+/g)].at(-1) ?? [];
    return explained(
      `not valid for DVC: ${reasonIn(lines)}`,
      'Its reference is https://dvc.org/doc/user-guide/project-structure/dvcyaml-files.',
      { file: shown(project, join(project.folder, where)), line: Number(position ?? 1) },
    );
  }
  if (/does not exist as an output or a stage name|Stage '.+' not found inside/.test(text))
    return explained(firstError(lines), "Check the input 'dvc-targets'; 'dvc stage list' shows the stages.");
  if (refused.test(errorsOf(lines)))
    return explained(
      `the remote ${describeRemote(project)} did not let this run read it: ${firstError(lines)}`,
      'Hand its credentials to the job as secrets, in the variables (env:) that DVC reads for this kind of remote. Pull requests from forks get no secrets.',
    );
  if (/no remote specified|No remote provided/.test(text) || (!project.remotes.urls.size && isMissing(text)))
    return explained(
      `data is missing here, and the project has no default remote to fetch it from: ${missingFiles(lines)}`,
      "Name a remote in the input 'dvc-remote', or set one with 'dvc remote add -d' and commit .dvc/config.",
    );
  if (isMissing(text))
    return explained(
      `data is missing, neither in the cache nor in the remote ${describeRemote(project)}: ${missingFiles(lines)}`,
      "Run 'dvc push' where the data is. Some remotes answer the same when they do not know the credentials. Outputs of stages can be made again: name the stages in the input 'force'.",
    );
  const [, stage, reason] = /failed to reproduce '(.+?)': (.*)/.exec(text) ?? [];
  if (stage !== undefined && reason !== undefined)
    return explained(
      `stage '${stage}' of ${file} failed: ${stageReason(reason)}${tail(lines)}`,
      "Its whole log is above, in the group 'dvc repro'.",
    );
  return explained(`DVC failed: ${firstError(lines) || failure.message}`, 'Its log is above.');
}

const invalid = /^'?(?:\.\/)?(\S*?dvc\.(?:yaml|lock))'? (?:validation failed|is invalid)/m;

function isMissing(text: string): boolean {
  return /Checkout failed for following targets|do not exist neither locally nor on remote|missing data 'source'/.test(
    text,
  );
}

function missingFiles(lines: readonly string[]): string {
  const start = lines.findIndex((line) => /Checkout failed for following targets:/.test(line));
  const end = lines.findIndex((line, i) => i > start && /^Is your cache up to date/.test(line));
  const targets = start < 0 ? [] : lines.slice(start + 1, end < 0 ? undefined : end);
  const named = targets.length
    ? targets
    : [/missing data 'source': (.*)/.exec(lines.join('\n'))?.[1] ?? 'see the log'];
  const rest = named.length - 8;
  return [...named.slice(0, 8), ...(rest > 0 ? [`and ${rest} more`] : [])].join(', ');
}

function errorsOf(lines: readonly string[]): string {
  const start = lines.findIndex((line) => line.startsWith('ERROR: '));
  return start < 0 ? '' : lines.slice(start).join('\n');
}

function firstError(lines: readonly string[]): string {
  const line = lines.find((each) => each.startsWith('ERROR: ')) ?? '';
  return line.replace(/^ERROR: (unexpected error - |failed to pull data from the cloud - )?/, '');
}

/** What is wrong with a file: the last sentence about it; excerpts of the file are indented or numbered. */
function reasonIn(lines: readonly string[]): string {
  const at = lines.findIndex((line) => invalid.test(line));
  const sentences = lines.slice(at + 1).filter((line) => /^[A-Za-z'"]/.test(line) && !invalid.test(line));
  return (sentences.at(-1) ?? 'see the log').replace(
    /,? in line \d+, column \d+$|, line \d+, column \d+$/,
    '',
  );
}

function stageReason(reason: string): string {
  return reason
    .replace(/^failed to run: /, "its command '")
    .replace(/, exited with (-?\d+)$/, "' exited with code $1");
}

/** Lines of the failed command shown with the error. */
const shownLines = 10;

function tail(lines: readonly string[]): string {
  const failed = lines.findLastIndex((line) => line.startsWith('ERROR: failed to reproduce'));
  const started = lines.findLastIndex((line, i) => i < failed && /^Running stage '/.test(line));
  const words = lines.slice(started + 1, failed).filter((line) => line.trim() && !line.startsWith('> '));
  if (started < 0 || !words.length) return '';
  return `. Its last words:\n${words
    .slice(-shownLines)
    .map((line) => `  ${line}`)
    .join('\n')}`;
}

function describeRemote({ remotes }: DvcProject): string {
  const name = remotes.default ?? [...remotes.urls.keys()][0];
  const url = name === undefined ? undefined : remotes.urls.get(name);
  // A URL may hold a password.
  return url ? `'${name}' (${url.replace(/\/\/[^/@]*@/, '//')})` : `'${name ?? 'default'}'`;
}

function suggestRemote(name: string, { remotes }: DvcProject): string {
  const names = [...remotes.urls.keys()];
  const near = nearest(name, names);
  return near ? `Did you mean '${near}'?` : names.length ? `Remotes: ${names.join(', ')}.` : 'There is none.';
}

function shown({ root }: DvcProject, path: string): string {
  return relative(root, path).split(sep).join('/');
}
