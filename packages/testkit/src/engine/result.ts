import type { Artifact } from './artifact-server.ts';

export type Outcome = 'success' | 'failure' | 'skipped' | 'cancelled';
export type Matrix = Record<string, unknown>;

export interface StepResult {
  /** The name, or what the step runs. */
  name: string;
  /** The id from the workflow, otherwise the step's number from 0. */
  id: string;
  /** What happened, before `continue-on-error`. */
  outcome: Outcome;
  /** What counted for the job, after `continue-on-error`. */
  conclusion: Outcome;
  /** How the action's post step ended, where it has one that ran. */
  post: Outcome | undefined;
  /** As the step wrote them, unmasked, so that a test can see a secret that leaks. */
  outputs: Record<string, string>;
  /** Lines as they stand in the log (secrets masked, colours removed), of the pre, main and post parts together. */
  log: string[];
  /** Time in the step's pre, main and post parts together. */
  durationMs: number;
}

export interface JobResult {
  /** As on GitHub: `<calling job> / <job> (<matrix values>)`. */
  name: string;
  /** The job's id in its workflow. */
  id: string;
  /** The workflow's name. */
  workflow: string;
  matrix: Matrix | undefined;
  result: Outcome;
  /** From the first to the last line of its log. */
  durationMs: number;
  /** Empty for a job that calls a workflow, and for a skipped one. */
  steps: StepResult[];
  /** Read from act's log, in which secrets are masked. */
  outputs: Record<string, string>;
  /** All that its steps wrote to GITHUB_STEP_SUMMARY, in order, unmasked. */
  summary: string;
}

export interface Annotation {
  level: 'notice' | 'warning' | 'error';
  message: string;
  /** The job's name. */
  job: string;
  title?: string;
  file?: string;
  line?: number;
  endLine?: number;
  column?: number;
}

export interface RunResult {
  /** Whether act ran to its end, no job failed and none had to be left out. */
  success: boolean;
  /** Whether the run was cancelled by the signal or by Ctrl-C. */
  cancelled: boolean;
  timedOut: boolean;
  jobs: JobResult[];
  artifacts: Artifact[];
  annotations: Annotation[];
  /** What act itself complained about: a workflow it cannot read, a runner label there is no machine for. */
  problems: string[];
  /** The whole log, one line per line, each behind its job's name. */
  log: string;
  /** Processes that steps left running, which were ended: `<pid> <command>`. */
  orphans: string[];
  runId: string;
}
