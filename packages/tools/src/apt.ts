import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '@mlops/core/process';

/**
 * Fetches packages and all they depend on from the machine's own mirrors, signatures checked by apt, into `folder`.
 * Nothing is installed and nothing that this machine has is taken for given.
 *
 * @returns the paths of the package files
 * @throws CommandError with apt's last words
 */
export async function fetchPackages(
  packages: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const archives = join(folder, 'archives');
  for (const name of ['lists/partial', 'archives/partial'])
    await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, 'status'), '');
  const settings = {
    'Dir::State': folder,
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
    'APT::Sandbox::User': 'root', // Whoever runs this; apt's own user may not write here.
    'APT::Install-Recommends': 'false',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await command('apt-get', [...options, '-qq', 'update'], { env });
  await command('apt-get', [...options, '-qq', '--yes', '--download-only', 'install', ...packages], { env });
  const files = (await readdir(archives)).filter((file) => file.endsWith('.deb')).sort();
  return files.map((file) => join(archives, file));
}
