import { stripVTControlCharacters } from 'node:util';
import { type JobAnnotation, parseAnnotation } from './annotation.ts';
import type { Annotation, JobResult, Matrix, Outcome, StepResult } from './result.ts';
import { identify, type JobIdentity, type Workflow } from './workflows.ts';

/** One line of `act --json --verbose`. Fields with the job's and step's identity stand on every line of theirs. */
interface Entry {
  level: string;
  msg: string;
  job?: string;
  jobID?: string;
  matrix?: Matrix;
  jobResult?: Outcome;
  step?: string;
  /** The step's id, then those of the steps within composite actions. */
  stepID?: string[];
  stage?: 'Pre' | 'Main' | 'Post';
  stepResult?: Outcome;
  /** Nanoseconds. */
  executionTime?: number;
  raw_output?: boolean;
  /** A workflow command, or what act did in consequence of a file command. */
  command?: string;
  raw?: string;
  name?: string;
  arg?: string;
  content?: string;
}

interface Job {
  actName: string;
  id: string;
  matrix: Matrix | undefined;
  identity: JobIdentity | undefined;
  result: Outcome | undefined;
  firstMs: number;
  lastMs: number;
  steps: Map<string, Step>;
  summary: string;
  annotations: JobAnnotation[];
  /** From act's rewriting of a template to an expression, and from the expression to its value. */
  rewritten: Map<string, string>;
  evaluated: Map<string, string>;
}

/** A step whose end the log may not have told yet. */
type Step = Omit<StepResult, 'outcome' | 'conclusion'> & {
  /** Whether its main part was reached, be it only to be skipped. */
  reached: boolean;
  composite: boolean;
  /** Whether it was killed, because the run was cancelled or its time was up. */
  killed: boolean;
  outcome: Outcome | undefined;
  conclusion: Outcome | undefined;
};

export interface ReadLog {
  jobs: JobResult[];
  annotations: Annotation[];
  problems: string[];
  log: string;
}

/**
 * Reads act's log as it comes. `--verbose` is needed for what act says nowhere else: which jobs and steps it skipped
 * and what a job's outputs came to. The verbose lines themselves are not kept, since they show whole environments.
 */
export class ActLog {
  readonly #workflows: readonly Workflow[];
  readonly #onLine: (line: string) => void;
  readonly #masks: Set<string>;
  readonly #jobs = new Map<string, Job>();
  readonly #lines: string[] = [];
  readonly #problems: string[] = [];

  constructor(workflows: readonly Workflow[], secrets: readonly string[], onLine: (line: string) => void) {
    this.#workflows = workflows;
    this.#onLine = onLine;
    this.#masks = new Set(secrets.filter(Boolean));
  }

  read(line: string): void {
    const entry = parseEntry(line);
    if (!entry) this.#readPlain(line);
    else if (entry.job) this.#readJob(entry.job.trim(), entry);
    else this.#readGlobal(entry);
  }

  #readJob(actName: string, entry: Entry): void {
    const job = this.#job(actName, entry);
    job.lastMs = Date.now();
    if (entry.jobResult) job.result = entry.jobResult;
    if (entry.level === 'debug') readEvaluation(job, entry.msg);
    if (entry.msg.includes('Skipping unsupported platform')) {
      this.#problems.push(`${job.actName}: ${entry.msg.trim()}`);
      job.result = 'failure';
    }
    const step = stepOf(job, entry);
    if (step) readStep(step, entry);
    if (entry.command === 'add-mask' && entry.arg) this.#masks.add(entry.arg);
    if (entry.command === 'summary' && !repeatsInner(entry, step)) job.summary += entry.content ?? '';
    const annotation = parseAnnotation(this.#mask(entry.raw ?? ''));
    if (annotation) job.annotations.push(annotation);
    this.#keep(job, step, entry);
  }

  /** What the log says when it has ended. Jobs without an end were cancelled when the run was, and otherwise failed. */
  finish(cancelled: boolean): ReadLog {
    const results = new Map<Job, JobResult>();
    const jobs = [...this.#jobs.values()].map((job) => this.#result(job, cancelled, results));
    const annotations = [...results].flatMap(([job, { name }]) =>
      job.annotations.map((annotation) => ({ ...annotation, job: name })),
    );
    return { jobs, annotations, problems: this.#problems, log: this.#lines.join('\n') };
  }

  #job(actName: string, { jobID = actName, matrix }: Entry): Job {
    const known = this.#jobs.get(actName);
    if (known) return known;
    const now = Date.now();
    const job: Job = {
      actName,
      id: jobID,
      matrix: matrix && Object.keys(matrix).length ? matrix : undefined,
      identity: identify(this.#workflows, actName, jobID),
      result: undefined,
      firstMs: now,
      lastMs: now,
      steps: new Map(),
      summary: '',
      annotations: [],
      rewritten: new Map(),
      evaluated: new Map(),
    };
    this.#jobs.set(actName, job);
    return job;
  }

  #keep(job: Job, step: Step | undefined, entry: Entry): void {
    const debugCommand = entry.command === 'debug';
    if ((entry.level === 'debug' && !debugCommand) || bookkeeping.has(entry.command ?? '')) return;
    const isCommand = entry.raw !== undefined && entry.command !== 'add-mask';
    const text = this.#mask(stripVTControlCharacters((isCommand && entry.raw) || entry.msg)).trimEnd();
    if (entry.raw_output || isCommand) step?.log.push(text);
    if (!debugCommand) this.#write(`[${job.actName}] ${text}`);
  }

  #readGlobal({ level, msg }: Entry): void {
    if (level === 'error' || level === 'fatal') this.#problems.push(msg);
    if (level !== 'debug' && !ordinary.test(msg)) this.#write(msg);
  }

  /** act's last line, when it fails, is plain text. */
  #readPlain(line: string): void {
    if (!line.trim()) return;
    const text = this.#mask(line);
    if (!/^Error: Job '.*' failed$/.test(text)) this.#problems.push(text.replace(/^Error: /, ''));
    this.#write(text);
  }

  #write(line: string): void {
    this.#lines.push(line);
    this.#onLine(line);
  }

  #mask(text: string): string {
    let masked = text;
    const longestFirst = [...this.#masks].sort((a, b) => b.length - a.length); // One may be a part of another.
    for (const mask of longestFirst) masked = masked.replaceAll(mask, '***');
    return masked;
  }

  #result(job: Job, cancelled: boolean, done: Map<Job, JobResult>): JobResult {
    const earlier = done.get(job);
    if (earlier) return earlier;
    const called = this.#calledBy(job);
    const result: JobResult = {
      name: this.#nameOf(job),
      id: job.id,
      workflow: job.identity?.workflow.name ?? '',
      matrix: job.matrix,
      result: 'success',
      durationMs: Math.max(job.lastMs, ...called.map(({ lastMs }) => lastMs)) - job.firstMs,
      steps: [],
      outputs: called.length ? calledOutputs(called) : this.#outputs(job),
      summary: job.summary,
    };
    done.set(job, result);
    const end = job.result ?? together(called.map((one) => this.#result(one, cancelled, done).result));
    result.result = end === undefined || (cancelled && end === 'failure') ? unfinished(cancelled) : end;
    result.steps = [...job.steps.values()].map((step) => ({
      ...ended(step, cancelled),
      name: this.#mask(step.name),
    }));
    return result;
  }

  #calledBy({ identity }: Job): Job[] {
    if (!identity?.definition.uses) return [];
    return [...this.#jobs.values()].filter((job) => job.identity?.caller === identity.own);
  }

  #nameOf(job: Job): string {
    const { identity } = job;
    if (!identity) return job.actName;
    const values = job.matrix ? ` (${Object.values(job.matrix).join(', ')})` : '';
    const own = identity.definition.name === undefined ? `${job.id}${values}` : identity.own;
    const caller = [...this.#jobs.values()].find(
      (other) =>
        identity.caller !== undefined &&
        other.identity?.definition.uses &&
        other.identity.own === identity.caller,
    );
    return caller && caller !== job ? `${this.#nameOf(caller)} / ${own}` : own;
  }

  /** act evaluates the outputs once for all jobs of a matrix, in the one that ends first. */
  #outputs(job: Job): Record<string, string> {
    const siblings = [...this.#jobs.values()].filter(
      ({ id, identity }) => id === job.id && identity?.caller === job.identity?.caller,
    );
    return valuesOf(job.identity?.definition.outputs ?? {}, [job, ...siblings]);
  }
}

/** What act says of file commands. It stands in the step's result, and GitHub's log has none of it. */
const bookkeeping = new Set(['summary', 'set-output', 'set-env', 'add-path']);

/** What act always says and what says nothing: no Docker is wanted here. */
const ordinary = /valid docker connection|Using docker host/;

function parseEntry(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}

function readEvaluation(job: Job, message: string): void {
  const [, template, expression] = /^expression '([\s\S]*)' rewritten to '([\s\S]*)'$/.exec(message) ?? [];
  if (template !== undefined && expression !== undefined) job.rewritten.set(template, expression);
  // Go's %t, misused for a text: `%!t(string=value)`.
  const [, source, value] =
    /^expression '([\s\S]*)' evaluated to '%!t\(string=([\s\S]*)\)'$/.exec(message) ?? [];
  if (source !== undefined && value !== undefined) job.evaluated.set(source, value);
}

function valuesOf(templates: Record<string, string>, evaluatedBy: readonly Job[]): Record<string, string> {
  const resolved = (template: string) => {
    if (!template.includes('${{')) return template;
    for (const { rewritten, evaluated } of evaluatedBy) {
      const value = evaluated.get(rewritten.get(template) ?? '');
      if (value !== undefined) return value;
    }
    return '';
  };
  return Object.fromEntries(Object.entries(templates).map(([name, text]) => [name, resolved(String(text))]));
}

/** A called workflow's outputs are evaluated anew at the end of each of its jobs; the last one has them all. */
function calledOutputs(called: readonly Job[]): Record<string, string> {
  const last = [...called]
    .filter(({ result }) => result && result !== 'skipped')
    .sort((a, b) => b.lastMs - a.lastMs);
  return valuesOf(called[0]?.identity?.workflow.outputs ?? {}, last);
}

function together(results: readonly Outcome[]): Outcome | undefined {
  const order: Outcome[] = ['failure', 'cancelled', 'success', 'skipped'];
  return order.find((outcome) => results.includes(outcome));
}

function stepOf(job: Job, { stepID, stage, step: name = '' }: Entry): Step | undefined {
  const id = stepID?.[0];
  if (id === undefined || !stage) return undefined;
  const step = job.steps.get(id) ?? newStep(id, name);
  if (stage === 'Main' && !step.reached) {
    // The pre parts of all actions come first; the order of the steps is that of their main parts.
    job.steps.delete(id);
    step.reached = true;
  }
  job.steps.set(id, step);
  return step;
}

const newStep = (id: string, name: string): Step => ({
  name: name.trim(),
  id,
  reached: false,
  composite: false,
  killed: false,
  outcome: undefined,
  conclusion: undefined,
  post: undefined,
  outputs: {},
  log: [],
  durationMs: 0,
});

/** At the end of a composite action act reads the summary of its last step once more, as the action's. */
const repeatsInner = ({ stepID }: Entry, step: Step | undefined): boolean =>
  step?.composite === true && stepID?.length === 1;

function readStep(step: Step, entry: Entry): void {
  const ofComposite = (entry.stepID?.length ?? 0) > 1;
  // As an error of the step itself this stands in the log only after the step's end.
  if (entry.level === 'error' && entry.msg.startsWith('this step has been cancelled')) step.killed = true;
  if (ofComposite) {
    step.composite = true;
    return;
  }
  if (entry.command === 'set-output' && entry.name !== undefined) step.outputs[entry.name] = entry.arg ?? '';
  if (entry.msg === 'Failed but continue next step' && entry.stage === 'Main') step.conclusion = 'success';
  if (!entry.stepResult) return;
  step.durationMs += (entry.executionTime ?? 0) / 1e6;
  // A pre step counts as the action's own: when it fails, the main part never runs.
  if (entry.stage === 'Post') {
    if (entry.stepResult !== 'skipped') step.post = entry.stepResult;
  } else if (entry.stage === 'Main' || entry.stepResult === 'failure') {
    step.outcome = entry.stepResult;
    step.conclusion ??= entry.stepResult;
  }
}

function ended({ reached, composite: _, killed, ...step }: Step, cancelled: boolean): StepResult {
  const outcome = step.outcome ?? (reached ? unfinished(cancelled) : 'skipped');
  if (killed && cancelled) return { ...step, outcome: 'cancelled', conclusion: 'cancelled' };
  return { ...step, outcome, conclusion: step.conclusion ?? outcome };
}

/** How whatever has no end ended. */
const unfinished = (cancelled: boolean): Outcome => (cancelled ? 'cancelled' : 'failure');
