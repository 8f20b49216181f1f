import { appendFileSync, statSync } from 'node:fs';
// The package's root would load undici, which costs more than the rest of an action's start; this part does not.
import { issueCommand } from '../node_modules/@actions/core/lib/command.js';
import type { Place } from './errors.ts';

/** The runner's protocol: workflow commands on standard output, and files named by GITHUB_* variables. */

export type Level = 'notice' | 'warning' | 'error';

/** GitHub shows at most this many annotations of each level for a step. */
const annotationsPerStep = 10;
const annotated: Record<Level, number> = { notice: 0, warning: 0, error: 0 };

/** Shows a message as an annotation, at a file and line where there is one; past GitHub's limit as a log line. */
export function annotate(
  level: Level,
  message: string,
  { title, ...place }: Place & { title?: string | undefined } = {},
): void {
  annotated[level] += 1;
  if (annotated[level] > annotationsPerStep) {
    process.stdout.write(`${level}: ${place.file ? `${place.file}:${place.line ?? 1}: ` : ''}${message}\n`);
    return;
  }
  const properties = { title, file: place.file, line: place.line, col: place.column };
  issueCommand(level, withoutUndefined(properties), message);
}

/** A collapsible part of the log around what `fn` prints. */
export async function group<T>(title: string, fn: () => Promise<T>): Promise<T> {
  issueCommand('group', {}, title);
  try {
    return await fn();
  } finally {
    issueCommand('endgroup', {}, '');
  }
}

/** Shown only when the user re-runs with debug logging. */
export function debug(message: string): void {
  issueCommand('debug', {}, message);
}

const secrets = new Set<string>();

/** Has the runner replace `secret` by *** in everything it prints; each line of it by itself, too. */
export function mask(secret: string): void {
  for (const part of [secret, ...secret.split(/\r?\n/)]) {
    if (!part.trim() || secrets.has(part)) continue;
    secrets.add(part);
    issueCommand('add-mask', {}, part);
  }
}

/** `text` with every masked secret replaced, for whatever leaves the job: outputs, summaries, records. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, '***');
  return clean;
}

/** Sets a step output. A value that contains a masked secret is withheld: GitHub would blank it without a word. */
export function setOutput(name: string, value: unknown): void {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (redact(text) !== text) {
    annotate('warning', `The output '${name}' contains a masked secret and is not set.`);
    return;
  }
  appendToFile('GITHUB_OUTPUT', keyAndValue(name, text));
}

/** Sets an environment variable for this process, its children, and all later steps of the job. */
export function exportVariable(name: string, value: string): void {
  process.env[name] = value;
  appendToFile('GITHUB_ENV', keyAndValue(name, value));
}

/** Puts a folder first on PATH, for this process, its children, and all later steps of the job. */
export function addPath(folder: string): void {
  const separator = process.platform === 'win32' ? ';' : ':';
  process.env.PATH = `${folder}${separator}${process.env.PATH ?? ''}`;
  appendToFile('GITHUB_PATH', folder);
}

/** Keeps a value for the action's post step. */
export function saveState(name: string, value: string): void {
  appendToFile('GITHUB_STATE', keyAndValue(name, value));
}

export function readState(name: string): string | undefined {
  return process.env[`STATE_${name}`] || undefined;
}

/** The runner names the files that it reads after the step; off a runner there is none, and nobody to tell. */
function appendToFile(variable: string, text: string): void {
  const file = process.env[variable];
  if (file) appendFileSync(file, `${text}\n`);
}

/** A name and a value of any number of lines, between delimiters that do not occur in it. */
function keyAndValue(name: string, value: string): string {
  let delimiter = 'ghadelimiter';
  while (value.includes(delimiter)) delimiter += '_';
  return `${name}<<${delimiter}\n${value}\n${delimiter}`;
}

const summaryLimit = 1024 * 1024;

/** Appends Markdown to the step's summary; what would pass GitHub's 1 MiB is left out, and the summary says so. */
export function appendSummary(markdown: string): void {
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (!file) return;
  const used = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const cut = '\n\n_The summary reached its limit of 1 MiB; the rest is in the log and the report._\n';
  const text = `${redact(markdown)}\n`;
  if (used + Buffer.byteLength(text) <= summaryLimit - cut.length) appendFileSync(file, text);
  else if (used < summaryLimit - cut.length) appendFileSync(file, cut);
}

function withoutUndefined(properties: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  );
}
