import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactStore, hasGitHubArtifacts } from '../store/index.ts';

/** A matrix may have 256 legs; the service is not asked for all of them at once. */
const atOnce = 8;

/** What another job handed on. */
export interface HandedOn {
  artifact: string;
  /** The content of a file; undefined when it is not there. */
  file(path: string): Promise<Buffer | undefined>;
}

/** What `read` makes of each artifact that other jobs of this run uploaded under a name with a prefix. */
export async function fromOtherJobs<T>(
  { prefix, paths, temp, signal }: { prefix: string; paths: string[]; temp: string; signal: AbortSignal },
  read: (handedOn: HandedOn) => Promise<T>,
): Promise<T[]> {
  if (!hasGitHubArtifacts(process.env)) return [];
  const store = artifactStore({ signal });
  const rest = (await store.list(prefix)).map(({ name }) => name).values();
  const found: T[] = [];
  const worker = async () => {
    for (const artifact of rest) {
      const folder = await mkdtemp(join(temp, 'mlops-handed-on-'));
      try {
        await store.restore(artifact, folder, paths);
        const file = (path: string) => readFile(join(folder, path)).catch(() => undefined);
        found.push(await read({ artifact, file }));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return found;
}
