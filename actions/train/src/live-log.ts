import { duration } from './format.ts';
import { terminalLine, withoutColours } from './terminal-line.ts';

export interface LiveLogOptions {
  /** Takes whole lines. */
  write: (text: string) => void;
  /** Milliseconds of silence after which a line says that the command still runs; 0 says nothing. */
  heartbeatMs: number;
  /** Milliseconds between two states of progress of a stream. */
  progressMs: number;
  /** What the machine does, for the heartbeat; may be empty. */
  status: () => string;
  now?: () => number;
}

type Stream = 'stdout' | 'stderr';

/** What of a stream's progress was shown, and what waits to be. */
interface Lane {
  shown: string | undefined;
  shownAt: number;
  waiting: string | undefined;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The log of a running command as it goes to the runner's log, which is no terminal and keeps every line. Lines go out
 * at once. Of progress (tqdm, Keras, rich, pip: whatever is written over) a state is shown now and then, and the last
 * one always. What a terminal would do is done: the log keeps colours, and no sequences that move the cursor.
 */
export class LiveLog {
  readonly #options: LiveLogOptions;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #lanes: Record<Stream, Lane>;
  #wroteAt: number;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: LiveLogOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#startedAt = this.#now();
    this.#wroteAt = this.#startedAt;
    const lane = () => ({
      shown: undefined,
      shownAt: Number.NEGATIVE_INFINITY,
      waiting: undefined,
      timer: undefined,
    });
    this.#lanes = { stdout: lane(), stderr: lane() };
    if (options.heartbeatMs > 0) this.#beatIn(options.heartbeatMs);
  }

  /** A line of the command and how it ended; `\r` means that the next one is written over it. */
  line(text: string, stream: Stream, end: '\n' | '\r'): void {
    const lane = this.#lanes[stream];
    if (isWorkflowCommand(text)) {
      this.#showWaiting(lane);
      this.#write(text);
      return;
    }
    const { text: seen, movesUp } = terminalLine(text);
    // Such as one that shows the cursor again.
    const isOnlySequences = text !== seen && !seen.trim();
    if (isOnlySequences) return;
    if (end === '\r' || movesUp) this.#progress(lane, seen.trimEnd());
    else this.#plain(lane, seen);
  }

  /** Shows what waits; no heartbeat comes after it. */
  close(): void {
    for (const lane of Object.values(this.#lanes)) this.#showWaiting(lane);
    clearTimeout(this.#heartbeat);
  }

  #plain(lane: Lane, text: string): void {
    // The end of a bar takes the place of its last state, as on a terminal; anything else comes after it.
    if (lane.waiting !== undefined && shapeOf(lane.waiting) === shapeOf(text)) lane.waiting = undefined;
    this.#showWaiting(lane);
    lane.shown = undefined;
    this.#write(text);
  }

  #progress(lane: Lane, text: string): void {
    if (!withoutColours(text).trim()) return;
    lane.waiting = text === lane.shown ? undefined : text;
    const wait = lane.shownAt + this.#options.progressMs - this.#now();
    if (wait <= 0) this.#showWaiting(lane);
    else lane.timer ??= setTimeout(() => this.#showWaiting(lane), wait).unref();
  }

  #showWaiting(lane: Lane): void {
    clearTimeout(lane.timer);
    lane.timer = undefined;
    if (lane.waiting === undefined) return;
    lane.shown = lane.waiting;
    lane.shownAt = this.#now();
    lane.waiting = undefined;
    this.#write(lane.shown);
  }

  #write(line: string): void {
    this.#wroteAt = this.#now();
    this.#options.write(`${line}\n`);
  }

  #beatIn(ms: number): void {
    this.#heartbeat = setTimeout(() => {
      const { heartbeatMs, status } = this.#options;
      if (this.#now() - this.#wroteAt >= heartbeatMs) {
        const machine = status();
        this.#write(
          `… still running after ${duration(this.#now() - this.#startedAt)}${machine ? `: ${machine}` : ''}`,
        );
      }
      this.#beatIn(Math.max(1, this.#wroteAt + heartbeatMs - this.#now()));
    }, ms).unref();
  }
}

/** Whether the runner carries a line out, as it does in both forms that it knows; such a line is left as it is. */
function isWorkflowCommand(line: string): boolean {
  return line.trimStart().startsWith('::') || line.includes('##[');
}

/** The words of a line without its numbers and its bar: the same for two states of one progress. */
function shapeOf(line: string): string {
  return withoutColours(line).replace(/\P{L}+/gu, '');
}
