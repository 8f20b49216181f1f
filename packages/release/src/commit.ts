import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git } from './git.ts';
import type { ReleaseTree } from './tree.ts';

/** Stores a release tree in the repository's objects and gives its id. Neither index nor working tree is touched. */
export async function writeTree(root: string, { folder, files }: ReleaseTree): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'mlops-release-'));
  try {
    const env = { GIT_INDEX_FILE: join(scratch, 'index') };
    // No filters: the bytes of the tree are those of the folder, whatever line endings git is configured for.
    const paths = files.map((path) => `${join(folder, path)}\n`).join('');
    const blobs = await git(root, ['hash-object', '-w', '--no-filters', '--stdin-paths'], { input: paths });
    const entries = blobs.split('\n').map((blob, index) => `100644 ${blob}\t${files[index]}\n`);
    await git(root, ['update-index', '--add', '--index-info'], { env, input: entries.join('') });
    return await git(root, ['write-tree'], { env });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A commit of the tree on top of HEAD. Author and dates are HEAD's: the same sources give the same commit. */
export async function commitRelease(
  root: string,
  treeId: string,
  { version, actions }: ReleaseTree,
): Promise<string> {
  const fields = '%an%n%ae%n%aI%n%cn%n%ce%n%cI';
  const shown = await git(root, ['show', '--no-patch', `--format=${fields}`, 'HEAD']);
  const [name, email, date, committer, committerEmail, committerDate] = shown.split('\n');
  const message = `Release v${version}\n\n${actions.map((action) => `${action.name} ${action.version}`).join('\n')}\n`;
  return await git(root, ['-c', 'i18n.commitEncoding=utf-8', 'commit-tree', treeId, '-p', 'HEAD'], {
    input: message,
    env: {
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: committer,
      GIT_COMMITTER_EMAIL: committerEmail,
      GIT_COMMITTER_DATE: committerDate,
    },
  });
}
