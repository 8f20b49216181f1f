import { UserError } from '@mlops/core';
import type { InstalledTool } from './environment.ts';
import { count, type Finding, findingText, type Paths, type Result } from './finding.ts';
import { type Answer, ending, lastWords, type Project, runTool } from './project.ts';

/** Runs mypy on what its settings name, otherwise on the whole folder. */
export async function mypy(project: Project, { program, version }: InstalledTool): Promise<Result> {
  const run = (targets: string[]) =>
    runTool(project, program, ['--output', 'json', '--no-color-output', ...targets], { plain: true });
  let answer = await run([]);
  if (answer.stderr.some((line) => line.includes('Missing target module, package, files, or command')))
    answer = await run(['.']);

  const findings = parseMypy(answer.stdout, project.paths);
  for (const line of answer.stderr) process.stdout.write(`${line}\n`);
  for (const finding of findings) process.stdout.write(`${findingText(finding)}\n`);
  const errors = findings.filter(({ level }) => level === 'error').length;
  if (answer.exitCode !== 0 && !errors) throw mypyFailed(answer, version, project);
  const said = errors ? count(errors, 'error') : 'no errors';
  process.stdout.write(`${said}\n`);
  return { check: 'types', tool: `mypy ${version}`, outcome: errors ? 'failed' : 'passed', said, findings };
}

function mypyFailed(answer: Answer, version: string, project: Project): UserError {
  if (
    answer.stderr.some((line) => /unrecognized arguments: .*--output|unrecognized arguments: json/.test(line))
  )
    return new UserError(`mypy ${version} cannot report as JSON`, {
      advice: 'Update it to 1.11 or newer and lock again.',
    });
  const file = project.configuration.get('mypy');
  return new UserError(`mypy ${ending(answer)}:\n${lastWords([...answer.stdout, ...answer.stderr])}`, {
    advice: file ? `Its settings are in ${file}.` : 'The whole of what it said is in the log of this step.',
  });
}

/** A line of `mypy --output json`; see mypy's JSONFormatter. */
interface MypyEntry {
  file: string;
  /** 1-based; -1 where mypy knows none. */
  line: number;
  /** 0-based; -1 where mypy knows none. */
  column: number;
  message: string;
  hint: string | null;
  code: string | null;
  severity: 'error' | 'note';
}

/** Lines that are no findings, such as `Success: no issues found`, are passed over. */
export function parseMypy(lines: readonly string[], paths: Paths): Finding[] {
  return lines.flatMap((text) => {
    const entry = asEntry(text) ?? asBlocker(text);
    if (!entry) return [];
    const { line, column, message, hint, code, severity } = entry;
    const file = paths.inWorkspace(entry.file);
    return {
      level: severity === 'error' ? 'error' : 'notice',
      message: `${file ? '' : `${entry.file}: `}${message}${hint ? `\n${hint}` : ''}`,
      rule: code ?? undefined,
      // The address that mypy itself prints with --show-error-code-links; it redirects to the list the code is in.
      url: code ? `https://mypy.readthedocs.io/en/stable/_refs.html#code-${code}` : undefined,
      place: {
        file,
        ...(line > 0 ? { line } : {}),
        ...(line > 0 && column >= 0 ? { column: column + 1 } : {}),
      },
    } as const;
  });
}

function asEntry(text: string): MypyEntry | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(text) as Partial<MypyEntry>;
    return typeof entry.file === 'string' && typeof entry.message === 'string'
      ? (entry as MypyEntry)
      : undefined;
  } catch {
    return undefined;
  }
}

/** `bad.py:1: error: invalid syntax  [syntax]`: mypy 1.11 says what stops it as text, whatever the format. */
function asBlocker(text: string): MypyEntry | undefined {
  const [, file, line, column, message, code] =
    /^((?:[A-Za-z]:)?[^:]+):(\d+):(?:(\d+):)? error: (.*?)(?:\s+\[([\w-]+)\])?$/.exec(text) ?? [];
  if (!file || !message) return undefined;
  const position = { line: Number(line), column: column ? Number(column) - 1 : -1 };
  return { file, ...position, message, hint: null, code: code ?? null, severity: 'error' };
}
