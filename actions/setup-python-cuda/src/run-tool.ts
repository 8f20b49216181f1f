import { basename } from 'node:path';
import { retry } from '@mlops/core';
import { CommandError, type CommandResult, command, stepEnvironment } from '@mlops/core/process';

export interface RunTool {
  cwd: string;
  signal: AbortSignal;
  env?: Record<string, string | undefined>;
  /** Written to the tool's standard input. */
  input?: string;
  /** Shows what the tool says as it says it. */
  loud?: boolean;
  tolerate?: boolean;
}

/** What a tool said: all of its standard error, and both streams as a reader of the log sees them. */
export interface ToolResult extends CommandResult {
  stderr: string;
  said: string;
}

/** A tool ended with an error; `stderr` and `said` are all it said. */
export class ToolError extends CommandError {
  /** The program's name. */
  readonly tool: string;
  readonly stderr: string;
  readonly said: string;

  constructor(program: string, args: readonly string[], result: ToolResult) {
    const tool = (program.split(/[\\/]/).at(-1) ?? program).replace(/\.exe$/i, '');
    super(`${tool} ${args.join(' ')}`, result);
    this.tool = tool;
    this.stderr = result.stderr;
    this.said = result.said;
  }
}

/** Runs a package manager; what it cannot reach for a moment is tried again. */
export async function runTool(
  program: string,
  args: readonly string[],
  options: RunTool,
): Promise<ToolResult> {
  const { loud, env, ...rest } = options;
  const once = async (signal: AbortSignal) => {
    const stderr: string[] = [];
    const said: string[] = [];
    const result = await command(program, args, {
      ...rest,
      tolerate: true,
      signal,
      // A package that is built runs code of its own, which this action's inputs and tokens are no business of.
      env: { ...stepEnvironment(process.env), NO_COLOR: '1', FORCE_COLOR: undefined, ...env },
      onLine: (line, stream) => {
        said.push(line);
        if (stream === 'stderr') stderr.push(line);
        if (loud) process.stdout.write(`${line}\n`);
      },
    });
    const whole = { ...result, stderr: stderr.join('\n'), said: said.join('\n') };
    if (result.exitCode !== 0 && !options.tolerate) throw new ToolError(program, args, whole);
    return whole;
  };
  return retry(once, {
    what: `${basename(program)} ${args.slice(0, 2).join(' ')}`,
    attempts: 3,
    deadlineMs: 3_600_000,
    signal: options.signal,
    retryable: (error) => error instanceof ToolError && isPassing(error.said),
  });
}

/** `503 Service Unavailable` or its number, where a server was busy or in trouble. */
export function busyStatus(said: string): string | undefined {
  const found =
    /\b(429 Too Many Requests|50[0234] (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out))|HTTP (?:error )?(429|50[0234])\b|\b(429|50[0234]) (?:Client|Server) Error|response code:? (429|50[0234])/i.exec(
      said,
    );
  return found?.slice(1).find(Boolean);
}

/** Whether an error may be gone at the next try: the network, or a server that is busy. The tools have tried thrice. */
function isPassing(text: string): boolean {
  return (
    (busyStatus(text) !== undefined ||
      /Request failed after|error sending request|connection (reset|closed)|timed? ?out/i.test(text)) &&
    !/Connection refused|dns error/i.test(text)
  );
}
