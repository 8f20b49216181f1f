import { UserError } from '@mlops/core';
import { quoted } from '../quoted.ts';
import { type Supervisor, WorkFailed } from '../supervisor.ts';
import { explainFailure } from './failures.ts';
import { dvcEnvironment } from './program.ts';
import { ReproProgress } from './progress.ts';
import type { DvcProject } from './project.ts';

export interface ReproOptions {
  program: string;
  /** Why DVC is started. */
  reason: string;
  project: DvcProject;
  supervisor: Supervisor;
  targets: readonly string[];
  /** Whether DVC fetches missing inputs from the remote. */
  pulls: boolean;
  usesRunCache: boolean;
  /** Whether stages whose outputs are not here count as unchanged, because what is needed was fetched before. */
  allowsMissing: boolean;
  force: boolean;
  /** Names of stages; undefined when they are not known. */
  stages: readonly string[] | undefined;
  /** What makes a checkpoint usable. */
  identity: string;
}

/** Lines of DVC's log that are kept for errors. */
const linesKept = 500;

/** Runs `dvc repro`. A failure is returned, since what succeeded before it is to be kept all the same. */
export async function repro(options: ReproOptions): Promise<{ progress: ReproProgress; failure: unknown }> {
  const { program, project, supervisor, targets, stages, reason, identity } = options;
  const args = [
    'repro',
    ...(options.allowsMissing ? ['--allow-missing'] : []),
    ...(options.pulls ? ['--pull'] : []),
    ...(options.usesRunCache ? [] : ['--no-run-cache']),
    ...(options.force ? ['--force'] : []),
    ...targets,
  ];
  const progress = new ReproProgress((name) => stages?.includes(name) ?? true);
  const lines: string[] = [];
  const script = `${process.platform === 'win32' ? '& ' : ''}${[program, ...args].map((arg) => quoted(arg)).join(' ')}`;
  try {
    await supervisor.run({
      ...{ name: 'dvc repro', title: 'dvc repro', reason, script, env: dvcEnvironment, identity },
      fresh: options.force,
      onLine(line, stream) {
        lines.push(line);
        if (lines.length > linesKept) lines.shift();
        progress.line(line, stream);
      },
    });
    progress.end();
    return { progress, failure: undefined };
  } catch (error) {
    progress.end();
    return { progress, failure: explained(error, lines, project) };
  }
}

/** The supervisor knows best about memory and signals; what DVC itself found is told in its own words. */
function explained(error: unknown, lines: readonly string[], project: DvcProject): unknown {
  if (!(error instanceof UserError)) return error;
  if (!(error instanceof WorkFailed)) return error;
  if (error.kind !== 'failed') return error;
  const { message, advice = '', place } = explainFailure(lines, project, error);
  const failure = new WorkFailed(message, error.kind, { advice, cause: error });
  Object.assign(failure.place, place);
  return failure;
}
