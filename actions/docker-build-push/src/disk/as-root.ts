import { type CommandOptions, command } from '@mlops/core/process';

/** How a program that needs root ended; `exitCode` is null where it could not be started. */
export interface RootAnswer {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program as root: by itself, or with sudo where that asks for no password. A failure is an answer. */
export async function asRoot(
  words: readonly string[],
  options: Pick<CommandOptions, 'env' | 'input'> & { signal: AbortSignal },
): Promise<RootAnswer> {
  const [program = '', ...args] = process.getuid?.() === 0 ? words : ['sudo', '--non-interactive', ...words];
  const result = await command(program, args, { ...options, tolerate: true }).catch((error) => ({
    exitCode: null,
    stdout: '',
    stderrTail: [String(error)],
  }));
  options.signal.throwIfAborted();
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderrTail.join('\n') };
}
