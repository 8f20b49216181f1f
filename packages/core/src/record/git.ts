import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import type { GitHub } from '../github.ts';
import { CommandError, command } from '../process.ts';

/** A private bare repository that talks to one remote; it lives as long as `use` runs. */
export class ScratchRepository {
  readonly folder: string;
  readonly #env: Record<string, string>;
  readonly #signal: AbortSignal | undefined;

  private constructor(folder: string, env: Record<string, string>, signal: AbortSignal | undefined) {
    this.folder = folder;
    this.#env = env;
    this.#signal = signal;
  }

  static async use<T>(
    remote: Remote,
    signal: AbortSignal | undefined,
    fn: (git: ScratchRepository) => Promise<T>,
  ): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'mlops-records-'));
    try {
      const git = new ScratchRepository(folder, environment(remote), signal);
      await git.run(['init', '--quiet', '--bare']);
      await git.run(['remote', 'add', 'origin', remote.url]);
      return await fn(git);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async run(args: string[], input?: string, env: Record<string, string> = {}): Promise<string> {
    const options = { cwd: this.folder, env: { ...this.#env, ...env }, signal: this.#signal };
    const { stdout } = await command('git', args, input === undefined ? options : { ...options, input });
    return stdout.trim();
  }

  /** The content of a file, any bytes, by its id or as `commit:path`. */
  async content(object: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.stream(['cat-file', 'blob', object])) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** What a command of git writes, as it comes: any bytes, and any number of them. */
  async *stream(args: readonly string[], input = ''): AsyncGenerator<Buffer> {
    const child = spawn('git', args, {
      cwd: this.folder,
      env: { ...process.env, ...this.#env },
      windowsHide: true,
      ...(this.#signal && { signal: this.#signal }),
    });
    const said: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    child.stdin.on('error', () => {}); // Git may end before it has read everything.
    child.stdin.end(input);
    const closed = once(child, 'close');
    closed.catch(() => {}); // Looked at once the output has ended.
    try {
      for await (const chunk of child.stdout) yield chunk as Buffer;
      const [exitCode, signal] = (await closed) as [number | null, NodeJS.Signals | null];
      if (exitCode === 0) return;
      const stderrTail = Buffer.concat(said).toString().trimEnd().split('\n').slice(-50);
      throw new CommandError(`git ${args.join(' ')}`, { exitCode, signal, stdout: '', stderrTail });
    } finally {
      child.kill();
    }
  }
}

export interface Remote {
  url: string;
  /** Sent as a header through git's environment, never in an argument or a URL. */
  token?: string | undefined;
}

/** The repository's own remote: the checkout's `origin`, otherwise the address that GitHub gives. */
export async function originOf(
  { repository, serverUrl }: GitHub,
  folder: string,
  token: string | undefined,
): Promise<Remote> {
  const given = repository && `${serverUrl}/${repository}.git`;
  const origin = await command('git', ['remote', 'get-url', 'origin'], { cwd: folder })
    .then(({ stdout }) => stdout.trim())
    .catch(() => undefined);
  // A checkout by SSH keeps its key to itself, but the token opens the same repository by HTTPS.
  const isSsh = /^(ssh:\/\/|[^/:]+@[^/:]+:)/.test(origin ?? '');
  const isGiven = repository && origin?.replace(/\.git$/, '').endsWith(repository);
  const url = isSsh && isGiven && token ? given : (origin ?? given);
  if (!url)
    throw new UserError(`no git remote is known for '${folder}'`, {
      advice: "Check the repository out before this step, or add a remote named 'origin'.",
    });
  return { url, token };
}

function environment({ url, token }: Remote): Record<string, string> {
  const header =
    token && /^https?:/.test(url)
      ? `AUTHORIZATION: basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`
      : undefined;
  return {
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    ...(header && {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraheader`,
      GIT_CONFIG_VALUE_0: header,
    }),
    GIT_AUTHOR_NAME: 'github-actions[bot]',
    GIT_AUTHOR_EMAIL: '41898282+github-actions[bot]@users.noreply.github.com',
    GIT_COMMITTER_NAME: 'github-actions[bot]',
    GIT_COMMITTER_EMAIL: '41898282+github-actions[bot]@users.noreply.github.com',
  };
}

/** What git and the remote said of a failure, on one line. */
export function gitWords(error: unknown): string {
  if (!(error instanceof CommandError)) return messageOf(error);
  return error.result.stderrTail.map((line) => line.trim()).join(' ');
}

/** What a failed git command means for the caller. */
export function gitFailure(error: unknown): 'denied' | 'moved' | 'no-branch' | 'other' {
  const said = gitWords(error);
  if (/couldn't find remote ref/i.test(said)) return 'no-branch';
  if (
    /stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|reference already exists|incorrect old value/i.test(
      said,
    )
  )
    return 'moved';
  if (
    /\b403\b|permission .*denied|denied to |authentication failed|could not read username|repository.* not found|protected branch|GH006|GH013/i.test(
      said,
    )
  )
    return 'denied';
  return 'other';
}
