import { randomBytes } from 'node:crypto';
import { access, constants, link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const dayMs = 24 * 60 * 60 * 1000;

/** Where tools are kept; see ToolOptions. */
export function toolsFolder(env: NodeJS.ProcessEnv): string {
  if (env.MLOPS_TOOLS_DIR) return env.MLOPS_TOOLS_DIR;
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'mlops', 'tools');
  if (process.platform === 'win32' && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, 'mlops', 'tools');
  return join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache', 'mlops', 'tools');
}

/**
 * The folder that holds the installation `key`, made by `install` when there is none that has every one of `files`.
 *
 * A virtual environment cannot be moved (its scripts name it), so each installation gets a folder of its own from the
 * start and becomes the one that counts by an atomic link of a file that names it. Two processes may install at
 * once; the first to finish wins and both use its folder. Nothing waits, and a process that dies leaves no lock.
 */
export async function installed(
  root: string,
  key: string,
  files: readonly string[],
  install: (folder: string) => Promise<void>,
): Promise<string> {
  const pointer = join(root, `${key}.current`);
  const present = await current(root, pointer, files);
  if (present) return present;

  const name = `${key}-${randomBytes(6).toString('hex')}`;
  const folder = join(root, name);
  const draft = join(root, `${name}.draft`);
  await mkdir(folder, { recursive: true });
  try {
    await install(folder);
    await writeFile(draft, name);
    const named = await readFile(pointer, 'utf8').catch(() => undefined);
    // Of a folder that is gone. Where there was no pointer, another process may be linking its own right now.
    if (named !== undefined && !(await isComplete(join(root, named), files)))
      await rm(pointer, { force: true });
    await link(draft, pointer);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  await removeAbandoned(root, key, pointer);
  const chosen = await current(root, pointer, files);
  if (!chosen) throw new Error(`The installation in ${folder} lacks ${files.join(', ')}.`);
  return chosen;
}

async function current(root: string, pointer: string, files: readonly string[]): Promise<string | undefined> {
  const name = await readFile(pointer, 'utf8').catch(() => undefined);
  const folder = name === undefined ? undefined : join(root, name);
  return folder && (await isComplete(folder, files)) ? folder : undefined;
}

async function isComplete(folder: string, files: readonly string[]): Promise<boolean> {
  return Promise.all(files.map((file) => access(join(folder, file), constants.X_OK))).then(
    () => true,
    () => false,
  );
}

/** What processes that died while installing left behind; younger ones may still be at work. */
async function removeAbandoned(root: string, key: string, pointer: string): Promise<void> {
  const used = await readFile(pointer, 'utf8').catch(() => '');
  for (const name of await readdir(root)) {
    if (!name.startsWith(`${key}-`) || name === used) continue;
    const { mtimeMs } = await stat(join(root, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > dayMs) await rm(join(root, name), { recursive: true, force: true });
  }
}
