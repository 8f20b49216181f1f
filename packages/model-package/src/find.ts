import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { suggest, UserError } from '@mlops/core';

interface Where {
  package: string | undefined;
  artifact: string | undefined;
  workingDirectory: string;
  /** Folder to download to. */
  temp: string;
  signal: AbortSignal;
}

/** Hands the path of a package's archive to `use`; one that is an artifact is downloaded first, and removed afterwards. */
export async function withPackage<T>(where: Where, use: (archive: string) => Promise<T>): Promise<T> {
  if (where.package && where.artifact)
    throw new UserError(
      `both 'package' (${where.package}) and 'artifact' (${where.artifact}) are set, so it is not clear which to take`,
      { advice: 'Remove one of them.' },
    );
  if (where.package) return use(resolve(where.workingDirectory, where.package));
  if (!where.artifact)
    throw new UserError("there is no package: neither 'package' nor 'artifact' is set", {
      advice:
        "Name the artifact of an earlier job, 'artifact: ${{ needs.train.outputs.package-artifact }}', or an archive, 'package: model.tar'.",
    });
  const folder = await mkdtemp(join(where.temp, 'mlops-package-'));
  try {
    return await use(await download(where.artifact, folder, where.signal));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(artifact: string, folder: string, signal: AbortSignal): Promise<string> {
  const { artifactStore } = await import('@mlops/core/store');
  const store = artifactStore({ signal });
  if (!(await store.restore(artifact, folder, ['.']))) {
    const names = (await store.list()).map(({ name }) => name);
    throw new UserError(`this run has no artifact named '${artifact}'`, {
      advice: names.length
        ? `${suggest(artifact, names)} The package action's output 'artifact-name' has the right one.`
        : 'It has none at all: the job with the package action must run before this one.',
    });
  }
  const files = (await readdir(folder)).filter((name) => name.endsWith('.tar'));
  const [file] = files;
  if (!file || files.length > 1)
    throw new UserError(
      `the artifact '${artifact}' holds ${files.length} archives (.tar) instead of one, so it is not a package`,
      { advice: "Name the artifact that the package action uploaded: its output 'artifact-name'." },
    );
  return join(folder, file);
}
