import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '@mlops/core';
import { shell } from '@mlops/core/process';
import { freePort, NotHealthy, waitHealthy } from '@mlops/smoke/server';
import type { Deployment, Instance } from './deployment.ts';
import { lastingEnvironment } from './detached.ts';
import { endGroup, identify } from './processes.ts';
import type { Release } from './release.ts';

/** A release's process, as its starter sees it. */
export interface Server {
  instance: Instance;
  /** Where it answers, on loopback. */
  url: string;
  /** Waits until it is healthy; an error as soon as it ends, or when the time is up. */
  healthy(path: string, timeoutMs: number, signal: AbortSignal): Promise<void>;
  /** The last lines it wrote. */
  log(count: number): Promise<string[]>;
  /** Ends it and all it has started. */
  abandon(): Promise<void>;
}

/**
 * Starts a release as a process that outlives this one. It holds until the deployment's state names it: a deployment
 * that is killed in between leaves no process that nobody knows of.
 */
export async function startServer(deployment: Deployment, release: Release): Promise<Server> {
  const { revision, modelDigest, serve } = release;
  const folder = deployment.releaseFolder(revision);
  const port = await freePort();
  const file = join(folder, `serve${shell.extension}`);
  await writeFile(file, shell.contentOf(`${gate} ${serve}`), { mode: 0o700 });
  const logFile = join(folder, 'serve.log');
  const logHandle = openSync(logFile, 'a');
  const logStart = fstatSync(logHandle).size;
  const log = (count: number) => lastLines(logFile, logStart, count);
  const child = spawn(shell.program, shell.argumentsFor(file), {
    cwd: join(folder, 'app'),
    env: lastingEnvironment({
      PYTHONUNBUFFERED: '1', // Or the log of a Python server that hangs would be empty.
      HOST: '127.0.0.1',
      PORT: String(port),
      MLOPS_REVISION: revision,
      MLOPS_MODEL_DIGEST: modelDigest,
    }),
    stdio: ['pipe', logHandle, logHandle],
    detached: true,
    windowsHide: true,
  });
  closeSync(logHandle);
  const ended = endOf(child);
  child.stdin?.on('error', () => {}); // It may end before it reads.
  const { pid } = child;
  const known = pid === undefined ? undefined : await identify(pid);
  if (!pid || !known)
    throw new UserError(`the release ${revision} cannot be started: ${await ended}`, {
      advice: `Check that '${shell.program}' is installed on this machine.`,
    });
  const instance: Instance = { revision, port, process: known };
  await deployment.update({ starting: instance });
  child.stdin?.end('go\n');
  child.unref();

  const url = `http://127.0.0.1:${port}`;
  return {
    instance,
    url,
    async healthy(path, timeoutMs, signal) {
      const settled = new AbortController();
      const watched = AbortSignal.any([signal, settled.signal]);
      try {
        await Promise.race([
          waitHealthy(`${url}${path}`, timeoutMs, watched),
          ended.then((how) =>
            Promise.reject(new NotHealthy(`its process ended (${how}) before it was healthy`)),
          ),
        ]);
      } catch (error) {
        if (!(error instanceof NotHealthy)) throw error;
        const said = await log(20);
        throw new UserError(
          `the release ${revision} cannot serve: ${error.message}. ${said.length ? `Its last words:\n${said.map((line) => `  ${line}`).join('\n')}` : 'It wrote nothing.'}`,
          { cause: error, advice: notHealthyAdvice(path) },
        );
      } finally {
        settled.abort();
      }
    },
    log,
    abandon: () => endGroup(pid, 2000),
  };
}

/** First in the script: the process waits for the word that it is known, and ends when its starter is gone. */
const gate =
  process.platform === 'win32'
    ? 'if ($null -eq [Console]::In.ReadLine()) { exit 75 };'
    : 'IFS= read -r _ || exit 75;';

function notHealthyAdvice(path: string): string {
  return `The script 'serve' must stay in the foreground, listen on $HOST:$PORT and answer 'GET ${path}' with 2xx; 'health-path' and 'health-timeout' say where and how long.`;
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(messageOf(error)));
    child.once('exit', (code, signal) => resolve(signal ? `by ${signal}` : `exit code ${code}`));
  });
}

const bytesShown = 64 * 1024;

/** The last lines that were written to a log after it had `from` bytes. */
async function lastLines(path: string, from: number, count: number): Promise<string[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = Math.max(Math.min(from, size), size - bytesShown); // A rotated log is shorter than it was.
    if (start === size) return [];
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - start), position: start });
    return buffer
      .toString('utf8', 0, bytesRead)
      .split(/\r?\n/)
      .filter((line) => line.trim())
      .slice(-count);
  } finally {
    await file.close();
  }
}
