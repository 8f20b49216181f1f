import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { mask, readState, saveState, UserError } from '@mlops/core';
import { type Credential, parseCredentials, spellings } from './credentials.ts';
import { writeJobFile } from './job-file.ts';
import { manifestBeside } from './pixi/manifest.ts';
import type { Project } from './project.ts';

/** Hosts that this job has credentials for. */
const identified = new Set<string>();

/** Whether this job was given credentials for an address. */
export function hasCredentials(url: string): boolean {
  return URL.canParse(url) && identified.has(new URL(url).hostname);
}

interface Wanted {
  indexUrl: string | undefined;
  extraIndexUrls: readonly string[];
  indexCredentials: string | undefined;
}

interface Index {
  name: string | undefined;
  url: string;
}

/**
 * Tells uv, pip, conda, mamba and pixi which indexes there are and how to identify oneself: through variables of this
 * process, which only what it starts inherits, and through files that only this user can read. Nothing of it stands in
 * an argument, and later steps get none of it. Returns what takes it all back and removes the files.
 */
export async function useIndexes(
  wanted: Wanted,
  project: Project | undefined,
  temp: string,
): Promise<() => Promise<void>> {
  const main = wanted.indexUrl ? indexOf('index-url', wanted.indexUrl) : undefined;
  const extra = wanted.extraIndexUrls.map((each) => indexOf('extra-index-urls', each));
  const credentials = wanted.indexCredentials ? parseCredentials(wanted.indexCredentials) : [];
  for (const secret of credentials.flatMap(spellings)) mask(secret);
  const known = [...(main ? [main] : []), ...extra, ...(credentials.length ? await declared(project) : [])];
  const hosts = byHost(credentials, known);
  refuseTokens(hosts, project);
  const files = credentials.length ? await writeFiles(hosts, temp) : [];
  const before = setVariables({
    ...(main && { UV_DEFAULT_INDEX: forUv(main), PIP_INDEX_URL: main.url }),
    ...(extra.length && {
      UV_INDEX: [...extra.map(forUv), process.env.UV_INDEX ?? ''].join(' ').trim(),
      PIP_EXTRA_INDEX_URL: extra.map(({ url }) => url).join(' '),
    }),
    ...uvVariables(credentials),
    ...(files[0] && { NETRC: files[0], PIP_NO_INPUT: '1' }),
    ...(files[1] && { RATTLER_AUTH_FILE: files[1] }),
  });
  for (const host of hosts.keys()) identified.add(host);
  return async () => {
    setVariables(before);
    identified.clear();
    for (const file of files) await rm(file, { force: true });
  };
}

function indexOf(input: string, given: string): Index {
  const [, name, url = ''] = /^(?:([A-Za-z0-9][\w.-]*)=)?(.+)$/.exec(given) ?? [];
  if (!URL.canParse(url) || !/^(https?|file):/.test(url))
    throw new UserError(`input ${input}: '${given}' is no address`, {
      advice: "Write it as 'https://host/simple', or 'name=https://host/simple'.",
    });
  const { username, password } = new URL(url);
  if (!username && !password) return { name, url };
  for (const part of [username, password]) if (part) mask(part);
  throw new UserError(`input ${input}: an address with user or token does not belong here`, {
    advice: "Pass them in the input 'index-credentials', from a secret.",
  });
}

function forUv({ name, url }: Index): string {
  return name ? `${name}=${url}` : url;
}

/** https://docs.astral.sh/uv/concepts/indexes/#providing-credentials-directly */
function uvVariables(credentials: readonly Credential[]): Record<string, string> {
  const pairs = credentials.flatMap(({ for: whose, user, secret }) => {
    if (!('name' in whose)) return [];
    const name = whose.name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
    return [
      [`UV_INDEX_${name}_USERNAME`, user ?? ''],
      [`UV_INDEX_${name}_PASSWORD`, secret],
    ];
  });
  return Object.fromEntries(pairs);
}

/** Credentials by host, those with a name by the host of the index that has it. */
function byHost(credentials: readonly Credential[], known: readonly Index[]): Map<string, Credential> {
  const found = new Map<string, Credential>();
  for (const credential of credentials) {
    const whose = credential.for;
    if ('host' in whose) found.set(whose.host, credential);
    else
      for (const { name, url } of known)
        if (name?.toLowerCase() === whose.name.toLowerCase() && !found.has(new URL(url).hostname))
          found.set(new URL(url).hostname, credential);
  }
  return found;
}

function refuseTokens(hosts: ReadonlyMap<string, Credential>, project: Project | undefined): void {
  if (project?.manager === 'pixi') return;
  const alone = [...hosts].find(([, { user }]) => user === undefined);
  if (alone)
    throw new UserError(`input index-credentials: for ${alone[0]} there is a token without a user`, {
      advice:
        "Write 'https://user:token@host'; where an index wants a token only, it says which user stands for it, often '__token__'. A token alone is for pixi.",
    });
}

/** Indexes with names in the project's own files: uv's and Poetry's in pyproject.toml, Pipenv's sources. */
async function declared(project: Project | undefined): Promise<Index[]> {
  const [file] = project?.files ?? [];
  if (!file || !project || project.manager === 'conda') return [];
  const manifest = project.manager === 'pixi' ? manifestBeside(file) : join(dirname(file), 'pyproject.toml');
  const { parse } = await import('smol-toml');
  const pyproject = (await readAs(manifest, parse)) as Sources | undefined;
  const pipfile = project.manager === 'pipenv' ? ((await readAs(file, JSON.parse)) as Sources) : undefined;
  const listed = [pyproject?.tool?.uv?.index, pyproject?.tool?.poetry?.source, pipfile?._meta?.sources];
  return listed
    .flatMap((list) => (Array.isArray(list) ? list : []))
    .filter((each) => typeof each.url === 'string' && URL.canParse(each.url));
}

interface Sources {
  tool?: { uv?: { index?: Index[] }; poetry?: { source?: Index[] } };
  _meta?: { sources?: Index[] };
}

/** A file's contents; undefined where it cannot be read, which is reported where it is installed from. */
async function readAs(path: string, parse: (text: string) => unknown): Promise<unknown> {
  try {
    return parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * A netrc, which uv, pip, conda and mamba read, with the user's own behind it, and the credentials file of pixi
 * (https://pixi.prefix.dev/latest/deployment/authentication/).
 */
async function writeFiles(hosts: ReadonlyMap<string, Credential>, temp: string): Promise<string[]> {
  const own = process.env.NETRC || join(homedir(), process.platform === 'win32' ? '_netrc' : '.netrc');
  const lines = [...hosts].flatMap(([host, { user, secret }]) =>
    user === undefined ? [] : [`machine ${host} login ${user} password ${secret}`],
  );
  const netrc = [...lines, await readFile(own, 'utf8').catch(() => '')].join('\n');
  const entries = [...hosts].map(([host, credential]) => [host, forPixi(credential)]);
  const id = randomUUID();
  const paths = [
    await writeJobFile(temp, `netrc-${id}`, `${netrc}\n`),
    await writeJobFile(temp, `credentials-${id}.json`, JSON.stringify(Object.fromEntries(entries))),
  ];
  saveState('credentials', JSON.stringify(paths));
  return paths;
}

function forPixi({ user, secret, inPath }: Credential): object {
  if (user !== undefined) return { BasicHTTP: { username: user, password: secret } };
  return inPath ? { CondaToken: secret } : { BearerToken: secret };
}

/** At the end of the job: removes what a main step that was killed may have left. */
export async function removeCredentials(): Promise<void> {
  for (const path of JSON.parse(readState('credentials') ?? '[]') as string[])
    await rm(path, { force: true });
}

/** Sets variables of this process, and returns what they were. */
function setVariables(values: Record<string, string | undefined>): Record<string, string | undefined> {
  const before: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(values)) {
    before[name] = process.env[name];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  return before;
}
