import { UserError } from '@mlops/core';
import { runSmoke, type SmokeRequest, type SmokeResult } from '@mlops/smoke';
import { NotHealthy, waitHealthy } from '@mlops/smoke/server';
import type { Container, Ending, Limits } from './container.ts';
import { startWithDocker, whyNoDocker } from './docker.ts';
import { type ImageConfig, ownPlatform, readImage } from './oci-layout.ts';
import { startWithRunc, whyNoRunc } from './runc.ts';

export interface SmokeOptions extends Partial<Limits> {
  /** Folder of an OCI image layout, as `--output type=oci,tar=false,dest=…` writes it. */
  layout: string;
  /** Default: this machine's. */
  platform?: string | undefined;
  /** Default: `auto`, Docker where a daemon answers, otherwise runc. */
  runtime?: 'auto' | Runtime;
  /** Where the image listens. Default: the first port that it exposes, otherwise 8000. */
  port?: number | undefined;
  /** Variables on top of the image's; `HOST` and `PORT` are set, too. */
  env?: Record<string, string>;
  healthPath: string;
  healthTimeoutMs: number;
  requests: readonly SmokeRequest[];
  signal: AbortSignal;
  /** Sees each line that the image writes. */
  onLog?: (line: string) => void;
}

export type Runtime = 'docker' | 'runc';

export interface SmokeReport {
  runtime: Runtime;
  /** Of the image that ran. */
  platform: string;
  /** Milliseconds from its start until it was healthy; null where it never was. */
  healthyMs: number | null;
  results: SmokeResult[];
  /** The last lines that it wrote. */
  log: string[];
}

/** The image does not do what is expected of it. */
export class SmokeFailure extends UserError {
  override readonly name = 'SmokeFailure';
  readonly report: SmokeReport;

  constructor(message: string, report: SmokeReport, advice: string) {
    const { log } = report;
    const said = log.length
      ? `Its last words:\n${log.map((line) => `  ${line}`).join('\n')}`
      : 'It wrote nothing.';
    super(`${message}\n${said}`, { advice });
    this.report = report;
  }
}

/** 4 GiB, 512 processes and two processors: a model's server, and no more. */
const defaultLimits: Limits = { memoryBytes: 4 * 2 ** 30, pids: 512, cpus: 2 };
const logKept = 30;

/**
 * Starts an image that nobody has got yet, waits until it is healthy, and sends it the requests. Nothing of it is left
 * afterwards, neither when it failed nor when `signal` was aborted.
 *
 * @throws SmokeFailure where it ended, was not healthy in time or answered otherwise than expected
 * @throws UserError where nothing here can run it
 */
export async function smokeTest(options: SmokeOptions): Promise<SmokeReport> {
  const { layout, env = {}, healthPath, healthTimeoutMs, requests, signal, onLog } = options;
  const platform = options.platform ?? ownPlatform();
  const runtime = await chooseRuntime(options.runtime ?? 'auto', signal);
  const image = await readImage(layout, platform);
  const limits = limitsOf(options);
  const report: SmokeReport = { runtime, platform: image.platform, healthyMs: null, results: [], log: [] };
  const onLine = (line: string) => {
    onLog?.(line);
    report.log.push(line);
    if (report.log.length > logKept) report.log.shift();
  };
  const start = runtime === 'docker' ? startWithDocker : startWithRunc;
  const port = options.port ?? exposedPort(image.config) ?? 8000;
  const container = await start({ image, port, env, limits, onLine, signal });
  try {
    const started = performance.now();
    await healthy(container, report, { healthPath, healthTimeoutMs, signal, limits });
    report.healthyMs = performance.now() - started;
    report.results = await runSmoke(container.url, requests, signal);
    await requireAllPassed(container, report, limits);
    return report;
  } finally {
    await container.remove();
  }
}

async function chooseRuntime(wanted: 'auto' | Runtime, signal: AbortSignal): Promise<Runtime> {
  const obstacles: string[] = [];
  for (const [runtime, look] of [
    ['docker', whyNoDocker],
    ['runc', whyNoRunc],
  ] as const) {
    if (wanted !== 'auto' && wanted !== runtime) continue;
    const obstacle = await look(signal);
    if (obstacle === undefined) return runtime;
    obstacles.push(obstacle);
  }
  throw new UserError(`the image cannot be started here to test it: ${obstacles.join(', and ')}`, {
    advice:
      "Use a runner with Docker, install runc on one where the job is root, or set 'smoke-test: never'.",
  });
}

function limitsOf({ memoryBytes, pids, cpus }: Partial<Limits>): Limits {
  return {
    memoryBytes: memoryBytes ?? defaultLimits.memoryBytes,
    pids: pids ?? defaultLimits.pids,
    cpus: cpus ?? defaultLimits.cpus,
  };
}

/** `8080/tcp` */
function exposedPort({ ExposedPorts }: ImageConfig): number | undefined {
  const ports = Object.keys(ExposedPorts ?? {}).filter((port) => !port.endsWith('/udp'));
  return ports.length ? Number.parseInt(ports[0] ?? '', 10) : undefined;
}

interface Health {
  healthPath: string;
  healthTimeoutMs: number;
  signal: AbortSignal;
  limits: Limits;
}

async function healthy(container: Container, report: SmokeReport, health: Health): Promise<void> {
  const { healthPath, healthTimeoutMs, signal, limits } = health;
  const settled = new AbortController();
  const watched = AbortSignal.any([signal, settled.signal]);
  try {
    await Promise.race([
      waitHealthy(`${container.url}${healthPath}`, healthTimeoutMs, watched),
      container.ended.then(async (ending) => {
        const how = describeEnding(ending, await container.isOutOfMemory(), limits);
        throw new NotHealthy(`it ended (${how}) before it was healthy`);
      }),
    ]);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof NotHealthy)) throw error;
    const memory = (await container.isOutOfMemory()) ? ` ${outOfMemory(limits)}.` : '';
    const ended = error.message.startsWith('it ended');
    throw new SmokeFailure(
      `the image cannot serve: ${error.message}.${ended ? '' : memory}`,
      report,
      `It must stay in the foreground, listen on $HOST:$PORT and answer 'GET ${healthPath}' with 2xx; 'health-path', 'health-timeout', 'port' and 'smoke-memory' say where, how long and with how much memory.`,
    );
  } finally {
    settled.abort();
  }
}

async function requireAllPassed(container: Container, report: SmokeReport, limits: Limits): Promise<void> {
  const failed = report.results.filter(({ passed }) => !passed);
  if (failed.length === 0) return;
  const lines = failed.flatMap(({ request, differences }) =>
    differences.map((line) => `  ${request}: ${line}`),
  );
  const fate = await fateOf(container, limits);
  throw new SmokeFailure(
    `the image failed ${failed.length} of ${report.results.length} smoke requests:\n${lines.join('\n')}${fate}`,
    report,
    "Correct the image, or what the input 'smoke' expects of it.",
  );
}

/** Why no answer came, where the container is the reason. */
async function fateOf(container: Container, limits: Limits): Promise<string> {
  const isOut = await container.isOutOfMemory();
  const ending = await Promise.race([container.ended, moment()]);
  if (ending) return `\nIt ended (${describeEnding(ending, isOut, limits)}).`;
  return isOut ? `\n${outOfMemory(limits)}.` : '';
}

/** For the runtime to notice an end that the last request has seen already. */
function moment(): Promise<undefined> {
  return new Promise((resolve) => void setTimeout(resolve, 500, undefined).unref());
}

function describeEnding({ exitCode }: Ending, isOut: boolean, limits: Limits): string {
  const code = exitCode === null ? 'no exit code' : `exit code ${exitCode}`;
  return isOut ? `${code}; ${outOfMemory(limits)}` : code;
}

function outOfMemory({ memoryBytes }: Limits): string {
  return `a process was killed since it wanted more than ${Math.round(memoryBytes / 2 ** 20)} MiB of memory`;
}
