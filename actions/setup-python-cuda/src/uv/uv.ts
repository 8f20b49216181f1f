import { statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { addPath, retry, UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import type { ToolCache } from '../cache/tool-cache.ts';
import { type RunTool, runTool, type ToolResult } from '../run-tool.ts';
import {
  downloadRelease,
  executable,
  findOnPath,
  putInPlace,
  toolFolder,
  versionOf,
} from '../tool-release.ts';
import { compareVersions } from '../versions.ts';
import { targetTriple, type UvRelease, uvRelease, uvRequirement, uvRequirementsFile } from './uv-release.ts';
import { meets, type WantedUv } from './wanted-uv.ts';

/** The first uv that knows pylock.toml, dependency groups in `uv pip`, and interpreters as JSON. */
const oldestUv = '0.8';

/** The uv that this action works with. */
export class Uv {
  readonly path: string;
  readonly version: string;

  constructor(path: string, version: string) {
    this.path = path;
    this.version = version;
  }

  /** Runs uv, without its progress bars. */
  async run(args: readonly string[], { env, ...options }: RunTool): Promise<ToolResult> {
    return runTool(this.path, args, { ...options, env: { UV_NO_PROGRESS: '1', ...env } });
  }
}

/**
 * Finds uv on PATH, or among this runner's tools, or installs it: with pip where there is one, else from its release.
 * Where a version is wanted that neither has, pip installs that one.
 */
export async function findOrInstallUv(
  cwd: string,
  signal: AbortSignal,
  tools: ToolCache,
  wanted?: WantedUv,
): Promise<Uv> {
  const found = findOnPath('uv');
  const onPath = found && (await uvAt(found, signal));
  if (onPath && (!wanted || meets(onPath.version, wanted.specifier))) return onPath;
  const uv =
    !wanted || meets(uvRequirement.version, wanted.specifier)
      ? await pinnedUv(cwd, signal, tools)
      : await otherUv(wanted, cwd, signal, tools);
  addPath(dirname(uv.path));
  return uv;
}

async function pinnedUv(cwd: string, signal: AbortSignal, tools: ToolCache): Promise<Uv> {
  const folder = toolFolder('uv', uvRequirement.version);
  const install = () => installWithPip(folder, pinnedRequirement, cwd, signal);
  return (
    (await uvIn(folder, signal)) ??
    ((await tools.restore(`uv-${uvRequirement.version}`, folder)) ? await uvIn(folder, signal) : undefined) ??
    ((await install()) ? await uvIn(folder, signal) : undefined) ??
    (await installRelease(uvRelease, signal))
  );
}

/** A version that is not the pinned one comes with pip as the index has it. */
async function otherUv(wanted: WantedUv, cwd: string, signal: AbortSignal, tools: ToolCache): Promise<Uv> {
  const name = wanted.specifier.replace(/^==/, '').replace(/[^\w.]+/g, '_');
  const folder = toolFolder('uv', name);
  const there = await uvIn(folder, signal);
  if (there) return there;
  const restored = await tools.restore(`uv-${name}`, folder);
  const requirement = { file: `uv${wanted.specifier}\n`, flags: [] };
  if (!restored) await installWithPip(folder, requirement, cwd, signal);
  const uv = await uvIn(folder, signal);
  if (uv) return uv;
  throw new UserError(
    `uv ${wanted.specifier} (from ${wanted.from}) is not here and pip could not install it`,
    {
      ...(wanted.file ? { file: wanted.file, line: 1 } : {}),
      advice: `Ask for a version that there is, such as ${uvRequirement.version}, or install uv in an earlier step. What pip said is in the log of this step.`,
    },
  );
}

async function uvAt(path: string, signal: AbortSignal): Promise<Uv | undefined> {
  const version = await versionOf(path, /^uv (\d+\.\d+\.\d+)/, signal);
  if (!version) return undefined;
  if (compareVersions(version, oldestUv) < 0) {
    process.stdout.write(`uv ${version} on PATH is older than ${oldestUv} and is not used.\n`);
    return undefined;
  }
  return new Uv(path, version);
}

/** pip's `--target` puts programs into `bin`, on Windows into `bin` or `Scripts`. */
async function uvIn(folder: string, signal: AbortSignal): Promise<Uv | undefined> {
  const path = [folder, join(folder, 'bin'), join(folder, 'Scripts')]
    .map((place) => join(place, executable('uv')))
    // In pip's target there is also a folder of this name: uv's Python module.
    .find((each) => statSync(each, { throwIfNoEntry: false })?.isFile());
  return path ? uvAt(path, signal) : undefined;
}

/** The pinned uv, of which every file is checked against its hash. */
const pinnedRequirement = { file: uvRequirementsFile(), flags: ['--require-hashes'] };

/** Whether pip could install uv. A wrong hash or a failing download is an error; no pip at all is not. */
async function installWithPip(
  folder: string,
  requirement: { file: string; flags: readonly string[] },
  cwd: string,
  signal: AbortSignal,
): Promise<boolean> {
  const python = await pythonWithPip(signal);
  if (!python) return false;
  await mkdir(dirname(folder), { recursive: true });
  const temporary = await mkdtemp(`${folder}-`);
  try {
    const requirements = join(temporary, 'requirements.txt');
    await writeFile(requirements, requirement.file);
    const target = join(temporary, 'uv');
    const args = [
      '-m',
      'pip',
      'install',
      ...requirement.flags,
      '--only-binary',
      ':all:',
      '--no-deps',
      '--target',
      target,
    ];
    await retry((each) => command(python, [...args, '--quiet', '-r', requirements], { cwd, signal: each }), {
      what: 'the installation of uv',
      signal,
      attempts: 3,
      deadlineMs: 300_000,
      retryable: (error) =>
        error instanceof CommandError &&
        !/do not match the hashes|No matching distribution/i.test(saidBy(error)),
    });
    await putInPlace(target, folder, () => uvIn(folder, signal));
    return true;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (/do not match the hashes/i.test(saidBy(error)))
      throw new UserError(
        `the index offers a uv ${uvRequirement.version} that is not the one that was published`,
        {
          advice:
            'Its hash differs from the pinned one. Check the index or mirror that pip is configured to use.',
          cause: error,
        },
      );
    // Distributions without uv's platform, or an index without uv: the release may still serve.
    process.stdout.write(`pip could not install uv: ${error.message}\n`);
    return false;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** pip lists all hashes below its headline, which the message's last words therefore lack. */
function saidBy(error: CommandError): string {
  return error.result.stderrTail.join('\n');
}

async function pythonWithPip(signal: AbortSignal): Promise<string | undefined> {
  for (const name of process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python']) {
    const found = await command(name, ['-m', 'pip', '--version'], { signal, tolerate: true }).catch(
      () => undefined,
    );
    if (found?.exitCode === 0) return name;
  }
  return undefined;
}

/**
 * Installs uv from its release page, checked against its pinned SHA-256. UV_INSTALLER_GITHUB_BASE_URL names a mirror
 * of GitHub, as it does for uv's own installer.
 */
export async function installRelease(release: UvRelease, signal: AbortSignal): Promise<Uv> {
  const folder = toolFolder('uv', release.version);
  const there = await uvIn(folder, signal);
  if (there) return there;
  const triple = targetTriple(process.platform, process.arch, isMusl());
  const sha256 = triple && release.sha256[triple];
  if (!sha256)
    throw new UserError(`there is no uv for this runner (${process.platform} ${process.arch})`, {
      advice: 'Install uv in an earlier step; one on PATH is used as it is.',
    });
  const github = (process.env.UV_INSTALLER_GITHUB_BASE_URL || 'https://github.com').replace(/\/$/, '');
  await downloadRelease(
    {
      name: 'uv',
      version: release.version,
      address: `${github}/astral-sh/uv`,
      tag: release.version,
      file: `uv-${triple}.${process.platform === 'win32' ? 'zip' : 'tar.gz'}`,
      stripped: 1,
      sha256,
      advice:
        'Install uv or Python with pip in an earlier step, set HTTPS_PROXY, or UV_INSTALLER_GITHUB_BASE_URL to a mirror of GitHub.',
    },
    () => uvIn(folder, signal),
  );
  const uv = await uvIn(folder, signal);
  if (!uv) throw new UserError(`uv ${release.version} from ${github} does not run on this machine`);
  return uv;
}

/** Whether Node runs on musl, as on Alpine: then there is no glibc to report. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined;
}
