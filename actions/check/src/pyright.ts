import { UserError } from '@mlops/core';
import type { InstalledTool } from './environment.ts';
import { count, type Finding, findingText, type Paths, type Result } from './finding.ts';
import { ending, lastWords, type Project, runTool } from './project.ts';

/** Runs pyright, or basedpyright, which takes the same arguments, on what its settings include. */
export async function pyright(
  project: Project,
  name: 'pyright' | 'basedpyright',
  { program, version }: InstalledTool,
): Promise<Result> {
  const answer = await runTool(project, program, ['--outputjson'], { plain: true });
  for (const line of answer.stderr) process.stdout.write(`${line}\n`);
  const findings = parsePyright(answer.stdout.join('\n'), project.paths);
  // Exit code 1 says that there are errors; anything above, that pyright could not do its work.
  if (!findings || (answer.exitCode !== 0 && answer.exitCode !== 1))
    throw new UserError(
      `${name} ${ending(answer)}:\n${lastWords(answer.stderr.length ? answer.stderr : answer.stdout)}`,
      {
        advice: `Its settings are in ${project.configuration.get(name) ?? project.configuration.get('pyright') ?? 'pyproject.toml'}.`,
      },
    );
  for (const finding of findings) process.stdout.write(`${findingText(finding)}\n`);
  const errors = findings.filter(({ level }) => level === 'error').length;
  const warnings = findings.filter(({ level }) => level === 'warning').length;
  const said = `${errors ? count(errors, 'error') : 'no errors'}${warnings ? `, ${count(warnings, 'warning')}` : ''}`;
  process.stdout.write(`${said}\n`);
  return {
    check: 'types',
    tool: `${name} ${version}`,
    // pyright decides whether warnings count: `failOnWarnings`, `--warnings`.
    outcome: errors || answer.exitCode !== 0 ? 'failed' : 'passed',
    said,
    findings,
  };
}

/** What `pyright --outputjson` prints; see "Pyright command-line" in its documentation. Lines and columns are 0-based. */
interface Report {
  generalDiagnostics: {
    file: string;
    severity: 'error' | 'warning' | 'information';
    message: string;
    rule?: string;
    range?: { start: { line: number; character: number } };
  }[];
}

const levels = { error: 'error', warning: 'warning', information: 'notice' } as const;

/** Undefined where the text is no report; whatever stands before the report, such as a notice of an update, is passed over. */
export function parsePyright(text: string, paths: Paths): Finding[] | undefined {
  const report = asReport(text);
  return report?.generalDiagnostics.map(({ file: printed, severity, message, rule, range }) => {
    const file = paths.inWorkspace(printed);
    return {
      level: levels[severity],
      // pyright indents with no-break spaces.
      message: `${file ? '' : `${printed}: `}${message.replaceAll('\u00a0', ' ')}`,
      rule,
      url: rule ? `https://microsoft.github.io/pyright/#/configuration?id=${rule}` : undefined,
      place: { file, ...(range ? { line: range.start.line + 1, column: range.start.character + 1 } : {}) },
    };
  });
}

function asReport(text: string): Report | undefined {
  const start = /^\{/m.exec(text)?.index;
  if (start === undefined) return undefined;
  try {
    const report = JSON.parse(text.slice(start)) as Partial<Report>;
    return Array.isArray(report.generalDiagnostics) ? (report as Report) : undefined;
  } catch {
    return undefined;
  }
}
