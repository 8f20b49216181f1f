import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { count, type Finding, findingText, type Paths, type Result } from './finding.ts';
import type { Project } from './project.ts';
import { findRuff, ruffFailed } from './ruff.ts';

/** Runs `ruff check`; settings such as `fix = true` change nothing here. */
export async function lint(project: Project): Promise<Result> {
  const ruff = findRuff(project);
  // A file, because a big project's findings are more than what is kept of a program's output.
  const file = join(await mkdtemp(join(project.temp, 'ruff-')), 'findings.json');
  const args = ['check', '--no-fix', '--output-format', 'json', '--output-file', file, '.'];
  const answer = await ruff.run(args, { show: 'stderr' });
  if (answer.exitCode !== 0 && answer.exitCode !== 1) throw await ruffFailed('ruff check', answer, project);
  const findings = parseRuff(await readFile(file, 'utf8'), project.paths);
  for (const finding of findings) process.stdout.write(`${findingText(finding)}\n`);
  const said = findings.length ? count(findings.length, 'finding') : 'no findings';
  process.stdout.write(`${said}\n`);
  return {
    check: 'lint',
    tool: `ruff ${ruff.version}`,
    outcome: findings.length ? 'failed' : 'passed',
    said,
    findings,
  };
}

/** An entry of `ruff check --output-format json`; see ruff's JSON emitter. */
interface RuffEntry {
  /** Null for syntax errors in versions before 0.12. */
  code: string | null;
  message: string;
  /** Absolute. */
  filename: string;
  location: { row: number; column: number } | null;
  /** 1-based number of a notebook's cell; positions are then within the cell. */
  cell?: number | null;
  url?: string | null;
  fix?: { applicability: 'safe' | 'unsafe' | 'display' } | null;
}

export function parseRuff(json: string, paths: Paths): Finding[] {
  let entries: RuffEntry[];
  try {
    entries = JSON.parse(json) as RuffEntry[];
  } catch (error) {
    throw new UserError('what ruff reported is not JSON', {
      cause: error,
      advice: 'Update ruff in the environment; 0.1 or newer is needed.',
    });
  }
  return entries.map(({ code, message, filename, location, cell, url, fix }) => {
    const file = paths.inWorkspace(filename);
    // The lines of a cell are not those of the notebook's file.
    const where = cell && location ? `cell ${cell}, line ${location.row}: ` : '';
    const hint = fix?.applicability === 'safe' ? " ('ruff check --fix' mends it)" : '';
    return {
      level: 'error',
      message: `${file ? '' : `${filename}: `}${where}${message}${hint}`,
      rule: code ?? 'invalid-syntax',
      url: url ?? undefined,
      place: { file, ...(cell || !location ? {} : { line: location.row, column: location.column }) },
    };
  });
}
