import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '@mlops/core';
import type { TrustedRoot } from '@sigstore/protobuf-specs';

/** Where a Sigstore instance publishes its keys, by TUF (theupdateframework.github.io/specification). */
export interface TufRepository {
  url: string;
  /** The root that everything else follows from; that of the public instance comes with its library. */
  root?: () => Promise<object>;
}

export const publicRepository: TufRepository = { url: 'https://tuf-repo-cdn.sigstore.dev' };

/** GitHub's own instance, which certifies workflows of private repositories; its root is that of GitHub's client. */
export const githubRepository: TufRepository = {
  url: 'https://tuf-repo.github.com',
  root: async () => (await import('./github-tuf-root.json', { with: { type: 'json' } })).default,
};

/**
 * The current keys of every instance that answers.
 *
 * @throws UserError where none does
 */
export async function fetchRoots(repositories: readonly TufRepository[]): Promise<TrustedRoot[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mlops-tuf-'));
  try {
    const answers = await Promise.allSettled(
      repositories.map((repository, i) => fetchRoot(repository, join(folder, String(i)))),
    );
    const roots = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (roots.length > 0) return roots;
    const [reason] = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    const hosts = repositories.map(({ url }) => new URL(url).host);
    throw new UserError(`Sigstore's keys cannot be fetched: ${messageOf(reason)}`, {
      cause: reason,
      advice: `Check that ${hosts.join(' and ')} can be reached, or give the trusted roots in a file: gh attestation trusted-root.`,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fetchRoot({ url, root }: TufRepository, cachePath: string): Promise<TrustedRoot> {
  const { getTrustedRoot } = await import('@sigstore/tuf');
  const rootPath = `${cachePath}.root.json`;
  if (root) await writeFile(rootPath, JSON.stringify(await root()));
  return getTrustedRoot({
    ...{ mirrorURL: url, cachePath, retry: 3, timeout: 20_000 },
    ...(root && { rootPath }),
  });
}

/** @throws UserError for what holds none */
export async function readRoots(text: string): Promise<TrustedRoot[]> {
  const { TrustedRoot } = await import('@sigstore/protobuf-specs');
  const refused = (problem: string, cause?: unknown) =>
    new UserError(`the trusted roots cannot be read: ${problem}`, {
      cause,
      advice: 'Give what `gh attestation trusted-root` prints.',
    });
  try {
    const roots = documentsIn(text).map((one) => TrustedRoot.fromJSON(one));
    if (!roots.some(({ certificateAuthorities }) => certificateAuthorities.length))
      throw refused('there is no certificate authority in them');
    return roots;
  } catch (cause) {
    throw cause instanceof UserError ? cause : refused(messageOf(cause), cause);
  }
}

/** One document, or one in each line. */
function documentsIn(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return text
      .split('\n')
      .filter((line) => line.trim())
      .map((line) => JSON.parse(line));
  }
}
