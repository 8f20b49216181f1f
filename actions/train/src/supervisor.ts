import { constants } from 'node:os';
import { group, messageOf, UserError } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import { CommandError, script, stepEnvironment } from '@mlops/core/process';
import type { ResourceRecord } from '@mlops/core/record';
import type { Store } from '@mlops/core/store';
import type { Checkpoints } from './checkpoints/checkpoints.ts';
import { added, type Manifest } from './checkpoints/manifest.ts';
import type { Exit } from './checkpoints/owner.ts';
import type { FailureKind } from './ending.ts';
import { duration, size } from './format.ts';
import { canonical } from './key.ts';
import { type Limits, Stopped } from './limits.ts';
import type { LiveLog } from './live-log.ts';
import { oomKills } from './oom.ts';
import type { Meter } from './resources/meter.ts';
import type { Prices } from './resources/prices.ts';

export interface SupervisorOptions {
  folder: string;
  /** Aborted when the run is cancelled. */
  signal: AbortSignal;
  limits: Limits;
  heartbeatMs: number;
  prices: Prices;
  /** Where the commands write checkpoints, and how often these are saved; undefined for none. */
  checkpoints: CheckpointPlace | undefined;
  /** Milliseconds that a command has to save its state when it is stopped at a limit. */
  stopGraceMs: number;
  log: (line: string) => void;
}

export interface CheckpointPlace {
  dir: string;
  intervalMs: number;
  store: Store | undefined;
  /** The run of the workflow. */
  run: string;
  /** A digest that tells the project from others, whose commands may be the same. */
  project: string;
}

/** A command of the training. */
export interface Work {
  /** What it is called in errors: `stage 'train'`. */
  name: string;
  /** Heads its part of the log, with why it runs: `Stage train: its parameters changed`. */
  title: string;
  reason: string;
  /** Run as a `run:` step would be. */
  script: string;
  env?: Record<string, string | undefined>;
  /** A digest of everything that makes an earlier checkpoint of it usable, within this project. */
  identity: string;
  /** Starts anew although an earlier run has left a checkpoint. */
  fresh?: boolean;
  /** Sees each line of its log, beside the log itself. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

/** A command of the training failed. */
export class WorkFailed extends UserError {
  override readonly name = 'WorkFailed';
  readonly kind: FailureKind;

  constructor(message: string, kind: FailureKind, options: { advice: string; cause: unknown }) {
    super(message, options);
    this.kind = kind;
  }
}

/** What became of the checkpoints of a training. */
export interface CheckpointFacts {
  resumedFrom: Manifest | undefined;
  newest: Manifest | undefined;
  /** Why the newest one is on this machine only; undefined where it is saved, or nothing is to be. */
  unsavedBecause: string | undefined;
  saves: number;
  bytes: number;
}

/** The runner gives a cancelled step 7.5 s before it terminates it, and 2.5 s more: the post step does the rest. */
const cancelGraceMs = [4000, 2000] as const;
/** Progress bars are shown this often at most. */
const progressMs = 10_000;

/** Signals of which a program ends in the middle of whatever it does; a shell reports them as 128 and their number. */
const sudden = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGKILL', 'SIGSEGV'] as const;
/** Windows ends crashed programs with codes from here on (NTSTATUS, severity error). */
const ntErrors = 0xc0000000;

/**
 * Runs the commands of a training: shows their log, measures what they use, keeps their checkpoints, stops them at a
 * limit, and tells why they failed.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #limit = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  /** Runs from the first command on: a training in which nothing runs uses nothing. */
  #meter: Meter | undefined;
  /** Of the last command: not known to have ended well until what it should have left was looked at. */
  #open: Checkpoints | undefined;
  #isRunning = false;
  #facts: CheckpointFacts = {
    ...{ resumedFrom: undefined, newest: undefined, unsavedBecause: undefined },
    ...{ saves: 0, bytes: 0 },
  };

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { limits } = options;
    if (!limits.deadline) return;
    const { at, text } = limits.deadline;
    // Longer than a timer can be is longer than any job.
    const left = Math.min(at - Date.now(), 2 ** 31 - 1);
    this.#timer = setTimeout(() => this.#stop(new Stopped('time-limit', `${text} was reached`)), left);
  }

  /** What the commands used of the machine; undefined when none ran. To be called after `close`. */
  async resources(): Promise<ResourceRecord | undefined> {
    return this.#meter?.stop();
  }

  get checkpoints(): CheckpointFacts {
    const open = this.#open;
    if (!open) return this.#facts;
    return {
      resumedFrom: this.#facts.resumedFrom ?? open.resumedFrom,
      newest: open.newest,
      unsavedBecause: open.unsavedBecause,
      saves: this.#facts.saves + open.saved.saves,
      bytes: this.#facts.bytes + open.saved.bytes,
    };
  }

  /**
   * Runs a command to its end.
   *
   * @throws WorkFailed when it fails, Stopped when a limit is reached, the signal's reason when the run is cancelled
   */
  async run(work: Work): Promise<void> {
    await this.finished();
    this.#options.signal.throwIfAborted();
    await group(`${work.title}: ${work.reason}`, async () => {
      for (const line of work.script.trim().split('\n')) process.stdout.write(`  $ ${line}\n`);
      const meter = await this.#startMeter();
      const checkpoints = await this.#openCheckpoints(work, meter);
      this.#checkBudget(meter);
      this.#throwIfStopped();
      await this.#runScript(work, meter, checkpoints);
    });
  }

  /** To be called once the results of the last command were looked at: what it could resume from is not needed then. */
  async finished(): Promise<void> {
    await this.#close({ finished: true });
  }

  /** Ends everything that watches; a command whose results were not looked at keeps its checkpoint. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#close({ finished: false });
  }

  async #runScript(
    { name, title, script: text, env, onLine }: Work,
    meter: Meter,
    checkpoints: Checkpoints | undefined,
  ): Promise<void> {
    const { folder, signal, stopGraceMs } = this.#options;
    const live = await this.#liveLog(meter);
    const killsBefore = await oomKills();
    try {
      await script(text, {
        cwd: folder,
        env: { ...stepEnvironment(process.env), ...checkpoints?.env, ...env },
        signal,
        graceMs: cancelGraceMs,
        stop: { signal: this.#limit.signal, graceMs: [stopGraceMs, stopGraceMs / 2] },
        onSpawn: (pid) => {
          this.#isRunning = true;
          meter.addProcess(pid);
          checkpoints?.watch(pid);
        },
        onExit: (exitCode, endedBy) => {
          this.#isRunning = false;
          checkpoints?.exited(this.#howEnded(exitCode, endedBy));
        },
        onLine: (line, stream, end) => {
          live.line(line, stream, end);
          onLine?.(line, stream);
        },
      });
      this.#throwIfStopped();
    } catch (error) {
      if (!(error instanceof UserError) || signal.aborted) throw error;
      if (!(error instanceof CommandError))
        throw new UserError(`${name}: ${messageOf(error)}`, { cause: error, advice: error.advice });
      throw await this.#failed({ name, title }, error, { meter, killsBefore });
    } finally {
      live.close();
    }
  }

  async #failed(
    { name, title }: Pick<Work, 'name' | 'title'>,
    error: CommandError,
    { meter, killsBefore }: { meter: Meter; killsBefore: number | undefined },
  ): Promise<WorkFailed> {
    const [{ explainEnding }, kills] = await Promise.all([import('./ending.ts'), oomKills()]);
    const { latest } = meter;
    const { kind, what, advice } = explainEnding(error.result, {
      oomKilled: kills === undefined || killsBefore === undefined ? undefined : kills > killsBefore,
      peakMemory: latest && `${size(latest.memoryPeakBytes)} of ${size(latest.memoryTotalBytes)}`,
    });
    const log = `Its whole log is above, in the group '${title}'.`;
    return new WorkFailed(`${name}: ${messageOf(error)}${what ? `\nThe cause: ${what}.` : ''}`, kind, {
      cause: error,
      advice: advice ? `${advice} ${log}` : log,
    });
  }

  async #startMeter(): Promise<Meter> {
    if (this.#meter) return this.#meter;
    const { folder, prices, signal, limits } = this.#options;
    const { startMeter } = await import('./resources/meter.ts');
    const meter = startMeter({ folder, prices, signal, onSample: () => this.#checkBudget(meter) });
    this.#meter = meter;
    if (limits.budget === undefined || meter.hasPrice) return meter;
    throw new UserError(`input budget: ${limits.budget} cannot be held to: this runner has no price`, {
      advice: "Give one in the input 'prices', such as 'hour: 1.20'.",
    });
  }

  async #liveLog(meter: Meter): Promise<LiveLog> {
    const { LiveLog } = await import('./live-log.ts');
    return new LiveLog({
      write: (text) => process.stdout.write(text),
      heartbeatMs: this.#options.heartbeatMs,
      progressMs,
      status: () => meter.status(),
    });
  }

  async #openCheckpoints({ identity, fresh = false }: Work, meter: Meter): Promise<Checkpoints | undefined> {
    const { folder, checkpoints: wanted, log } = this.#options;
    if (!wanted) return undefined;
    const { Checkpoints } = await import('./checkpoints/checkpoints.ts');
    const before = this.#facts.resumedFrom?.spent;
    const spent = () => {
      const { seconds, energyWh, cost } = meter.spent;
      return added(before, { seconds, energyWh, cost: cost.amount });
    };
    const { project, ...place } = wanted;
    const checkpoints = await Checkpoints.open(
      { ...place, folder, spent, log },
      hashText(canonical({ project, identity })),
      { fresh },
    );
    this.#open = checkpoints;
    return checkpoints;
  }

  #howEnded(exitCode: number | null, endedBy: NodeJS.Signals | null): Exit['how'] {
    const isStopped = this.#limit.signal.aborted || this.#options.signal.aborted;
    // Windows only knows how to end a process at once.
    if (process.platform === 'win32')
      return isStopped || (exitCode ?? 0) >>> 0 >= ntErrors ? 'killed' : 'stopped';
    if (endedBy === 'SIGINT' || endedBy === 'SIGTERM') return 'interrupted';
    if (endedBy) return 'killed';
    if (exitCode === 128 + constants.signals.SIGTERM) return 'interrupted';
    return sudden.some((one) => exitCode === 128 + constants.signals[one]) ? 'killed' : 'stopped';
  }

  async #close({ finished }: { finished: boolean }): Promise<void> {
    const open = this.#open;
    if (!open) return;
    await open.end({ finished, save: !this.#options.signal.aborted });
    this.#facts = this.checkpoints;
    this.#open = undefined;
  }

  #checkBudget(meter: Meter): void {
    const { budget } = this.#options.limits;
    if (budget === undefined) return;
    const { amount, currency } = meter.spent.cost;
    const before = this.checkpoints.resumedFrom?.spent.cost ?? 0;
    if (before + amount < budget) return;
    this.#stop(new Stopped('budget', `the budget of ${budget} ${currency} is used up`));
  }

  #stop(reason: Stopped): void {
    if (this.#limit.signal.aborted) return;
    const then = this.#isRunning
      ? `The command has ${duration(this.#options.stopGraceMs)} to save its state.`
      : 'No other command is started.';
    this.#options.log(`Stopping: ${reason.message}. ${then}`);
    this.#limit.abort(reason);
  }

  #throwIfStopped(): void {
    this.#options.signal.throwIfAborted();
    this.#limit.signal.throwIfAborted();
  }
}
