import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '@mlops/core';
import * as z from 'zod';

/**
 * The folder of one deployment (a name in an environment):
 *
 *     state.json                 what serves, and what was under way: the truth, replaced in one step
 *     current                    link to the live release, for people and their tools
 *     releases/<revision>/app    the unpacked package
 *     releases/<revision>/       release.json once it is installed, serve.sh, serve.log
 *     front.mts, front-<port>.json, front.log
 *     lock
 */

const identity = z.object({ pid: z.int(), started: z.string() });

const instance = z.object({
  revision: z.string(),
  port: z.int().describe('Where this release listens, on loopback.'),
  process: identity,
});

const stateSchema = z.object({
  schema: z.literal(1),
  front: z.object({ host: z.string(), port: z.int() }).nullable().describe('The stable address.'),
  live: instance.nullable(),
  starting: instance.nullable().describe('Started, and not yet live.'),
  retiring: z.array(instance).describe('Was live, and is not yet stopped.'),
  history: z.array(z.string()).describe('Revisions in the order they went live, newest first.'),
});

/** A release that was started: the process and the loopback port that it listens on. */
export type Instance = z.infer<typeof instance>;
export type State = z.infer<typeof stateSchema>;

export interface Deployment {
  readonly folder: string;
  readonly state: Readonly<State>;
  /** Replaces parts of the state, on disk before it returns. */
  update(change: Partial<State>): Promise<void>;
  releaseFolder(revision: string): string;
  /** Leads the link `current` to the live release; removes it when there is none. */
  link(): Promise<void>;
}

/** Folder of a deployment below the folder of all deployments. */
export function deploymentFolder(releases: string, environment: string, name: string): string {
  for (const [input, part] of Object.entries({ environment, name }))
    if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.+ -]*$/u.test(part) || part.endsWith('.'))
      throw new UserError(`the ${input} '${part}' cannot be the name of a folder`, {
        advice: `Use letters, digits, '-', '_' and '.' for the input '${input}'.`,
      });
  return resolve(releases, environment, name);
}

export async function openDeployment(folder: string): Promise<Deployment> {
  await mkdir(join(folder, 'releases'), { recursive: true });
  // Models, logs and the front's token are nobody else's business.
  await chmod(folder, 0o700);
  let state = await readState(folder);
  const write = async (next: State) => {
    await replaceFile(join(folder, 'state.json'), `${JSON.stringify(next, null, 2)}\n`);
    state = next;
  };
  await write(state);
  const releaseFolder = (revision: string) => join(folder, 'releases', revision);
  return {
    folder,
    get state() {
      return state;
    },
    update: (change) => write({ ...state, ...change }),
    releaseFolder,
    async link() {
      const current = join(folder, 'current');
      if (state.live) await replaceLink(current, releaseFolder(state.live.revision));
      else await rm(current, { force: true });
    },
  };
}

async function readState(folder: string): Promise<State> {
  const file = join(folder, 'state.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { schema: 1, front: null, live: null, starting: null, retiring: [], history: [] };
  }
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UserError(`the state of the deployment, '${file}', cannot be read`, {
      cause,
      advice:
        'It was changed by hand or by a newer version of this action. Stop its processes, remove the folder and deploy anew.',
    });
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const next = `${file}.${randomUUID()}`;
  await writeFile(next, text);
  await rename(next, file);
}

/** A junction on Windows, where a link to a folder needs privileges and an existing one cannot be renamed over. */
async function replaceLink(link: string, target: string): Promise<void> {
  const next = `${link}.${randomUUID()}`;
  await symlink(target, next, 'junction');
  if (process.platform === 'win32') await rm(link, { recursive: true, force: true });
  await rename(next, link);
}
