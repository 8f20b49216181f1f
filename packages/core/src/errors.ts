/** Where a problem stands, in terms a reader can open: a file relative to the workspace, with 1-based positions. */
export interface Place {
  file?: string | undefined;
  line?: number | undefined;
  column?: number | undefined;
}

export interface UserErrorOptions extends Place {
  /** What to do next, as a full sentence. */
  advice?: string | undefined;
  cause?: unknown;
}

/**
 * A mistake the user can mend. The message says what was wrong and with which value; `advice` says what to do next.
 * It is shown as an annotation, without a stack trace. Everything that is not a UserError is a bug of ours.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  readonly advice: string | undefined;
  readonly place: Place;

  constructor(message: string, options: UserErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.advice = options.advice;
    this.place = { file: options.file, line: options.line, column: options.column };
  }

  /** The whole of it on one or more lines, as it stands in a log: `mlops.yaml:3: message. Advice.` */
  override toString(): string {
    const { file, line } = this.place;
    const where = file ? `${file}${line ? `:${line}` : ''}: ` : '';
    return `${where}${this.message}${this.advice ? `\n${this.advice}` : ''}`;
  }
}

/** Several mistakes found in one go, so that a user mends them all before the next run. */
export class UserErrors extends UserError {
  override readonly name = 'UserErrors';
  readonly problems: readonly UserError[];

  constructor(problems: readonly UserError[]) {
    super(problems.map(String).join('\n'));
    this.problems = problems;
  }
}

/** Throws nothing for an empty list, the one error for a list of one, and all of them together otherwise. */
export function throwAll(problems: readonly UserError[]): void {
  if (problems.length === 1) throw problems[0];
  if (problems.length > 1) throw new UserErrors(problems);
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
