import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { copyFile, glob, readdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf, UserError, waitFor } from '@mlops/core';
import { ask } from '@mlops/smoke/http';
import * as z from 'zod';
import { lastingEnvironment } from './detached.ts';

/** A running front, which listens on the stable port of a deployment. */
export interface Front {
  host: string;
  port: number;
  /** The stable URL, as this machine reaches it. */
  url: string;
  /** The stable URL, as others reach it where it listens for others. */
  publicUrl: string;
  /** Makes it forward to what the deployment's state says is live. */
  reload(): Promise<void>;
  /** How many requests are under way on the release that listens on this port. */
  underWay(port: number): Promise<number>;
  /** Ends it; requests under way are answered first. */
  stop(): Promise<void>;
}

const aboutSchema = z.object({
  schema: z.literal(1),
  host: z.string(),
  port: z.int(),
  controlPort: z.int(),
  token: z.string(),
});

const statusSchema = z.object({ underWay: z.record(z.string(), z.int()) });

/** The fronts of a deployment that run; files of those that do not are removed. */
export async function runningFronts(folder: string): Promise<Front[]> {
  const fronts: Front[] = [];
  for (const name of await readdir(folder)) {
    if (!/^front-\d+\.json$/.test(name)) continue;
    const front = connect(aboutSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8'))));
    const answers = await front.underWay(0).then(
      () => true,
      () => false,
    );
    if (answers) fronts.push(front);
    else await rm(join(folder, name), { force: true });
  }
  return fronts;
}

/** Starts a front as a process that outlives this one. Port 0 is any that is free. */
export async function startFront(folder: string, host: string, port: number): Promise<Front> {
  const script = join(folder, 'front.mts');
  // Copied, because an action's own folder goes away.
  await copyFile(new URL('./front.mts', import.meta.url), script);
  const log = openSync(join(folder, 'front.log'), 'a');
  const child = spawn(process.execPath, [script, folder, host, String(port)], {
    cwd: folder,
    env: lastingEnvironment(),
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
    windowsHide: true,
  });
  const told = await new Promise<{ port: number } | { error: string }>((resolve) => {
    child.once('message', (message) => resolve(message as { port: number } | { error: string }));
    child.once('error', (error) => resolve({ error: messageOf(error) }));
    child.once('exit', (code) =>
      resolve({ error: `it ended with exit code ${code}; see ${folder}/front.log` }),
    );
  });
  if (child.connected) child.disconnect();
  child.unref();
  if ('error' in told) throw await cannotListen(folder, host, port, told.error);
  const about = await readFile(join(folder, `front-${told.port}.json`), 'utf8');
  return connect(aboutSchema.parse(JSON.parse(about)));
}

async function cannotListen(folder: string, host: string, port: number, error: string): Promise<UserError> {
  if (error !== 'in-use')
    return new UserError(`the front of the deployment cannot listen on ${host}, port ${port}: ${error}`, {
      advice: "Check the inputs 'host' and 'port'.",
    });
  const other = await deploymentAt(join(folder, '..', '..'), port);
  return other
    ? new UserError(`port ${port} of ${host} is in use by the deployment '${other}'`, {
        advice:
          "Give each deployment on this machine a port of its own: the input 'port', in mlops.yaml below 'environments:' for each environment, or 0, which finds a free one and keeps it.",
      })
    : new UserError(`port ${port} of ${host} is in use by another program`, {
        advice: "End that program, or choose another port with the input 'port' (0 finds a free one).",
      });
}

/** Which deployment listens on a port, as `<environment>/<name>`. */
async function deploymentAt(releases: string, port: number): Promise<string | undefined> {
  for await (const file of glob(`*/*/front-${port}.json`, { cwd: releases })) {
    const fronts = await runningFronts(join(releases, dirname(file)));
    if (fronts.some((front) => front.port === port)) return dirname(file);
  }
  return undefined;
}

function connect({ host, port, controlPort, token }: z.infer<typeof aboutSchema>): Front {
  const order = async (path: string) => {
    const answer = await ask(`http://127.0.0.1:${controlPort}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      timeoutMs: 5000,
    });
    if (answer.status !== 200)
      throw new Error(`the front answered ${path} with ${answer.status}: ${answer.body}`);
    return statusSchema.parse(JSON.parse(answer.body));
  };
  return {
    host,
    port,
    url: `http://${inUrl(isEvery(host) ? (host === '::' ? '::1' : '127.0.0.1') : host)}:${port}`,
    publicUrl: `http://${inUrl(isEvery(host) ? hostname() : host)}:${port}`,
    reload: async () => void (await order('/reload')),
    underWay: async (upstream) => (await order('/status')).underWay[upstream] ?? 0,
    async stop() {
      await order('/stop');
      await waitFor(
        () =>
          order('/status').then(
            () => undefined,
            () => true,
          ),
        { what: `the end of the front on port ${port}`, deadlineMs: 40_000, everyMs: 50 },
      );
    },
  };
}

/** Whether this stands for every address of the machine. */
function isEvery(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
