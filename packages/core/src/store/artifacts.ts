import { randomUUID } from 'node:crypto';
import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { UploadArtifactOptions } from '@actions/artifact';
import { messageOf, UserError } from '../errors.ts';
import { isWithin } from '../hash/walk.ts';
import { retry } from '../retry.ts';
import { exists, moveOver, scan, totalSize } from './files.ts';
import { artifactName, decoded } from './key.ts';
import { checkedPaths, requirePaths, type Saved, type Store } from './store.ts';

export interface ArtifactStoreOptions {
  /** Days after which GitHub deletes what is saved, 1 to 90 (default: the repository's setting). */
  retentionDays?: number | undefined;
  /** zlib's level, 0 (none, best for models and images) to 9 (default 6). */
  compressionLevel?: number | undefined;
  signal?: AbortSignal | undefined;
  /** How long one transfer may take in milliseconds (default 30 minutes). */
  deadlineMs?: number | undefined;
}

export interface Artifact {
  name: string;
  id: number;
  /** Of the zip archive. */
  bytes: number;
  /** `sha256:<hex>` of the zip archive, where the service tells it. */
  digest?: string;
  created?: Date;
}

/**
 * Hands files from job to job of one run. Unlike a cache this must not fail quietly: every failure is an error.
 * A key is an artifact's name, which can be used once in a run. An artifact is a zip archive: permissions are not kept,
 * symbolic links arrive as what they lead to, empty folders not at all. `has` and `restore` go by the name alone;
 * `restore` takes those of the paths that are in the archive.
 */
export interface ArtifactStore extends Store {
  /** This run's artifacts whose names start with the prefix, by name; of several with one name the newest. */
  list(prefix?: string): Promise<Artifact[]>;
  save(key: string, root: string, paths: readonly string[]): Promise<Saved & { id?: number | undefined }>;
  /** Uploads one file as it is, without an archive, so that a browser can show it; its name is the artifact's. */
  saveFile(path: string): Promise<{ id?: number | undefined }>;
}

/** Whether this job can reach GitHub's artifact service: the runner says so in its environment. */
export function hasGitHubArtifacts(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env.ACTIONS_RUNTIME_TOKEN && env.ACTIONS_RESULTS_URL);
}

/** GitHub's artifact service, through @actions/artifact. */
export function artifactStore(options: ArtifactStoreOptions = {}): ArtifactStore {
  const { retentionDays, compressionLevel, signal, deadlineMs = 30 * 60_000 } = options;

  // @actions/artifact tries again by itself; this bounds the whole and lets a cancelled run go.
  async function ask<T>(what: string, limitMs: number, fn: (client: Client) => Promise<T>): Promise<T> {
    const { DefaultArtifactClient } = await import('@actions/artifact');
    return retry(() => fn(new DefaultArtifactClient()), { what, attempts: 1, deadlineMs: limitMs, signal });
  }

  async function list(prefix = ''): Promise<Artifact[]> {
    requireService();
    const { artifacts } = await ask('listing the artifacts', 2 * 60_000, (client) =>
      client.listArtifacts({ latest: true }),
    );
    return artifacts
      .map(({ name, id, size, digest, createdAt }) => ({
        name: decoded(name),
        id,
        bytes: size,
        ...(digest && { digest }),
        ...(createdAt && { created: createdAt }),
      }))
      .filter(({ name }) => name.startsWith(prefix))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  return {
    kind: 'github-artifacts',
    list,

    async has(name) {
      return (await list(name)).some((artifact) => artifact.name === name);
    },

    async newest(prefix) {
      return choose(await list(), prefix, [prefix])?.name;
    },

    async restore(name, root, paths, { prefixes = [] } = {}) {
      const checked = checkedPaths(root, paths);
      const artifact = choose(await list(), name, prefixes);
      if (!artifact) return undefined;
      const staging = join(root, `.mlops-restore-${randomUUID()}`);
      try {
        await mkdir(staging, { recursive: true });
        const { digestMismatch } = await ask(
          `downloading the artifact '${artifact.name}'`,
          deadlineMs,
          (client) =>
            client.downloadArtifact(artifact.id, {
              path: staging,
              ...(artifact.digest && { expectedHash: artifact.digest }),
            }),
        );
        if (digestMismatch) {
          throw new Error(
            `the artifact '${artifact.name}' does not have the digest ${artifact.digest} it was uploaded with`,
          );
        }
        const present: string[] = [];
        for (const path of checked) if (await exists(join(staging, path))) present.push(path);
        const entries = await scan(staging, present);
        await moveOver(entries, staging, root);
        return { key: artifact.name, exact: artifact.name === name, bytes: totalSize(entries) };
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    },

    async save(name, root, paths) {
      requireService();
      const checked = checkedPaths(root, paths);
      requirePaths(root, checked);
      const { files, bytes } = await filesBelow(resolve(root), checked);
      if (files.length === 0) {
        throw new UserError(
          `the artifact '${name}' would be empty: there is no file in ${checked.join(', ')}`,
        );
      }
      const settings: UploadArtifactOptions = {
        ...(retentionDays !== undefined && { retentionDays }),
        ...(compressionLevel !== undefined && { compressionLevel }),
      };
      try {
        const { id } = await ask(`uploading the artifact '${name}'`, deadlineMs, (client) =>
          client.uploadArtifact(artifactName(name), files, resolve(root), settings),
        );
        return { saved: true, bytes, id };
      } catch (error) {
        if (/\(409\)|already exists/.test(messageOf(error))) throw nameTaken(name, error);
        throw error;
      }
    },

    async saveFile(path) {
      requireService();
      const { id } = await ask(`uploading '${path}'`, deadlineMs, (client) =>
        client.uploadArtifact(basename(path), [path], dirname(path), {
          skipArchive: true,
          ...(retentionDays !== undefined && { retentionDays }),
        }),
      );
      return { id };
    },
  };
}

type Client = InstanceType<typeof import('@actions/artifact').DefaultArtifactClient>;

function choose(
  artifacts: readonly Artifact[],
  name: string,
  prefixes: readonly string[],
): Artifact | undefined {
  const exact = artifacts.find((artifact) => artifact.name === name);
  if (exact) return exact;
  const newestFirst = artifacts.toSorted((a, b) => b.id - a.id);
  for (const prefix of prefixes) {
    const found = newestFirst.find((artifact) => artifact.name.startsWith(prefix));
    if (found) return found;
  }
  return undefined;
}

/** The files at and below the paths, links followed, as absolute paths. */
async function filesBelow(
  root: string,
  paths: readonly string[],
): Promise<{ files: string[]; bytes: number }> {
  const files = new Set<string>();
  let bytes = 0;
  const visit = async (path: string, above: readonly string[]): Promise<void> => {
    const found = await stat(path);
    if (found.isFile() && !files.has(path)) {
      files.add(path);
      bytes += found.size;
    } else if (found.isDirectory()) {
      const real = await realpath(path);
      if (above.some((folder) => isWithin(folder, real))) {
        throw new UserError(`the symbolic link '${path}' leads to a folder that contains it`, {
          advice: 'Remove the link: an archive would never end.',
        });
      }
      for (const child of await readdir(path)) await visit(join(path, child), [...above, real]);
    }
  };
  for (const path of paths) await visit(join(root, path), []);
  return { files: [...files], bytes };
}

function requireService(): void {
  if (hasGitHubArtifacts(process.env)) return;
  throw new UserError(
    'this job has no artifact service: ACTIONS_RUNTIME_TOKEN or ACTIONS_RESULTS_URL is not set',
    {
      advice: 'Artifacts are handed over between the jobs of a workflow run; run this inside of one.',
    },
  );
}

function nameTaken(name: string, cause: unknown): UserError {
  return new UserError(
    `an artifact named '${name}' was already uploaded in this run, and artifacts cannot be replaced`,
    {
      cause,
      advice: 'Give each job its own name, for instance with the values of its matrix in it.',
    },
  );
}
