import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeRunner } from '@mlops/testkit/runner-files';
import { median, seconds } from './bench.ts';
import { countWith } from './docker-processes.ts';

/** One way to build and push the image, as a process of its own. */
export interface Side {
  program: string;
  args: readonly string[];
  cwd: string;
  env: Record<string, string | undefined>;
}

export interface Figures {
  seconds: number;
  processes: number;
}

/** What the action takes beyond the bare command, and what the bare command takes. */
export interface Overhead {
  beyond: Figures;
  bare: Figures;
  /** What the processes are counted with. */
  countedBy: string;
}

export interface Comparison {
  bundle: string;
  workspace: string;
  /** A whole reference to push. */
  tag: string;
  /** What both find buildx and its builder by. */
  env: Record<string, string>;
  /** The buildx that both end up with. */
  buildx: string;
  /** The bare command, up to the arguments of buildx. */
  bare: readonly [program: string, ...args: string[]];
  rounds: number;
}

/**
 * The action and the bare command with the very arguments that the action gives buildx, in turn on the same machine, so
 * that both push the same image. The seconds beyond are the median of the differences of the pairs.
 */
export async function overhead({ bare, rounds, ...rest }: Comparison): Promise<Overhead> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-docker-sides-'));
  try {
    const recorded = await recordedArguments(rest, folder);
    const [program, ...before] = bare;
    const args = [...before, ...withMetadataIn(folder, recorded)];
    const { workspace: cwd, env } = rest;
    const bareSide = { program, args, cwd, env: { ...env, BUILDX_NO_DEFAULT_ATTESTATIONS: '1' } };
    const ours = (run: (side: Side) => Promise<number>) => withAction(rest, run);
    const theirs = (run: (side: Side) => Promise<number>) => run(bareSide);
    const timed = async (side: Side) => seconds(() => execute(side));

    const pairs: { ours: number; bare: number }[] = [];
    for (let round = -1; round < rounds; round++) {
      const oursFirst = round % 2 === 0 ? await ours(timed) : undefined;
      const bareSeconds = await theirs(timed);
      const pair = { ours: oursFirst ?? (await ours(timed)), bare: bareSeconds };
      // The first round fills the machine's caches.
      if (round >= 0) pairs.push(pair);
    }
    const counter = await countWith(folder);
    const count = (side: Side) => counter.count(side, execute);
    const processes = { ours: await ours(count), bare: await theirs(count) };
    return {
      beyond: {
        seconds: median(pairs.map((pair) => pair.ours - pair.bare)),
        processes: processes.ours - processes.bare,
      },
      bare: { seconds: median(pairs.map((pair) => pair.bare)), processes: processes.bare },
      countedBy: counter.name,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the action as a runner would; it has to say which digest it pushed. */
async function withAction(
  { bundle, workspace, tag, env }: Pick<Comparison, 'bundle' | 'workspace' | 'tag' | 'env'>,
  run: (side: Side) => Promise<number>,
): Promise<number> {
  const runner = await fakeRunner({ workspace, env, inputs: { tags: tag } });
  try {
    const figure = await run({
      ...{ program: process.execPath, args: [bundle], cwd: workspace, env: runner.env },
    });
    const { digest } = runner.read().outputs;
    if (!digest?.startsWith('sha256:')) throw new Error(`the action names the digest '${digest}'`);
    return figure;
  } finally {
    await runner.remove();
  }
}

/** The output is read as it comes, as a runner and a terminal do. */
export async function execute({ program, args, cwd, env }: Side): Promise<void> {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exitCode = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (exitCode !== 0) throw new Error(`${program} ended with ${exitCode}:\n${output.slice(-4000)}`);
}

/** The arguments of the build that the action asks buildx for. */
async function recordedArguments(
  comparison: Pick<Comparison, 'bundle' | 'workspace' | 'tag' | 'env' | 'buildx'>,
  folder: string,
): Promise<string[]> {
  const list = join(folder, 'arguments');
  const recorder = join(folder, 'docker', 'cli-plugins', 'docker-buildx');
  await mkdir(join(folder, 'docker', 'cli-plugins'), { recursive: true });
  const script = `#!/bin/sh\n[ "$1" = build ] && printf '%s\\0' "$@" > '${list}'\nexec '${comparison.buildx}' "$@"\n`;
  await writeFile(recorder, script);
  await chmod(recorder, 0o755);
  const env = { ...comparison.env, DOCKER_CONFIG: join(folder, 'docker') };
  await withAction({ ...comparison, env }, async (side) => {
    await execute(side);
    return 0;
  });
  return (await readFile(list, 'utf8')).split('\0').slice(0, -1);
}

/** The action's own folder for buildx's metadata is gone. */
function withMetadataIn(folder: string, args: readonly string[]): string[] {
  return args.map((arg, i) => (args[i - 1] === '--metadata-file' ? join(folder, 'metadata.json') : arg));
}

/** Seconds of a Node that does nothing, in the same environment. */
export async function startSeconds({ workspace, env }: Comparison): Promise<number> {
  return seconds(() => execute({ program: process.execPath, args: ['-e', '0'], cwd: workspace, env }));
}

/** Seconds of the action's post step, which follows at the end of the job. */
export async function postSeconds({ bundle, workspace, env }: Comparison): Promise<number> {
  const runner = await fakeRunner({ workspace, env, state: { started: 'true', 'inputs-read': 'true' } });
  try {
    return await seconds(() =>
      execute({ program: process.execPath, args: [bundle], cwd: workspace, env: runner.env }),
    );
  } finally {
    await runner.remove();
  }
}
