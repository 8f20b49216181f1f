import { rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  type ConfigFile,
  configPath,
  type DockerConfig,
  keyOf,
  keysFor,
  readConfig,
  replaceFile,
  textOf,
} from './config-file.ts';
import type { UserAndPassword } from './credentials.ts';
import { erase, getStored, type Helper, store } from './helper.ts';

/** Credentials for one registry, to be kept where Docker and its kin look for them. */
export interface Kept extends UserAndPassword {
  registry: string;
}

/** What was there before, and what was put in its place; holds secrets. */
export interface Change {
  file: string;
  before: { text: string | undefined; mode: number | undefined; hadAuths: boolean };
  /** The whole file as it was left; undefined where only helpers were used. */
  text: string | undefined;
  entries: { registry: string; before: [string, unknown][]; entry: unknown }[];
  helpers: { name: string; server: string; before: UserAndPassword | undefined; ours: UserAndPassword }[];
}

/**
 * Puts credentials into Docker's configuration, or gives them to the helpers that it names. Either all are kept, or
 * none.
 *
 * @throws UserError when the file cannot be changed, or a helper fails
 */
export async function keep(
  all: readonly Kept[],
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<Change> {
  const found = await readConfig(configPath(env));
  const { config, path, text, mode } = found;
  const change: Change = {
    file: path,
    before: { text, mode, hadAuths: config.auths !== undefined },
    ...{ text: undefined, entries: [], helpers: [] },
  };
  try {
    const inFile: Kept[] = [];
    for (const each of all) {
      const name = helperFor(config, each.registry);
      if (name) await giveTo({ name, env, signal }, each, change);
      else inFile.push(each);
    }
    if (inFile.length > 0) await writeEntries(found, inFile, change);
    return change;
  } catch (error) {
    // What went wrong first says more than what may go wrong now.
    await takeBack(change, env).catch(() => {});
    throw error;
  }
}

/** Of the registry itself, or of all. */
function helperFor({ credHelpers, credsStore }: DockerConfig, registry: string): string | undefined {
  const [own] = keysFor(credHelpers, registry);
  return (own === undefined ? credsStore : credHelpers?.[own]) || undefined;
}

async function giveTo(helper: Helper, { registry, username, password }: Kept, change: Change): Promise<void> {
  const [server, ours] = [keyOf(registry), { username, password }];
  const before = await getStored(helper, server);
  await store(helper, server, ours);
  change.helpers.push({ name: helper.name, server, before, ours });
}

async function writeEntries({ config, path }: ConfigFile, all: Kept[], change: Change): Promise<void> {
  const auths = { ...config.auths };
  for (const { registry, username, password } of all) {
    // Under another spelling of its name the registry would still be found with what was there before.
    const before = keysFor(auths, registry).map((key): [string, unknown] => [key, auths[key]]);
    for (const [key] of before) delete auths[key];
    const entry = { auth: Buffer.from(`${username}:${password}`).toString('base64') };
    auths[keyOf(registry)] = entry;
    change.entries.push({ registry, before, entry });
  }
  const text = textOf({ ...config, auths });
  await replaceFile(path, text);
  change.text = text;
}

/**
 * Restores what was there before `keep`. What somebody else put there since stays: an entry of another registry, and
 * a later login to the same one.
 *
 * @throws UserError when the file cannot be changed, or a helper fails
 */
export async function takeBack(change: Change, env: NodeJS.ProcessEnv): Promise<void> {
  const failures: unknown[] = [];
  for (const given of change.helpers.toReversed())
    await takeFrom(given, env).catch((error: unknown) => failures.push(error));
  if (change.text !== undefined) await restoreFile(change);
  if (failures.length > 0) throw failures[0];
}

async function takeFrom(
  { name, server, before, ours }: Change['helpers'][number],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const helper = { name, env };
  if (!isDeepStrictEqual(await getStored(helper, server), ours)) return;
  if (before) await store(helper, server, before);
  else await erase(helper, server);
}

async function restoreFile({ file, before, text, entries }: Change): Promise<void> {
  const now = await readConfig(file);
  if (now.text === undefined) return;
  if (now.text === text) {
    if (before.text === undefined) await rm(file, { force: true });
    else await replaceFile(file, before.text, before.mode);
    return;
  }
  const auths = { ...now.config.auths };
  for (const { registry, before, entry } of entries) {
    const key = keyOf(registry);
    if (!isDeepStrictEqual(auths[key], entry)) continue;
    delete auths[key];
    for (const [name, value] of before) auths[name] = value;
  }
  const { auths: _, ...others } = now.config;
  const isGone = Object.keys(auths).length === 0 && !before.hadAuths;
  const config = isGone ? others : { ...now.config, auths };
  if (before.text === undefined && Object.keys(config).length === 0) await rm(file, { force: true });
  else await replaceFile(file, textOf(config), now.mode);
}
