import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { debug, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';

/** A tool's file on a release page of GitHub or of a mirror, pinned by its SHA-256. */
export interface ReleasedTool {
  /** Also the program's name. */
  name: string;
  version: string;
  /** Of its repository, or of the mirror that stands in for it. */
  address: string;
  tag: string;
  /** An archive (`.tar.gz`, `.zip`), or the program itself. */
  file: string;
  /** Folders around the contents of a `.tar.gz`, to be left out. */
  stripped: 0 | 1;
  sha256: string;
  /** What to do where the file cannot be fetched. */
  advice: string;
}

/** Where a runner keeps tools between jobs: `<tool cache>/<name>/<version>/<architecture>`. */
export function toolFolder(name: string, version: string): string {
  const root = process.env.RUNNER_TOOL_CACHE || join(homedir(), '.cache', 'mlops', 'tools');
  return join(root, name, version, process.arch);
}

/** The file name of a program on this platform. */
export function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

/** The absolute path of a program on PATH; undefined where it is not there. */
export function findOnPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, executable(name))).find((path) => existsSync(path));
}

/** The version that a program says it has; undefined where it does not run or says something else. */
export async function versionOf(
  path: string,
  pattern: RegExp,
  signal: AbortSignal,
): Promise<string | undefined> {
  const said = await command(path, ['--version'], { signal, tolerate: true }).catch(() => undefined);
  signal.throwIfAborted();
  return pattern.exec(said?.stdout ?? '')?.[1];
}

/**
 * Moves a finished tool to its folder. Where another job on this machine has been quicker, its tool stays, since it may
 * be in use; what does not run is replaced.
 */
export async function putInPlace(made: string, folder: string, runs: () => Promise<unknown>): Promise<void> {
  try {
    await rename(made, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    if (await runs()) return;
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
  }
}

/** Downloads a release into the tool's folder, whole or not at all, after its SHA-256 was checked; `runs` tells whether one is there. */
export async function downloadRelease(tool: ReleasedTool, runs: () => Promise<unknown>): Promise<void> {
  const { name, version, file } = tool;
  const folder = toolFolder(name, version);
  const url = `${tool.address.replace(/\/$/, '')}/releases/download/${tool.tag}/${file}`;
  const { downloadTool, extractTar, extractZip } = await import('@actions/tool-cache');
  await mkdir(dirname(folder), { recursive: true });
  const temporary = await mkdtemp(`${folder}-`);
  try {
    debug(`download ${url}`);
    const archive = await downloadTool(url, join(temporary, file)).catch((error) => {
      const why = error instanceof Error ? error.message : error;
      throw new UserError(`${name} could not be downloaded from ${url}: ${why}`, {
        cause: error,
        advice: tool.advice,
      });
    });
    const actual = hash('sha256', await readFile(archive));
    if (actual !== tool.sha256)
      throw new UserError(
        `${url} is not the file that was published: its SHA-256 is ${actual}, pinned is ${tool.sha256}`,
        { advice: 'Check the proxy or mirror that the download went through.' },
      );
    const unpacked = join(temporary, 'unpacked');
    if (file.endsWith('.zip')) await extractZip(archive, unpacked);
    else if (file.endsWith('.tar.gz'))
      await extractTar(archive, unpacked, ['xz', `--strip-components=${tool.stripped}`]);
    else {
      await mkdir(unpacked);
      await rename(archive, join(unpacked, executable(name)));
      await chmod(join(unpacked, executable(name)), 0o755);
    }
    await putInPlace(unpacked, folder, runs);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
