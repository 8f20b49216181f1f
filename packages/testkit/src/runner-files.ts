import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import type { JobRecord } from '@mlops/core/record';
import { type Annotation, parseFileCommand, parseLog } from './runner-commands.ts';

/** What a step of a job is given. */
export interface RunnerOptions {
  /** What stands in `with:`, by the input's kebab-case name. */
  inputs?: Record<string, string | number | boolean>;
  /** Environment variables of the step, over the runner's own; undefined takes one away. */
  env?: Record<string, string | undefined>;
  /** The checked-out repository; a new empty folder unless given. */
  workspace?: string;
  /** The event's name (default `push`) and its payload. */
  event?: string;
  payload?: object;
  /** A step that ran before in the same job: its workspace, temporary folder, environment and PATH are carried on. */
  after?: FakeRunner | ActionResult;
  /** State of the action's main step, for its post step. */
  state?: Record<string, string>;
}

/** Everything a step left in the runner's files. */
export interface Effects {
  outputs: Record<string, string>;
  /** Variables for later steps. */
  env: Record<string, string>;
  /** Folders put on PATH for later steps, in the order they were added. */
  path: string[];
  state: Record<string, string>;
  /** The step's summary, Markdown. */
  summary: string;
  /** This job's part of the run record, as the core wrote it. */
  record: JobRecord | undefined;
}

export interface FakeRunner {
  /** The whole environment of the step's process. */
  env: Record<string, string>;
  workspace: string;
  /** RUNNER_TEMP: lives as long as the job. */
  temp: string;
  /** What the step has written so far. */
  read(): Effects;
  /** Removes the job's folders; a workspace that was given stays. */
  remove(): Promise<void>;
}

export interface ActionResult extends Effects {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  /** Warnings, errors and notices, in order, unescaped. */
  annotations: Annotation[];
  /** What the action asked to be replaced by *** in the log. */
  masks: string[];
  runner: FakeRunner;
}

const commandFiles = {
  outputs: 'GITHUB_OUTPUT',
  env: 'GITHUB_ENV',
  path: 'GITHUB_PATH',
  state: 'GITHUB_STATE',
  summary: 'GITHUB_STEP_SUMMARY',
} as const;

/** A runner's folders, files and variables for one step, without a runner. */
export async function fakeRunner(options: RunnerOptions = {}): Promise<FakeRunner> {
  const before = options.after && ('runner' in options.after ? options.after.runner : options.after);
  const root = before ? join(before.temp, '..') : await realpath(await mkdtemp(join(tmpdir(), 'runner-')));
  const workspace = options.workspace ?? before?.workspace ?? join(root, 'workspace');
  const temp = join(root, 'temp');
  const commands = join(temp, '_runner_file_commands');
  for (const folder of [workspace, commands, join(root, 'tools')]) await mkdir(folder, { recursive: true });

  const files = Object.fromEntries(
    Object.values(commandFiles).map((name) => [
      name,
      join(commands, `${name.toLowerCase()}_${randomUUID()}`),
    ]),
  );
  for (const file of Object.values(files)) await writeFile(file, '');
  const event = join(temp, `event-${randomUUID()}.json`);
  await writeFile(event, JSON.stringify(options.payload ?? {}));

  const env = withoutUndefined({
    ...(before ? carriedOn(before) : machineEnvironment()),
    GITHUB_ACTIONS: 'true',
    CI: 'true',
    GITHUB_WORKSPACE: workspace,
    GITHUB_EVENT_NAME: options.event ?? before?.env.GITHUB_EVENT_NAME ?? 'push',
    GITHUB_EVENT_PATH: options.payload || !before ? event : before.env.GITHUB_EVENT_PATH,
    GITHUB_REPOSITORY: before?.env.GITHUB_REPOSITORY ?? 'acme/model',
    GITHUB_REF: before?.env.GITHUB_REF ?? 'refs/heads/main',
    GITHUB_SHA: before?.env.GITHUB_SHA ?? '0123456789abcdef0123456789abcdef01234567',
    GITHUB_RUN_ID: before?.env.GITHUB_RUN_ID ?? '1',
    GITHUB_RUN_ATTEMPT: before?.env.GITHUB_RUN_ATTEMPT ?? '1',
    GITHUB_WORKFLOW: 'test',
    GITHUB_JOB: before?.env.GITHUB_JOB ?? 'test',
    GITHUB_ACTOR: 'octocat',
    RUNNER_TEMP: temp,
    RUNNER_TOOL_CACHE: join(root, 'tools'),
    RUNNER_NAME: 'fake',
    RUNNER_OS: { linux: 'Linux', darwin: 'macOS', win32: 'Windows' }[process.platform as string],
    RUNNER_ARCH: { x64: 'X64', arm64: 'ARM64' }[process.arch as string],
    ...files,
    ...prefixed('STATE_', options.state ?? {}),
    ...prefixed('INPUT_', options.inputs ?? {}, (name) => name.replaceAll(' ', '_').toUpperCase()),
    ...options.env,
  });
  return {
    env,
    workspace,
    temp,
    read: () => effects(files, temp),
    remove: () => rm(root, { recursive: true, force: true, maxRetries: 3 }),
  };
}

export interface ActionOptions extends RunnerOptions {
  /** Which step of the action: the post step wants `after`, the result of the main step (default `main`). */
  phase?: 'main' | 'post';
  /** File to run, relative to the action's folder (default `src/main.ts`; `dist/main.js` is the bundle). */
  entry?: string;
  /** Cancels the step as the runner does: with an interrupt. */
  signal?: AbortSignal;
  /** What `signal` sends instead, such as SIGKILL for a machine that is taken away. */
  interruptWith?: NodeJS.Signals;
}

/** Runs an action's sources as a runner would run its bundle: a process of its own that knows nothing but the runner's files. */
export async function runAction(folder: string, options: ActionOptions = {}): Promise<ActionResult> {
  const { phase = 'main', entry = 'src/main.ts', signal, interruptWith = 'SIGINT', ...rest } = options;
  const state =
    rest.state ?? (phase === 'post' && rest.after && 'runner' in rest.after ? rest.after.state : undefined);
  if (phase === 'post' && !state) throw new Error(`the post step of ${basename(folder)} needs 'after'`);
  const runner = await fakeRunner({ ...rest, ...(state ? { state } : {}) });
  const child = spawn(process.execPath, [join(folder, entry)], {
    cwd: runner.workspace,
    env: runner.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const interrupt = () => child.kill(interruptWith);
  signal?.addEventListener('abort', interrupt, { once: true });
  const [stdout, stderr, exitCode] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve)),
  ]);
  signal?.removeEventListener('abort', interrupt);
  return { exitCode, stdout, stderr, ...parseLog(`${stdout}\n${stderr}`), ...runner.read(), runner };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

/** This machine's environment without what a runner, a test runner or an outer job would have put there. */
function machineEnvironment(): Record<string, string | undefined> {
  const foreign =
    /^(INPUT_|STATE_|GITHUB_|RUNNER_|ACTIONS_|ACT$|VITEST|MLOPS_|TEST$|NODE_ENV$|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** The environment of the next step of the same job. */
function carriedOn(before: FakeRunner): Record<string, string | undefined> {
  const { env, path } = before.read();
  const own = Object.entries(before.env).filter(([name]) => !/^(INPUT_|STATE_)/.test(name));
  const folders = [...new Set(path.toReversed())];
  return {
    ...Object.fromEntries(own),
    ...env,
    PATH: [...folders, before.env.PATH ?? ''].join(delimiter),
  };
}

function effects(files: Record<string, string>, temp: string): Effects {
  const text = (name: keyof typeof commandFiles) => readFileSync(files[commandFiles[name]] ?? '', 'utf8');
  return {
    outputs: parseFileCommand(text('outputs')),
    env: parseFileCommand(text('env')),
    path: text('path').split(/\r?\n/).filter(Boolean),
    state: parseFileCommand(text('state')),
    summary: text('summary'),
    record: readRecord(join(temp, 'mlops', 'run-record.json')),
  };
}

function readRecord(path: string): JobRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as JobRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function prefixed(
  prefix: string,
  values: Record<string, string | number | boolean>,
  rename: (name: string) => string = (name) => name,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${prefix}${rename(name)}`, String(value)]),
  );
}

function withoutUndefined(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
