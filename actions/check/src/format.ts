import { count, type Finding, type Paths, type Result } from './finding.ts';
import type { Project } from './project.ts';
import { findRuff, ruffFailed } from './ruff.ts';

/** Asks `ruff format` what it would change; its diff says where, and in all versions the same way. */
export async function format(project: Project): Promise<Result> {
  const ruff = findRuff(project);
  const answer = await ruff.run(['format', '--diff', '.'], { show: 'stdout' });
  const findings = parseDiff(answer.stdout, project.paths);
  // Files that cannot be parsed have exit code 2 also, and a line for each.
  const unreadable = parseUnreadable(answer.stderr, project.paths);
  if (answer.exitCode !== 0 && !findings.length && !unreadable.length)
    throw await ruffFailed('ruff format', answer, project);
  const all = [...unreadable, ...findings];
  for (const line of answer.stderr) process.stdout.write(`${line}\n`);
  return {
    check: 'format',
    tool: `ruff ${ruff.version}`,
    outcome: all.length ? 'failed' : 'passed',
    said: all.length
      ? `${count(new Set(all.map(({ place }) => place.file)).size, 'file')} to format`
      : 'nothing to change',
    findings: all,
  };
}

/** One finding for each file of a unified diff (for notebooks: each cell), at the first line that changes. */
export function parseDiff(lines: readonly string[], paths: Paths): Finding[] {
  const findings: Finding[] = [];
  lines.forEach((line, index) => {
    // Only a header has all three lines; a removed line that begins with `--` looks like the first of them.
    const name = /^--- (.+)$/.exec(line)?.[1];
    const hunk = /^@@ -(\d+)/.exec(lines[index + 2] ?? '')?.[1];
    if (!name || !hunk || lines[index + 1] !== `+++ ${name}`) return;
    const [, notebook, cell] = /^(.+\.ipynb):(cell \d+)$/.exec(name) ?? [];
    const unchanged = lines.slice(index + 3).findIndex((next) => /^[-+]/.test(next));
    const first = Math.max(Number(hunk), 1) + Math.max(unchanged, 0);
    const file = paths.inWorkspace(notebook ?? name);
    findings.push({
      level: 'error',
      message: `${file ? '' : `${name}: `}${cell ? `${cell}, line ${first}: ` : ''}is not formatted ('ruff format' mends it)`,
      rule: 'format',
      place: { file, ...(cell ? {} : { line: first }) },
    });
  });
  return findings;
}

/** `error: Failed to parse bad.py:1:7: Expected …` */
export function parseUnreadable(stderr: readonly string[], paths: Paths): Finding[] {
  return stderr.flatMap((line) => {
    const [, name = '', row, column, message = ''] =
      /^error: Failed to parse (.+?):(\d+):(\d+): (.*)$/.exec(line) ?? [];
    if (!name) return [];
    const file = paths.inWorkspace(name.replace(/(\.ipynb):cell \d+$/, '$1'));
    const position = file?.endsWith('.ipynb') ? {} : { line: Number(row), column: Number(column) };
    return { level: 'error', message, rule: 'invalid-syntax', place: { file, ...position } } as const;
  });
}
