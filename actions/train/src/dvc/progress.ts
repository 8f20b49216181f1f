/** What DVC said of a stage. */
export interface Told {
  name: string;
  outcome: 'ran' | 'cached' | 'unchanged' | 'failed';
  startedAt: Date;
  durationMs: number;
}

const lines = [
  ['ran', /^Running stage '(.+)':$/],
  ['unchanged', /^Stage '(.+)' didn't change, skipping$/],
  ['cached', /^Stage '(.+)' is cached - skipping run, checking out outputs$/],
] as const;

/**
 * Reads the log of `dvc repro` as it comes: which stages run, and how long. A line counts only for a stage that is known
 * and was not told of before, so that a command which prints the like changes nothing.
 */
export class ReproProgress {
  readonly stages = new Map<string, Told>();
  /** Lines that DVC marks as errors, with what follows them. */
  readonly errors: string[] = [];
  readonly #isStage: (name: string) => boolean;
  #running: Told | undefined;

  constructor(isStage: (name: string) => boolean) {
    this.#isStage = isStage;
  }

  line(text: string, stream: 'stdout' | 'stderr'): void {
    if (stream === 'stderr') {
      if (/^ERROR: /.test(text) || (this.errors.length && text.trim())) this.errors.push(text);
      const [, failed] = /^ERROR: failed to reproduce '(.+?)'/.exec(text) ?? [];
      if (failed !== undefined) this.#fail(failed);
      return;
    }
    for (const [outcome, pattern] of lines) {
      const [, name] = pattern.exec(text) ?? [];
      if (name !== undefined) this.#tell(name, outcome);
    }
    if (/^(Updating|Generating) lock file '/.test(text)) this.end();
  }

  /** The last stage has ended. */
  end(): void {
    if (this.#running) this.#running.durationMs = Date.now() - this.#running.startedAt.getTime();
    this.#running = undefined;
  }

  #tell(name: string, outcome: Told['outcome']): void {
    if (!this.#isStage(name) || this.stages.has(name)) return;
    this.end();
    const told = { name, outcome, startedAt: new Date(), durationMs: 0 };
    this.stages.set(name, told);
    this.#running = told;
  }

  #fail(name: string): void {
    this.end();
    const told = this.stages.get(name) ?? { name, startedAt: new Date(), durationMs: 0 };
    this.stages.set(name, { ...told, outcome: 'failed' });
  }
}
