import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { compactDescription, type Description } from './compact.ts';

/**
 * GitHub's own OpenAPI description, as published in this npm package. It is not a dependency because the package
 * unpacks to 385 MB; the one file that is needed (13 MB) is taken out of the verified tarball.
 */
const SOURCE = {
  name: '@octokit/openapi',
  version: '23.0.2',
  sha512: 'pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==',
  member: 'package/generated/api.github.com.json',
};

/** Raised whenever compactDescription() changes its output, so that a cached file of the old form is not read. */
const COMPACT_FORM = 2;
export const DOWNLOAD_TIMEOUT_MS = 300_000;

const exec = promisify(execFile);

let loaded: Promise<Description> | undefined;

/**
 * Loads the description from the cache; the first time on a machine, downloads it (28 MB). Tests call it in
 * `beforeAll` with DOWNLOAD_TIMEOUT_MS, so that a slow network does not fail the first of them.
 */
export function loadDescription(): Promise<Description> {
  loaded ??= load(cacheFolder());
  return loaded;
}

async function load(folder: string): Promise<Description> {
  const cached = join(folder, `compact-${COMPACT_FORM}.json`);
  if (!existsSync(cached)) await prepare(folder, cached);
  return JSON.parse(await readFile(cached, 'utf8')) as Description;
}

function cacheFolder(): string {
  const tools = process.env.MLOPS_TOOLS_DIR || join(homedir(), '.cache', 'mlops', 'tools');
  return join(tools, 'github-openapi', SOURCE.version);
}

/** Works in a folder of its own and renames last: test processes that start together do not see half a file. */
async function prepare(folder: string, target: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, 'work-'));
  try {
    const tarball = await obtainTarball(folder, work);
    await verify(tarball);
    // Relative names: GNU tar on Windows takes `C:` in a name for a remote host.
    await writeFile(join(work, 'package.tgz'), await readFile(tarball));
    await exec('tar', ['-xzf', 'package.tgz', SOURCE.member], { cwd: work });
    const full = JSON.parse(await readFile(join(work, SOURCE.member), 'utf8'));
    await writeFile(join(work, 'compact.json'), JSON.stringify(compactDescription(full)));
    await rename(join(work, 'compact.json'), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A tarball that somebody put into the folder (a machine without network) is used in place of a download. */
async function obtainTarball(folder: string, work: string): Promise<string> {
  const provided = join(folder, tarballName());
  if (existsSync(provided)) return provided;
  const [command, ...args] = npmCommand();
  const spec = `${SOURCE.name}@${SOURCE.version}`;
  try {
    await exec(command, [...args, 'pack', spec, '--pack-destination', '.', '--loglevel', 'error'], {
      cwd: work,
      timeout: DOWNLOAD_TIMEOUT_MS,
    });
  } catch (error) {
    const reason = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    throw new Error(
      `The fake GitHub API needs GitHub's OpenAPI description, and \`npm pack ${spec}\` failed:\n${reason}\n` +
        `${offlineAdvice(folder)}`,
      { cause: error },
    );
  }
  return join(work, tarballName());
}

async function verify(tarball: string): Promise<void> {
  const actual = createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64');
  if (actual === SOURCE.sha512) return;
  throw new Error(
    `${tarball} is not the published ${SOURCE.name}@${SOURCE.version}: its sha512 is ${actual}, ` +
      `expected ${SOURCE.sha512}. Delete it and try again; if it happens again, the registry or proxy alters packages.`,
  );
}

/**
 * npm's own entry file run by this Node where it can be found, because on Windows `npm` is a batch file, which
 * Node starts only through a shell.
 */
function npmCommand(): [string, ...string[]] {
  const folders = [dirname(process.execPath), ...(process.env.PATH ?? '').split(delimiter)];
  for (const folder of folders) {
    if (process.platform !== 'win32' && existsSync(join(folder, 'npm'))) return [join(folder, 'npm')];
    const entry = join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js');
    if (process.platform === 'win32' && existsSync(entry)) return [process.execPath, entry];
  }
  throw new Error(
    `The fake GitHub API needs GitHub's OpenAPI description, and there is no npm on PATH to fetch it with. ` +
      `Install Node.js with npm. ${offlineAdvice(cacheFolder())}`,
  );
}

function tarballName(): string {
  return `${SOURCE.name.replace('@', '').replace('/', '-')}-${SOURCE.version}.tgz`;
}

function offlineAdvice(folder: string): string {
  return (
    `Connect this machine to a package registry (npm's own settings apply) and run the test again, or make the file ` +
    `on another machine with \`npm pack ${SOURCE.name}@${SOURCE.version}\` and put it here: ${join(folder, tarballName())}`
  );
}
