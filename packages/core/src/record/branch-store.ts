import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../errors.ts';
import { retry } from '../retry.ts';
import { gitFailure, gitWords, type Remote, ScratchRepository } from './git.ts';
import { type RunRecord, runRecordSchema } from './schema.ts';

export interface BranchStoreOptions {
  remote: Remote;
  /** Default `mlops-records`. */
  branch?: string;
  signal?: AbortSignal | undefined;
}

export const aliasSchema = z.object({
  record: z.string().describe("Path of the run's record on the branch."),
  modelDigest: z.string(),
  revision: z.string(),
  since: z.string(),
});

/** Which run's model an alias such as `production` points to. */
export type Alias = z.infer<typeof aliasSchema>;

/** An alias of a model, to be moved to the run that is being recorded. */
export interface AliasMove extends Omit<Alias, 'record'> {
  /** The model's name: that of its training. */
  model: string;
  name: string;
}

/** The remote does not let this run push: the caller may go on without recording and say why. */
export class RecordsDeniedError extends UserError {
  override readonly name = 'RecordsDeniedError';
}

/**
 * Records of finished runs and the models' aliases, kept on a branch of the user's own repository. One file a run, so
 * that runs finishing at once never touch the same file; a push is a compare-and-swap that is tried again on the
 * branch's new tip. Nothing is checked out, and only the files that are asked for are fetched.
 *
 *     runs/<ref>/<finished>-<run>-<attempt>.json    refs/heads/main is heads/main
 *     aliases/<model>/<name>.json                   both as in a URL
 *     predictions/<digest>.csv.gz                   what gates kept, once for the same content
 */
export class BranchStore {
  readonly #remote: Remote;
  readonly #branch: string;
  readonly #ref: string;
  readonly #signal: AbortSignal | undefined;

  constructor({ remote, branch = 'mlops-records', signal }: BranchStoreOptions) {
    this.#remote = remote;
    this.#branch = branch;
    this.#ref = `refs/heads/${branch}`;
    this.#signal = signal;
  }

  /**
   * Appends a run's record, moves aliases and adds files by their paths on the branch, in one commit. Answers the
   * record's path on the branch.
   * @throws RecordsDeniedError when the remote does not let this run push.
   */
  async append(
    record: RunRecord,
    aliases: readonly AliasMove[] = [],
    added: ReadonlyMap<string, Uint8Array> = new Map(),
  ): Promise<string> {
    const path = recordPath(record);
    const files = new Map<string, string | Uint8Array>([...added, [path, pretty(record)]]);
    for (const { model, name, ...alias } of aliases)
      files.set(aliasPath(model, name), pretty({ ...alias, record: path }));
    await ScratchRepository.use(this.#remote, this.#signal, (git) =>
      retry(() => this.#commit(git, files, `Record run ${record.run.id}`), {
        what: 'recording the run',
        attempts: 40,
        deadlineMs: 180_000,
        pauseMs: 100,
        signal: this.#signal,
        retryable: (error) => gitFailure(error) === 'moved',
      }),
    ).catch((error: unknown) => {
      this.#signal?.throwIfAborted();
      throw this.#notWritten(error);
    });
    return path;
  }

  /** The record that a model's alias points to, undefined when the alias does not exist yet. */
  async alias(model: string, name: string): Promise<{ alias: Alias; record: RunRecord } | undefined> {
    const path = aliasPath(model, name);
    return this.#read(async (show) => {
      const text = await show(path);
      if (text === undefined) return undefined;
      const alias = parsed(aliasSchema, text, path);
      const record = await show(alias.record);
      if (record === undefined)
        throw new UserError(`the alias '${name}' points to '${alias.record}', which is not on ${this.#ref}`, {
          advice: 'Deploy again to set the alias anew.',
        });
      return { alias, record: parsed(runRecordSchema, record, alias.record) };
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
        const record = parsed(runRecordSchema, (await show(path)) ?? '', path);
        if (wanted(record)) return record;
      }
      return undefined;
    });
  }

  /** Paths of all records, oldest first within each ref. */
  async list(): Promise<string[]> {
    return (await this.#read(async (_, paths) => paths.filter((path) => path.startsWith('runs/')))) ?? [];
  }

  /** The content of one file on the branch, of which nothing else is fetched; undefined when it is not there. */
  async file(path: string): Promise<Buffer | undefined> {
    return this.#read(async (_, paths, git) =>
      paths.includes(path) ? git.content(`refs/records:${path}`) : undefined,
    );
  }

  async #read<T>(
    fn: (
      show: (path: string) => Promise<string | undefined>,
      paths: string[],
      git: ScratchRepository,
    ) => Promise<T>,
  ): Promise<T | undefined> {
    return ScratchRepository.use(this.#remote, this.#signal, async (git) => {
      const tip = await this.#fetch(git).catch((error: unknown) => {
        this.#signal?.throwIfAborted();
        throw notRead(this.#branch, error);
      });
      if (!tip) return undefined;
      const paths = (await git.run(['ls-tree', '-r', '-z', '--name-only', tip])).split('\0').filter(Boolean);
      const show = async (path: string) =>
        paths.includes(path) ? git.run(['show', `${tip}:${path}`]) : undefined;
      return fn(show, paths, git);
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

  #notWritten(cause: unknown): UserError {
    const said = gitWords(cause);
    if (gitFailure(cause) !== 'denied')
      return new UserError(`the run could not be recorded on the branch '${this.#branch}': ${said}`, {
        cause,
        advice: 'Run the job again once the remote can be reached.',
      });
    const isProtected = /GH006|GH013|protected branch/i.test(said);
    return new RecordsDeniedError(
      isProtected
        ? `a rule protects the branch '${this.#branch}'`
        : `the token may not push to the branch '${this.#branch}'`,
      {
        cause,
        advice: isProtected
          ? 'Exempt this branch from the rule; only the report writes to it.'
          : "Grant 'permissions: contents: write' to the job that calls this workflow.",
      },
    );
  }

  async #commit(
    git: ScratchRepository,
    files: ReadonlyMap<string, string | Uint8Array>,
    message: string,
  ): Promise<void> {
    const tip = await this.#fetch(git);
    const staged = join(git.folder, 'records-file');
    const index = { GIT_INDEX_FILE: join(git.folder, 'records-index') };
    await git.run(tip ? ['read-tree', tip] : ['read-tree', '--empty'], undefined, index);
    for (const [path, content] of files) {
      await writeFile(staged, content);
      const blob = await git.run(['hash-object', '-w', '--no-filters', '--', staged]);
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

/** Why a records branch cannot be read, for users. */
export function notRead(branch: string, cause: unknown): UserError {
  return new UserError(`the records on the branch '${branch}' cannot be read: ${gitWords(cause)}`, {
    cause,
    advice:
      gitFailure(cause) === 'denied'
        ? "Grant 'permissions: contents: read' to the job, and pass its token."
        : 'Run the job again once the remote can be reached.',
  });
}

function recordPath({ run }: RunRecord): string {
  const ref = run.ref.replace(/^refs\//, '') || 'unknown';
  return `runs/${ref}/${run.finishedAt.replaceAll(':', '').replace(/\.\d+Z$/, 'Z')}-${run.id}-${run.attempt}.json`;
}

/** An environment may have any name, and so may an alias. */
function aliasPath(model: string, name: string): string {
  return `aliases/${pathPart(model)}/${pathPart(name)}.json`;
}

/** A name as one part of a path; one of dots alone would lead elsewhere. */
function pathPart(name: string): string {
  return /^\.+$/.test(name) ? name.replaceAll('.', '%2E') : encodeURIComponent(name);
}

function parsed<T>(schema: z.ZodType<T>, text: string, path: string): T {
  const result = schema.safeParse(jsonOf(text));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(
    `'${path}' among the records is not one this version can read: ${issue?.path.join('.')}: ${issue?.message}`,
    { advice: 'It may come from a newer version of these actions: update the pinned version.' },
  );
}

/** Undefined, which no schema takes, for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}
