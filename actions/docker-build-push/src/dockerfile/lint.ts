import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { parse } from 'yaml';
import { z } from 'zod';
import { type FoundHadolint, findHadolint } from './hadolint.ts';
import { spaceAfterHeredocs } from './heredocs.ts';

/** How bad a finding is, the worst first: https://github.com/hadolint/hadolint#configure. */
export const levels = ['error', 'warning', 'info', 'style'] as const;
export type LintLevel = (typeof levels)[number];

/** One thing that hadolint has to say about a Dockerfile. */
export interface LintFinding {
  /** `DL3008`, or `SC2086` for a shell command. */
  code: string;
  level: LintLevel;
  message: string;
  /** As the caller calls the Dockerfile. */
  file: string;
  line: number;
}

export interface LintOptions {
  /** The Dockerfile's text. */
  dockerfile: string;
  /** What it is called in findings: relative to the workspace. */
  file: string;
  /** The project's folder, whose .hadolint.yaml counts. */
  root: string;
  /** Codes that are of no interest, beside those of .hadolint.yaml. */
  ignore?: readonly string[] | undefined;
  /** The least level that fails; default: `failure-threshold` of .hadolint.yaml, or else `error`. */
  threshold?: LintLevel | 'none' | undefined;
  /** A folder that lives as long as the job, where hadolint is put if the machine has none. */
  temp: string;
  signal: AbortSignal;
  /** Changes to the environment of what is run. */
  env?: Record<string, string | undefined>;
}

export interface LintResult {
  /** The worst first, then by line. */
  findings: LintFinding[];
  /** Whether any finding reaches the threshold. */
  failed: boolean;
  threshold: LintLevel | 'none';
  /** Why nothing was checked, for a notice; BuildKit's own checks remain. */
  unavailable?: string;
}

/**
 * Has hadolint read a Dockerfile. That there is no hadolint to be had is no failure.
 *
 * @throws UserError where hadolint refuses its configuration.
 */
export async function lintDockerfile(options: LintOptions): Promise<LintResult> {
  const { dockerfile, file, root, ignore = [], temp, signal, env = {} } = options;
  const threshold = options.threshold ?? (await configuredThreshold(root)) ?? 'error';
  const hadolint = await findHadolint(temp, signal, env);
  if ('missing' in hadolint)
    return {
      findings: [],
      failed: false,
      threshold,
      unavailable: `hadolint is unavailable: ${hadolint.missing}`,
    };
  const { text, originalLine } = spaceAfterHeredocs(dockerfile);
  const ignored = new Set(ignore.map((code) => code.toUpperCase()));
  const findings = (await run(hadolint, text, { root, signal, env }))
    .map(({ code, level, message, line }) => ({ code, level, message, file, line: originalLine(line) }))
    .filter(({ code }) => !ignored.has(code))
    .sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level) || a.line - b.line);
  const reached = threshold === 'none' ? 0 : levels.indexOf(threshold) + 1;
  return { findings, threshold, failed: findings.some(({ level }) => levels.indexOf(level) < reached) };
}

/** Shows findings at their lines: errors and warnings as such, the rest as notices, with where each is explained. */
export function annotateFindings(findings: readonly LintFinding[]): void {
  for (const { code, level, message, file, line } of findings) {
    const shown = level === 'error' || level === 'warning' ? level : 'notice';
    annotate(shown, `${message}\n${explanation(code)}`, { file, line, title: `hadolint: ${code}` });
  }
}

function explanation(code: string): string {
  return code.startsWith('SC')
    ? `https://www.shellcheck.net/wiki/${code}`
    : `https://github.com/hadolint/hadolint/wiki/${code}`;
}

const findingSchema = z.array(
  z.object({ code: z.string(), level: z.enum(levels), message: z.string(), line: z.number() }),
);

async function run(
  { program }: Extract<FoundHadolint, { program: string }>,
  text: string,
  { root, signal, env }: { root: string; signal: AbortSignal; env: Record<string, string | undefined> },
): Promise<z.infer<typeof findingSchema>> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(60_000)]);
  const { exitCode, stdout, stderrTail } = await command(program, ['--no-fail', '--format', 'json', '-'], {
    cwd: root,
    env,
    signal: soon,
    input: text,
    tolerate: true,
  });
  const said = stderrTail.join('\n');
  // It goes on without a configuration that it cannot read, and ends well.
  if (!said.includes('Error parsing your config file') && exitCode === 0)
    return findingSchema.parse(JSON.parse(stdout || '[]'));
  const why = said
    .replaceAll('\\n', '\n')
    .replace(/[\s"]+$/, '')
    .split('\n')
    .at(-1)
    ?.trim();
  throw new UserError(
    `hadolint cannot read its configuration: ${why || `it ended with exit code ${exitCode}`}`,
    {
      file: await configurationFile(root),
      advice: 'How it is written: https://github.com/hadolint/hadolint#configure.',
    },
  );
}

const names = ['.hadolint.yaml', '.hadolint.yml'];

async function configurationFile(root: string): Promise<string | undefined> {
  for (const name of names) if (await readFile(join(root, name)).catch(() => undefined)) return name;
  return undefined;
}

async function configuredThreshold(root: string): Promise<LintLevel | 'none' | undefined> {
  const name = await configurationFile(root);
  if (!name) return undefined;
  try {
    const document = parse(await readFile(join(root, name), 'utf8')) as {
      'failure-threshold'?: string;
    } | null;
    const threshold = document?.['failure-threshold']?.toLowerCase();
    if (threshold === 'ignore') return 'none';
    return [...levels, 'none' as const].find((level) => level === threshold);
  } catch {
    return undefined; // What is wrong with it, hadolint says.
  }
}
