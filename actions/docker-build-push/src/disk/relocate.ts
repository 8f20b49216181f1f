import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { UserError, waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';
import { asRoot } from './as-root.ts';
import { type ReclaimOptions, whyNotHosted } from './reclaim.ts';

type Common = Pick<ReclaimOptions, 'env' | 'platform'> & {
  signal: AbortSignal;
  /** Changes to the environment of what is run. */
  commandEnv?: Record<string, string | undefined>;
};

/** What became of a move. */
export interface Relocation {
  moved: boolean;
  /** A sentence for the log. */
  because: string;
}

/**
 * Has a builder of the docker-container driver keep its state in a folder, before it is first started: buildx mounts
 * the volume `<container>_state` at BuildKit's root, and takes one that is there already
 * (https://github.com/docker/buildx/blob/master/driver/docker-container/driver.go). The volume that is made here is that
 * folder. Nothing of Docker's own moves, and nothing is restarted. To remove the builder leaves the folder.
 *
 * @param node the builder's node, by default the builder's name with a 0 behind it.
 * @throws UserError where Docker refuses the volume, or the folder cannot be made.
 */
export async function relocateBuilder(
  node: string,
  folder: string,
  { signal, commandEnv = {} }: Common,
): Promise<Relocation> {
  const volume = `buildx_buildkit_${node}_state`;
  const env = commandEnv;
  const known = await command('docker', ['volume', 'inspect', volume], { signal, env, tolerate: true });
  if (known.exitCode === 0)
    return { moved: false, because: `The builder '${node}' has its state in a volume already, which stays.` };
  await made(folder, '0700', { signal, commandEnv });
  const options = ['type=none', 'o=bind', `device=${folder}`].flatMap((option) => ['--opt', option]);
  const answer = await command('docker', ['volume', 'create', '--driver', 'local', ...options, volume], {
    signal,
    env,
    tolerate: true,
  });
  if (answer.exitCode === 0)
    return { moved: true, because: `The builder '${node}' keeps its state in ${folder}.` };
  throw new UserError(
    `Docker could not make ${folder} the root of the builder: ${answer.stderrTail.join(' ')}`,
    {
      advice:
        "Set 'data-root' to a folder on a local disk of the machine that Docker runs on, or leave it out.",
    },
  );
}

export interface DockerRelocation extends Common {
  /** Docker's configuration: https://docs.docker.com/engine/daemon/#configuration-file. */
  file?: string;
}

/**
 * Moves Docker's own root by `data-root` in daemon.json and a restart, on runners that GitHub hosts alone. What it has
 * (images, volumes) stays behind unseen; where a container runs, such as a service of the job, or where images are in
 * containerd's store, which `data-root` does not move, nothing is touched.
 *
 * @throws UserError where Docker does not come back; its configuration is then as it was.
 */
export async function relocateDocker(folder: string, options: DockerRelocation): Promise<Relocation> {
  const { signal, commandEnv: env = {}, file = '/etc/docker/daemon.json' } = options;
  const refused = whyNotHosted(options) ?? (await whyNotMovable(signal, env));
  if (refused !== undefined) return { moved: false, because: `Docker's root stays where it is: ${refused}.` };
  const before = await readFile(file, 'utf8').catch(() => undefined);
  const configuration = parsed(before, file);
  await made(folder, '0711', options);
  await write(file, `${JSON.stringify({ ...configuration, 'data-root': folder }, null, 2)}\n`, signal, env);
  const failure = await restarted(folder, signal, env);
  if (failure === undefined) return { moved: true, because: `Docker keeps its images in ${folder}.` };
  await (before === undefined
    ? asRoot(['rm', '-f', file], { signal, env })
    : write(file, before, signal, env));
  await asRoot(['systemctl', 'restart', 'docker'], { signal, env });
  throw new UserError(`Docker did not start with its root in ${folder}: ${failure}`, {
    advice: "Its configuration is as it was. Leave 'data-root' out, or free space with 'reclaim-disk'.",
  });
}

async function whyNotMovable(
  signal: AbortSignal,
  env: Record<string, string | undefined>,
): Promise<string | undefined> {
  const info = await command('docker', ['info', '--format', '{{json .DriverStatus}}'], {
    signal,
    env,
    tolerate: true,
  });
  if (info.exitCode !== 0) return 'there is no Docker that answers';
  if (info.stdout.includes('io.containerd.snapshotter'))
    return "its images are in containerd's store, which 'data-root' does not move";
  const running = await command('docker', ['ps', '--quiet'], { signal, env, tolerate: true });
  if (running.stdout.trim()) return 'a container is running, which a restart would end';
  const sudo = await asRoot(['true'], { signal, env });
  return sudo.exitCode === 0 ? undefined : 'that needs root, and there is no sudo without a password';
}

function parsed(text: string | undefined, file: string): Record<string, unknown> {
  try {
    const configuration: unknown = JSON.parse(text?.trim() || '{}');
    if (typeof configuration === 'object' && configuration && !Array.isArray(configuration))
      return configuration as Record<string, unknown>;
    throw new Error('it is no object');
  } catch (error) {
    throw new UserError(`${file} is not valid JSON: ${(error as Error).message}`, {
      cause: error,
      advice: "Mend it, or leave 'data-root' out.",
    });
  }
}

async function made(folder: string, mode: string, { signal, commandEnv: env = {} }: Common): Promise<void> {
  if (!posix.isAbsolute(folder))
    throw new UserError(`data-root: '${folder}' is not an absolute path`, {
      advice: "Write it as '/mnt/images'.",
    });
  const { exitCode, stderr } = await asRoot(['install', '-d', '-m', mode, folder], { signal, env });
  if (exitCode !== 0)
    throw new UserError(`data-root: the folder '${folder}' cannot be made: ${stderr}`, {
      advice: 'Name a folder on a disk that can be written to; that needs root, or sudo without a password.',
    });
}

async function write(
  file: string,
  text: string,
  signal: AbortSignal,
  env: Record<string, string | undefined>,
): Promise<void> {
  await asRoot(['install', '-d', posix.dirname(file)], { signal, env });
  const { exitCode, stderr } = await asRoot(['tee', file], { signal, env, input: text });
  if (exitCode !== 0) throw new UserError(`${file} cannot be written: ${stderr}`);
}

/** Why Docker is not back with this root; undefined where it is. */
async function restarted(
  folder: string,
  signal: AbortSignal,
  env: Record<string, string | undefined>,
): Promise<string | undefined> {
  const { exitCode, stderr } = await asRoot(['systemctl', 'restart', 'docker'], { signal, env });
  if (exitCode !== 0) return stderr;
  const root = await waitFor(
    async (each) => {
      const { exitCode: code, stdout } = await command('docker', ['info', '--format', '{{.DockerRootDir}}'], {
        signal: each,
        env,
        tolerate: true,
      });
      return code === 0 ? stdout.trim() : undefined;
    },
    { what: 'the restart of Docker', deadlineMs: 60_000, signal },
  ).catch((error) => {
    signal.throwIfAborted();
    return error as Error;
  });
  if (root instanceof Error) return root.message;
  return root === folder ? undefined : `it says that its root is ${root}`;
}
