import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { retry } from '../retry.ts';
import { gitFailure, type Remote, ScratchRepository } from './git.ts';
import { type RunRecord, runRecordSchema } from './schema.ts';

export interface BranchStoreOptions {
  remote: Remote;
  /** Default `mlops-records`. */
  branch?: string;
  signal?: AbortSignal | undefined;
}

/** Which run's model an alias such as `production` points to. */
export interface Alias {
  /** Path of the run's record on the branch. */
  record: string;
  modelDigest: string;
  revision: string;
  since: string;
}

/** The token may not push: the caller goes on without recording and says which permission is missing. */
export class RecordsDeniedError extends UserError {
  override readonly name = 'RecordsDeniedError';
}

/**
 * Records of finished runs and the models' aliases, kept on a branch of the user's own repository. One file a run, so
 * that runs finishing at once never touch the same file; a push is a compare-and-swap that is tried again on the
 * branch's new tip. Nothing is checked out, and only the files that are asked for are fetched.
 *
 *     runs/<ref>/<finished>-<run>-<attempt>.json    refs/heads/main is heads/main
 *     aliases/<name>.json
 */
export class BranchStore {
  readonly #remote: Remote;
  readonly #ref: string;
  readonly #signal: AbortSignal | undefined;

  constructor({ remote, branch = 'mlops-records', signal }: BranchStoreOptions) {
    this.#remote = remote;
    this.#ref = `refs/heads/${branch}`;
    this.#signal = signal;
  }

  /**
   * Appends a run's record and moves aliases, in one commit. Answers the record's path on the branch.
   * @throws RecordsDeniedError when the token may not push.
   */
  async append(record: RunRecord, aliases: Record<string, Omit<Alias, 'record'>> = {}): Promise<string> {
    const path = recordPath(record);
    const files = new Map([[path, pretty(record)]]);
    for (const [name, alias] of Object.entries(aliases))
      files.set(aliasPath(name), pretty({ ...alias, record: path }));
    await ScratchRepository.use(this.#remote, this.#signal, (git) =>
      retry(() => this.#commit(git, files, `Record run ${record.run.id}`), {
        what: 'recording the run',
        attempts: 40,
        deadlineMs: 180_000,
        pauseMs: 100,
        signal: this.#signal,
        retryable: (error) => gitFailure(error) === 'moved',
      }),
    ).catch((error) => {
      throw gitFailure(error) === 'denied'
        ? new RecordsDeniedError('the run was not recorded: the token may not push', { cause: error })
        : error;
    });
    return path;
  }

  /** The record that an alias points to, undefined when the alias does not exist yet. */
  async alias(name: string): Promise<{ alias: Alias; record: RunRecord } | undefined> {
    const path = aliasPath(name);
    return this.#read(async (show) => {
      const text = await show(path);
      if (text === undefined) return undefined;
      const alias = JSON.parse(text) as Alias;
      const record = await show(alias.record);
      if (record === undefined)
        throw new UserError(`the alias '${name}' points to '${alias.record}', which is not on ${this.#ref}`, {
          advice: 'Deploy again to set the alias anew.',
        });
      return { alias, record: parseRecord(record, alias.record) };
    });
  }

  /** The newest record of a branch that satisfies `wanted`, undefined when there is none; at most 50 are looked at. */
  async newest(
    branch: string,
    wanted: (record: RunRecord) => boolean = () => true,
  ): Promise<RunRecord | undefined> {
    return this.#read(async (show, paths) => {
      const folder = `runs/heads/${branch}/`;
      const candidates = paths.filter(
        (path) => path.startsWith(folder) && !path.slice(folder.length).includes('/'),
      );
      for (const path of candidates.sort().reverse().slice(0, 50)) {
        const record = parseRecord((await show(path)) ?? '', path);
        if (wanted(record)) return record;
      }
      return undefined;
    });
  }

  /** Paths of all records, oldest first within each ref. */
  async list(): Promise<string[]> {
    return (await this.#read(async (_, paths) => paths.filter((path) => path.startsWith('runs/')))) ?? [];
  }

  async #read<T>(
    fn: (show: (path: string) => Promise<string | undefined>, paths: string[]) => Promise<T>,
  ): Promise<T | undefined> {
    return ScratchRepository.use(this.#remote, this.#signal, async (git) => {
      const tip = await this.#fetch(git);
      if (!tip) return undefined;
      const paths = (await git.run(['ls-tree', '-r', '-z', '--name-only', tip])).split('\0').filter(Boolean);
      const show = async (path: string) =>
        paths.includes(path) ? git.run(['show', `${tip}:${path}`]) : undefined;
      return fn(show, paths);
    });
  }

  /** The branch's tip, undefined when there is no such branch yet. */
  async #fetch(git: ScratchRepository): Promise<string | undefined> {
    return retry(
      async () => {
        await git.run([
          'fetch',
          '--quiet',
          '--no-tags',
          '--depth=1',
          '--filter=blob:none',
          'origin',
          `+${this.#ref}:refs/records`,
        ]);
        return git.run(['rev-parse', 'refs/records']);
      },
      {
        what: 'fetching the records',
        attempts: 4,
        signal: this.#signal,
        retryable: (error) => gitFailure(error) === 'other',
      },
    ).catch((error) => {
      if (gitFailure(error) === 'no-branch') return undefined;
      throw error;
    });
  }

  async #commit(git: ScratchRepository, files: Map<string, string>, message: string): Promise<void> {
    const tip = await this.#fetch(git);
    const index = { GIT_INDEX_FILE: join(git.folder, 'records-index') };
    await git.run(tip ? ['read-tree', tip] : ['read-tree', '--empty'], undefined, index);
    for (const [path, content] of files) {
      const blob = await git.run(['hash-object', '-w', '--stdin'], content);
      await git.run(['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`], undefined, index);
    }
    // The other records' contents were never fetched and need not be.
    const tree = await git.run(['write-tree', '--missing-ok'], undefined, index);
    const commit = await git.run(['commit-tree', tree, '-m', message, ...(tip ? ['-p', tip] : [])]);
    await git.run([
      'push',
      '--quiet',
      `--force-with-lease=${this.#ref}:${tip ?? ''}`,
      'origin',
      `${commit}:${this.#ref}`,
    ]);
  }
}

function recordPath({ run }: RunRecord): string {
  const ref = run.ref.replace(/^refs\//, '') || 'unknown';
  return `runs/${ref}/${run.finishedAt.replaceAll(':', '').replace(/\.\d+Z$/, 'Z')}-${run.id}-${run.attempt}.json`;
}

function aliasPath(name: string): string {
  if (!/^[\w.-]+$/.test(name))
    throw new UserError(`'${name}' cannot be the name of an alias`, {
      advice: "Use letters, digits, '.', '_' and '-'.",
    });
  return `aliases/${name}.json`;
}

function parseRecord(text: string, path: string): RunRecord {
  const result = runRecordSchema.safeParse(JSON.parse(text));
  if (result.success) return result.data;
  throw new UserError(
    `the record '${path}' is not one this version can read: ${result.error.issues[0]?.message}`,
    {
      advice: 'It may come from a newer version of these actions: update the pinned version.',
    },
  );
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}
