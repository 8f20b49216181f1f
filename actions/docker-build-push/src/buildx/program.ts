import { access, constants, readFile, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { annotate, group, messageOf, UserError } from '@mlops/core';

/** How buildx is called: as a program of its own where it is found, since `docker buildx` would start it anyway. */
export interface Buildx {
  program: string;
  /** Before every command's own arguments. */
  prefix: readonly string[];
}

const windows = process.platform === 'win32';

/**
 * The buildx of this machine: Docker's plugin, a `buildx` on PATH, or the one that is downloaded when `version` is set.
 *
 * @throws UserError where there is none
 */
export async function findBuildx(env: NodeJS.ProcessEnv, version?: string): Promise<Buildx> {
  if (version) return { program: await download(version), prefix: [] };
  const plugin = await firstExecutable(await pluginFolders(env), 'docker-buildx');
  if (plugin) return { program: plugin, prefix: [] };
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const name of ['buildx', 'docker-buildx']) {
    const program = await firstExecutable(folders, name);
    if (program) return { program, prefix: [] };
  }
  // Some installations keep their plugins where only docker itself knows.
  const docker = await firstExecutable(folders, 'docker');
  if (docker) return { program: docker, prefix: ['buildx'] };
  throw new UserError('there is no buildx: neither as a plugin of Docker nor as a program on PATH', {
    advice: "Install Docker on the runner, or have buildx downloaded: 'buildx-version: latest'.",
  });
}

/** Where Docker's command line looks for plugins (cli-plugins/manager in docker/cli). */
async function pluginFolders(env: NodeJS.ProcessEnv): Promise<string[]> {
  const config = env.DOCKER_CONFIG ?? join(env.HOME ?? homedir(), '.docker');
  const extra = await readFile(join(config, 'config.json'), 'utf8')
    .then((content) => (JSON.parse(content) as { cliPluginsExtraDirs?: unknown }).cliPluginsExtraDirs)
    .catch(() => undefined);
  const system = windows
    ? [env.ProgramData, env.ProgramFiles].flatMap((root) =>
        root ? [join(root, 'Docker', 'cli-plugins')] : [],
      )
    : ['/usr/local/lib', '/usr/local/libexec', '/usr/lib', '/usr/libexec'].map((folder) =>
        join(folder, 'docker', 'cli-plugins'),
      );
  return [
    join(config, 'cli-plugins'),
    ...(Array.isArray(extra) ? extra.filter((folder) => typeof folder === 'string') : []),
    ...system,
    ...(process.platform === 'darwin' ? ['/Applications/Docker.app/Contents/Resources/cli-plugins'] : []),
  ];
}

async function firstExecutable(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, windows ? `${name}.exe` : name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    // By its own name: a link may be one to a program that acts by the name it is called by.
    if (isThere) return name === 'docker' ? path : realpath(path);
  }
  return undefined;
}

async function download(version: string): Promise<string> {
  return group(`Download buildx ${version}`, async () => {
    try {
      const { Install } = await import('@docker/actions-toolkit/lib/buildx/install.js');
      const folder = await new Install().download({ version });
      return join(folder, windows ? 'docker-buildx.exe' : 'docker-buildx');
    } catch (error) {
      annotate('notice', `buildx ${version} was asked for by the input 'buildx-version'.`);
      throw new UserError(`buildx ${version} could not be downloaded: ${messageOf(error)}`, {
        cause: error,
        advice:
          'Name a release of docker/buildx, such as v0.38.2, or leave the input out to use what is installed.',
      });
    }
  });
}
