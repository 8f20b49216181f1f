import type * as z from 'zod';
import { retry } from '../retry.ts';
import { type Alias, aliasSchema, type BranchStoreOptions, notRead } from './branch-store.ts';
import { gitFailure, ScratchRepository } from './git.ts';
import { contentsOf, tooLarge } from './objects.ts';
import { type RunRecord, runRecordSchema } from './schema.ts';

/** A change of an alias, as the branch's history tells it. */
export interface AliasChange {
  model: string;
  name: string;
  /** Where it points from then on; undefined once it is removed, or for a file that is no alias. */
  alias: Alias | undefined;
  /** When and by whom it was committed: github-actions[bot], where a run did it. */
  at: string;
  author: string;
}

/** A records branch as a whole, for whoever looks at all runs. */
export interface RecordsBranch {
  /**
   * Every record, one at a time, in the order of their paths. One that is damaged or of another schema is left out
   * and told.
   */
  records(leftOut: (path: string, why: string) => void): AsyncGenerator<{ path: string; record: RunRecord }>;
  /** Every change of every alias, oldest first. */
  aliasHistory(): Promise<AliasChange[]>;
}

/** A record beyond this is no record of these actions. */
const mostBytes = 32 * 1024 * 1024;

/**
 * Fetches a records branch and has `fn` read it: its history without contents, then the contents of records and aliases
 * together, and nothing else that is kept there. Answers undefined when there is no such branch.
 *
 * @throws UserError when the remote cannot be reached or does not let this job read
 */
export async function withRecordsBranch<T>(
  { remote, branch = 'mlops-records', signal }: BranchStoreOptions,
  fn: (branch: RecordsBranch) => Promise<T>,
): Promise<T | undefined> {
  return ScratchRepository.use(remote, signal, async (git) => {
    const fetched = await fetchHistory(git, branch, signal).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw notRead(branch, cause);
    });
    if (!fetched) return undefined;
    return fn({
      records: (leftOut) => records(git, leftOut, signal),
      aliasHistory: () => aliasHistory(git, signal),
    });
  });
}

async function* records(
  git: ScratchRepository,
  leftOut: (path: string, why: string) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ path: string; record: RunRecord }> {
  const files = (await text(git, ['ls-tree', '-r', '-z', tip, 'runs/']))
    .split('\0')
    .map((entry) => /^\d+ blob ([0-9a-f]+)\t(.+\.json)$/s.exec(entry))
    .flatMap((match) => (match?.[1] && match[2] ? [{ id: match[1], path: match[2] }] : []));
  const ids = files.map(({ id }) => id);
  await prefetch(git, ids, signal);
  let i = 0;
  for await (const content of contentsOf(git, ids, mostBytes)) {
    const path = files[i++]?.path ?? '';
    const read = parsed(runRecordSchema, content);
    if ('value' in read) yield { path, record: read.value };
    else leftOut(path, read.why);
  }
}

async function aliasHistory(git: ScratchRepository, signal: AbortSignal | undefined): Promise<AliasChange[]> {
  const changes = changesOf(
    await text(git, [
      ...['log', '-z', '--reverse', '--first-parent', '-m', '--raw', '--no-abbrev', '--no-renames'],
      ...['--format=%ct%n%an', tip, '--', 'aliases/'],
    ]),
  );
  const ids = [...new Set(changes.flatMap(({ id }) => (/^0+$/.test(id) ? [] : [id])))];
  await prefetch(git, ids, signal);
  const aliases = new Map<string, Alias>();
  let i = 0;
  for await (const content of contentsOf(git, ids, mostBytes)) {
    const read = parsed(aliasSchema, content);
    if ('value' in read) aliases.set(ids[i] ?? '', read.value);
    i++;
  }
  return changes.flatMap(({ id, path, at, author }) => {
    const [, model, name] = /^aliases\/([^/]+)\/([^/]+)\.json$/.exec(path) ?? [];
    if (model === undefined || name === undefined) return [];
    return [{ model: decoded(model), name: decoded(name), alias: aliases.get(id), at, author }];
  });
}

const tip = 'refs/records';

async function fetchHistory(
  git: ScratchRepository,
  branch: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  return retry(
    async () => {
      await git.run([
        ...['fetch', '--quiet', '--no-tags', '--filter=blob:none', 'origin'],
        `+refs/heads/${branch}:${tip}`,
      ]);
      return true;
    },
    {
      what: 'fetching the records',
      attempts: 4,
      signal,
      retryable: (error) => gitFailure(error) === 'other',
    },
  ).catch((error: unknown) => {
    if (gitFailure(error) === 'no-branch') return false;
    throw error;
  });
}

/** Fetches contents together that git would otherwise fetch one after the other when they are read. */
async function prefetch(
  git: ScratchRepository,
  ids: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (ids.length === 0) return;
  const args = [
    // There is nothing to tell the remote of what is here already.
    ...['-c', 'fetch.negotiationAlgorithm=noop', 'fetch', '--quiet', '--no-tags', '--no-write-fetch-head'],
    ...['--recurse-submodules=no', '--filter=blob:none', '--stdin', 'origin'],
  ];
  await retry(() => git.run(args, `${ids.join('\n')}\n`), {
    what: 'fetching the contents of the records',
    attempts: 4,
    signal,
    retryable: (error) => gitFailure(error) === 'other',
  });
}

/** Ids, paths, times and authors from `git log -z --raw`. */
function changesOf(log: string): { id: string; path: string; at: string; author: string }[] {
  const changes: { id: string; path: string; at: string; author: string }[] = [];
  const parts = log.split('\0');
  let [at, author] = ['', ''];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]?.trim() ?? '';
    const id = /^:\d+ \d+ [0-9a-f]+ ([0-9a-f]+) \w+$/.exec(part)?.[1];
    if (id) changes.push({ id, path: parts[++i] ?? '', at, author });
    else if (part) [at = '', author = ''] = part.split('\n');
  }
  return changes.map((change) => ({ ...change, at: isoTime(Number(change.at)) }));
}

function isoTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString();
}

async function text(git: ScratchRepository, args: readonly string[]): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of git.stream(args)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parsed<T>(
  schema: z.ZodType<T>,
  content: Buffer | undefined | typeof tooLarge,
): { value: T } | { why: string } {
  if (content === undefined) return { why: 'its content is missing' };
  if (content === tooLarge) return { why: `it has more than ${mostBytes} bytes` };
  let json: unknown;
  try {
    json = JSON.parse(content.toString());
  } catch {
    return { why: 'it is no JSON' };
  }
  const result = schema.safeParse(json);
  if (result.success) return { value: result.data };
  const [issue] = result.error.issues;
  return { why: `${issue?.path.join('.') || 'its content'}: ${issue?.message}` };
}

/** A name from its part of a path; one that nobody encoded is itself. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
