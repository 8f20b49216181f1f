import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '@mlops/core';
import { command, stepEnvironment } from '@mlops/core/process';
import { type Configuration, readConfiguration } from './configuration.ts';
import { activeEnvironment, type Environment } from './environment.ts';
import { Paths } from './finding.ts';

/** What every check works on. */
export interface Project {
  /** Absolute; the tools run in it. */
  folder: string;
  workspace: string;
  paths: Paths;
  configuration: Configuration;
  environment: Environment;
  /** A folder for the tools' reports, which lives as long as the job. */
  temp: string;
  signal: AbortSignal;
}

export async function openProject(
  context: Pick<Context, 'workingDirectory' | 'github' | 'signal'>,
): Promise<Project> {
  const { workingDirectory: folder, github, signal } = context;
  const temp = join(github.temp, 'mlops');
  await mkdir(temp, { recursive: true });
  return {
    folder,
    workspace: github.workspace,
    paths: new Paths(github.workspace, folder),
    configuration: await readConfiguration(folder, github.workspace),
    environment: await activeEnvironment(temp, signal),
    temp,
    signal,
  };
}

export interface Answer {
  exitCode: number | null;
  /** The signal that ended it, such as SIGSEGV or SIGKILL. */
  endedBy: string | null;
  stdout: string[];
  stderr: string[];
}

/** Runs a tool in the project's folder and returns all it said, whatever its exit code; `show` prints it as it comes. */
export async function runTool(
  project: Project,
  program: string,
  args: readonly string[],
  { show, plain }: { show?: 'stdout' | 'stderr' | 'both'; plain?: boolean } = {},
): Promise<Answer> {
  const said = { stdout: [] as string[], stderr: [] as string[] };
  const result = await command(program, args, {
    cwd: project.folder,
    // Colours would end up in what is parsed; tests keep the variables as the job has them.
    env: {
      ...stepEnvironment(process.env),
      ...(plain ? { NO_COLOR: '1', FORCE_COLOR: undefined, MYPY_FORCE_COLOR: undefined } : {}),
    },
    signal: project.signal,
    tolerate: true,
    onLine: (line, stream) => {
      said[stream].push(line);
      if (show === 'both' || show === stream) process.stdout.write(`${line}\n`);
    },
  });
  return { exitCode: result.exitCode, endedBy: result.signal, ...said };
}

/** How a tool ended, for a message: `ended with exit code 2`. */
export function ending({ exitCode, endedBy }: Answer): string {
  return endedBy ? `was ended by ${endedBy}` : `ended with exit code ${exitCode}`;
}

/** The last lines that say something, for a message. */
export function lastWords(lines: readonly string[]): string {
  return lines
    .filter((line) => line.trim())
    .slice(-8)
    .join('\n');
}
