import { statSync } from 'node:fs';
import { relative } from 'node:path';
import type { Action, InputsOf, OutputsOf } from './action.ts';
import { UserError, UserErrors } from './errors.ts';
import { type GitHub, readGitHub } from './github.ts';
import { readInputs } from './read-inputs.ts';
import { readJobRecord, writeJobRecord } from './record/job-record.ts';
import type { JobRecord, StepRecord } from './record/schema.ts';
import { annotate, appendSummary, mask, readState, saveState, setOutput } from './runner.ts';

/** What an action is given beside its inputs. */
export interface Context<A extends Action = Action> {
  readonly github: GitHub;
  /** Absolute; all paths in inputs are relative to it. */
  readonly workingDirectory: string;
  /**
   * Empty at the repository's root, otherwise the working directory's path with dashes: for names that must differ
   * between the projects of one repository.
   */
  readonly project: string;
  /** Aborted when the run is cancelled; hand it to everything that waits. */
  readonly signal: AbortSignal;
  /** Set an output as soon as it is known: it is written even when the action fails later. */
  readonly outputs: Partial<OutputsOf<A>>;
  /** Markdown for the step's summary, in order. */
  readonly summary: string[];
  /** This job's part of the run record; changes are saved when the action ends, however it ends. */
  readonly record: JobRecord;
}

type Body<A extends Action> = (inputs: InputsOf<A>, context: Context<A>) => Promise<void>;

/** Gives what an action does. It is loaded after the inputs were checked, so that a mistake in them shows at once. */
type Load<A extends Action> = () => Promise<Body<A>>;

/**
 * Runs an action: reads and validates its inputs, calls what `main` gives (or `post` at the end of the job), and writes
 * outputs, summary and run record, also on failure. A UserError becomes annotations; anything else is reported as our
 * bug.
 */
export async function run<A extends Action>(action: A, main: Load<A>, post?: Load<A>): Promise<void> {
  const github = readGitHub(process.env);
  const cancellation = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => cancellation.abort(new Error(`cancelled by ${signal}`));
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);

  const isPost = readState('started') === 'true';
  if (!isPost) saveState('started', 'true');
  const load = isPost ? post : main;
  // With inputs that the main step refused there is nothing to do afterwards, and nothing new to say.
  if (!load || (isPost && readState('inputs-read') !== 'true')) return;

  const started = Date.now();
  const record = readJobRecord(github);
  const context = {
    github,
    signal: cancellation.signal,
    outputs: {},
    summary: [] as string[],
    record,
    workingDirectory: '',
    project: '',
  };
  let failure: unknown;
  try {
    const { inputs, workingDirectory, secrets } = await readInputs(action, process.env);
    for (const secret of secrets) mask(secret);
    mustBeFolder(workingDirectory);
    if (!isPost) saveState('inputs-read', 'true');
    context.workingDirectory = workingDirectory;
    context.project = relative(github.workspace, workingDirectory).replace(/[\\/]+/g, '-');
    const body = await load();
    await body(inputs, context as Context<A>);
  } catch (error) {
    failure = error;
  }

  const cancelled = cancellation.signal.aborted;
  if (cancelled) annotate('error', `${action.name} was cancelled.`);
  else if (failure !== undefined) report(action, failure);
  writeOutputs(action, context.outputs);
  if (context.summary.length) appendSummary(context.summary.join('\n\n'));
  if (!isPost) record.steps.push(stepRecord(action.name, started, cancelled, failure));
  record.finishedAt = new Date().toISOString();
  writeJobRecord(github, record);
  if (cancelled || failure !== undefined) process.exitCode = 1;
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
}

function mustBeFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory())
    throw new UserError(`the working directory '${path}' ${found ? 'is not a folder' : 'does not exist'}`, {
      advice: "Check the input 'working-directory', and that the repository is checked out before this step.",
    });
}

function report(action: Action, failure: unknown): void {
  if (failure instanceof UserErrors)
    for (const problem of failure.problems) annotateUserError(action, problem);
  else if (failure instanceof UserError) annotateUserError(action, failure);
  else {
    const stack = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
    annotate(
      'error',
      `This is a bug in ${action.name}, not in your repository. Please report it with the log of this step.\n${stack}`,
      {
        title: `${action.name}: unexpected error`,
      },
    );
  }
}

function annotateUserError(action: Action, error: UserError): void {
  annotate('error', `${error.message}${error.advice ? `\n${error.advice}` : ''}`, {
    title: action.title,
    ...error.place,
  });
}

function writeOutputs(action: Action, outputs: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(outputs)) {
    const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (!(kebab in action.outputs)) throw new Error(`${action.name} does not declare the output '${kebab}'`);
    if (value !== undefined) setOutput(kebab, value);
  }
}

function stepRecord(action: string, started: number, cancelled: boolean, failure: unknown): StepRecord {
  const error =
    failure === undefined ? undefined : failure instanceof Error ? failure.message : String(failure);
  return {
    action,
    startedAt: new Date(started).toISOString(),
    durationMs: Date.now() - started,
    outcome: cancelled ? 'cancelled' : failure === undefined ? 'success' : 'failure',
    ...(error === undefined ? {} : { error }),
  };
}
