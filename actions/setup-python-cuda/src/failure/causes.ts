import { buildAdvice, buildFailure } from './build-failure.ts';
import { busy, git, refused, unfound, unreachable } from './fetch-causes.ts';

/** Why an installation failed, where it can be told from what the tool said. */
export interface Cause {
  /** Instead of the tool's own words; undefined where those say it. */
  message?: string;
  advice: string;
  /** The package that it is about, where there is one. */
  package?: string;
  /** Whether requirements contradict each other, so that the message begins with them. */
  conflict?: boolean;
}

/** What of this job a cause may depend on. */
export interface Circumstances {
  platform: NodeJS.Platform;
  /** Free space where the environment is, in bytes. */
  freeBytes: number;
  /** Whether the job was given credentials for an address. */
  hasCredentials(url: string): boolean;
}

type Recognise = (said: string, job: Circumstances) => Cause | undefined;

const recognisers: Recognise[] = [
  diskFull,
  unreadable,
  git,
  refused,
  busy,
  hashMismatch,
  staleLock,
  unhashed,
  wrongPython,
  noWheel,
  build,
  unknownPackage,
  unreachable,
  conflict,
];

/** The first cause that what a tool said gives away. */
export function causeOf(said: string, job: Circumstances): Cause | undefined {
  for (const recognise of recognisers) {
    const cause = recognise(said, job);
    if (cause) return cause;
  }
  return undefined;
}

/** Whether a program ended because the disk was full, on any platform. */
export function saysDiskFull(said: string): boolean {
  return /No space left on device|not enough space on the disk|NoSpaceLeftError|Disk quota exceeded|os error (28|112)\b/i.test(
    said,
  );
}

function diskFull(said: string, { freeBytes }: Circumstances): Cause | undefined {
  if (!saysDiskFull(said)) return undefined;
  const file = /(?:to|at|file) `?((?:\/|[A-Z]:\\)[^`'"\s:]+)/.exec(said)?.[1];
  return {
    message: `the disk is full${file ? ` (writing ${file})` : ''}: ${(freeBytes / 2 ** 30).toFixed(1)} GiB are free`,
    advice:
      "Free space in an earlier step (on hosted runners: 'docker image prune --all --force', or folders such as /usr/local/lib/android and /usr/share/dotnet), install fewer packages, or use a runner with a larger disk.",
  };
}

/** A file of the project that uv cannot read. */
function unreadable(said: string): Cause | undefined {
  if (/stream did not contain valid UTF-8/.test(said))
    return {
      advice: 'It has letters in the encoding of one country. Save it as UTF-8, as every editor can.',
    };
  const missing = /failed to read from file `([^`]+)`: (?:No such file|The system cannot find)/.exec(
    said,
  )?.[1];
  if (!missing) return undefined;
  return {
    message: `${missing} is named here and is not there`,
    advice: 'Correct its path, which is relative to the file that names it, or commit it.',
  };
}

function hashMismatch(said: string): Cause | undefined {
  if (!/hash mismatch|do not match the hashes|incorrect download|ChecksumMismatch|SafetyError/i.test(said))
    return undefined;
  return {
    advice:
      "The index offers another file than the one that was locked: it was replaced, a mirror altered it, or the lock was edited. Find out which before you lock anew ('uv lock --upgrade-package', 'uv pip compile --generate-hashes', 'conda-lock', 'pixi update').",
  };
}

function staleLock(said: string): Cause | undefined {
  if (/lock-? ?file (is )?not (up-to-date|in sync)|lock file .*not up-to-date/i.test(said))
    return {
      advice:
        "The manifest has changed since: run 'pixi lock' and commit pixi.lock, or follow the lock all the same with 'pixi-frozen: true'.",
    };
  if (!/lockfile .* needs to be updated/i.test(said)) return undefined;
  return { advice: "pyproject.toml has changed since: run 'uv lock' and commit uv.lock." };
}

function unhashed(said: string): Cause | undefined {
  if (!/--require-hashes|have their versions pinned|must (all )?have .*hash/i.test(said)) return undefined;
  return {
    advice:
      "Lock all requirements with hashes: 'uv pip compile --generate-hashes requirements.in -o requirements.txt'.",
  };
}

function wrongPython(said: string): Cause | undefined {
  const required = /requires Python ?([<>=!~]\S*(?:,[<>=!~]\S*)*) and you require/.exec(said)?.[1];
  if (required)
    return {
      conflict: true,
      advice: `This environment has another Python. Set 'python-version' to one that fits (${required}), or use a version of the package that supports this one.`,
    };
  const current =
    /current Python version \(([\d.]+)\)|resolved to Python ([\d.]+)|Python version: ([\d.]+)|running interpreter \(([\d.]+)\)/.exec(
      said,
    );
  if (!current || !/does not satisfy|incompatible|Requires-Python|require/.test(said)) return undefined;
  const wanted =
    /(?:depends on|requirement: `?|satisfy )(?:Python)?([<>=!~][^\s`,]*(?:,[<>=!~][^\s`]*)*)/.exec(said)?.[1];
  return {
    conflict: true,
    advice: `This environment has Python ${current.slice(1).find(Boolean)}. Set 'python-version' to one that fits${wanted ? ` (${wanted})` : ''}, or use a version of the package that supports this one.`,
  };
}

function noWheel(said: string): Cause | undefined {
  const tag =
    /has no wheels with a matching (Python ABI|Python version|Python implementation|platform)? ?tag/i.exec(
      said,
    )?.[1] ??
    (/doesn't have a source distribution or wheel for the current platform|no (?:usable )?wheels?\b|only has wheels for|only found wheels for/i.test(
      said,
    )
      ? 'platform'
      : undefined);
  if (!tag) return undefined;
  const hint = /hint: ((?:You(?:'re| require)|Wheels are (?:available|required))[^\n]*)/.exec(said)?.[1];
  const python = /ABI|version|implementation/i.test(tag);
  return {
    conflict: true,
    advice: `${python ? 'This version has no wheel for this Python: choose another version of it, or set python-version to one it has wheels for.' : 'This version has no wheel for this platform, and no sources to build: choose another version, or another runner.'}${hint ? ` uv's hint: ${hint}` : ''}`,
  };
}

function build(said: string, { platform }: Circumstances): Cause | undefined {
  const failure = buildFailure(said);
  if (!failure) return undefined;
  return {
    message: `${failure.package} did not build: ${failure.line}`,
    package: failure.package,
    advice: buildAdvice(failure, platform),
  };
}

function unknownPackage(said: string): Cause | undefined {
  if (/not found in the package registry/i.test(said))
    return {
      ...unfound(said),
      advice:
        "Check the spelling; a private package needs its index in 'index-url', 'extra-index-urls' or pyproject.toml.",
    };
  if (
    /nothing provides requested|does not exist \(perhaps|No candidates were found for|PackagesNotFound\w*Error|ResolvePackageNotFound/i.test(
      said,
    )
  )
    return {
      advice:
        "Check the spelling and the version; the package may be in another channel, which 'channels:' or 'conda-channels' have to name.",
    };
  return undefined;
}

function conflict(said: string): Cause | undefined {
  const python =
    /No solution found|are incompatible|Could not solve|Cannot solve the request|unsatisfiable|ResolutionImpossible/i;
  if (/^UnsatisfiableError:/m.test(said))
    return {
      conflict: true,
      advice: "conda's classic solver does not name what conflicts; 'create-args: --solver=libmamba' does.",
    };
  return python.test(said)
    ? { conflict: true, advice: 'Loosen one of these requirements, or choose another version of Python.' }
    : undefined;
}
