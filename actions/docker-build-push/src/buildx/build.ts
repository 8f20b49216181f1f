import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { annotate, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { diskFullError, isDiskFull } from '../disk/full-disk.ts';
import { type BuildFailure, explainFailure, failedCaches } from './failure.ts';
import type { Buildx } from './program.ts';
import { annotateWarnings, checkCall, refusal, takeWarnings, warningsIn } from './warnings.ts';

export interface BuildRun {
  buildx: Buildx;
  args: readonly string[];
  env: Record<string, string | undefined>;
  workspace: string;
  workingDirectory: string;
  /** Absolute path of the Dockerfile, where it is a file here. */
  dockerfile: string | undefined;
  metadataFile: string;
  attempts: number;
  timeoutMs: number;
  signal: AbortSignal;
  /** First pause between two tries in milliseconds; doubles (default 2000). */
  pauseMs?: number;
}

export interface Built {
  /** buildx's metadata of the build. */
  metadata: Record<string, unknown>;
  attempts: number;
  /** Why caches could not be written. */
  failedCaches: string[];
  stdout: string;
}

const keptLines = 400;

/**
 * Runs buildx, its log going to this one. What fails for a while (a registry's 5xx or 429, a connection that breaks) is
 * tried again: what was built is in the builder's cache, so only what is missing is done.
 *
 * @throws UserError that says which line of the Dockerfile or what else failed
 */
export async function runBuild(run: BuildRun): Promise<Built> {
  const { attempts, timeoutMs, signal, pauseMs = 2000 } = run;
  // Not by core's retry, which does not wait for what it cancels: buildx has to be gone before its files are.
  const deadline = AbortSignal.timeout(timeoutMs);
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryBuild(run, AbortSignal.any([signal, deadline])).catch((error: unknown) => {
      if (deadline.aborted && !signal.aborted) throw timedOut(timeoutMs);
      throw error;
    });
    if (!('error' in outcome)) return { ...outcome, attempts: attempt };
    if (!outcome.isTransient || attempt >= attempts) throw afterTries(outcome, attempt);
    const pause = pauseMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
    annotate(
      'warning',
      `Try ${attempt} of ${attempts} failed, the next one follows in ${(pause / 1000).toFixed(1)} s: ${outcome.error.message.split('\n')[0]}`,
    );
    await sleep(pause, undefined, { signal });
  }
}

async function tryBuild(run: BuildRun, signal: AbortSignal): Promise<Omit<Built, 'attempts'> | BuildFailure> {
  const { buildx, args, metadataFile, workspace, workingDirectory, dockerfile } = run;
  const env = { ...run.env, BUILDX_METADATA_WARNINGS: '1' };
  const isCheck = args.includes(checkCall);
  // What an earlier try left must not count for this one.
  await rm(metadataFile, { force: true });
  const lines: string[] = [];
  const result = await command(buildx.program, [...buildx.prefix, ...args], {
    cwd: workingDirectory,
    env,
    signal,
    tolerate: true,
    onLine(line, stream) {
      if (!(isCheck && stream === 'stdout')) console.log(line);
      if (stream === 'stdout') return;
      lines.push(line);
      if (lines.length > 2 * keptLines) lines.splice(0, keptLines);
    },
  });
  if (isCheck && result.stdout) {
    const warnings = warningsIn(result.stdout);
    annotateWarnings(warnings, { dockerfile, workspace });
    const error = refusal(warnings);
    if (error) return { error, isTransient: false };
    if (result.exitCode === 0) console.log('The check has no findings.');
  }
  if (result.exitCode !== 0) {
    const failure = explainFailure(lines, result.exitCode, { workspace, workingDirectory, dockerfile });
    if (!isDiskFull(failure.error.message)) return failure;
    const folders = [dirname(metadataFile), workingDirectory];
    return { error: await diskFullError(folders, failure.error), isTransient: false };
  }
  const metadata = await readMetadata(metadataFile);
  annotateWarnings(takeWarnings(metadata), { dockerfile, workspace });
  return {
    metadata,
    failedCaches: failedCaches(lines),
    stdout: result.stdout,
  };
}

/** Calls that build nothing write none. */
async function readMetadata(file: string): Promise<Record<string, unknown>> {
  const content = await readFile(file, 'utf8').catch(() => '{}');
  try {
    return JSON.parse(content) as Record<string, unknown>;
  } catch {
    throw new UserError(`buildx wrote metadata of the build that cannot be read, to ${file}`, {
      advice: "It was cut off: is the disk full? Run this again, or set 'buildx-version'.",
    });
  }
}

function afterTries({ error, isTransient }: BuildFailure, attempt: number): UserError {
  if (!isTransient || attempt === 1) return error;
  return new UserError(`${error.message}\nIt was tried ${attempt} times.`, {
    ...error.place,
    advice: error.advice,
    cause: error,
  });
}

function timedOut(timeoutMs: number): UserError {
  return new UserError(`the build was not done within ${timeoutMs / 60_000} minutes`, {
    advice: "Look in the log for the step that takes so long, or raise 'timeout'.",
  });
}
