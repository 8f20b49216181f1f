import { createHash } from 'node:crypto';

/** A file of a tree by its `sha256:<hex>`, or a symbolic link by that of its text. */
export interface TreeEntry {
  kind: 'file' | 'link';
  /** Relative to the tree, with `/`. */
  path: string;
  digest: string;
}

/** The digest that core gives a tree of these entries, where their own are known already; see its Hasher. */
export function treeDigest(entries: readonly TreeEntry[]): string {
  const hash = createHash('sha256');
  const named = entries.map((one) => ({ ...one, name: Buffer.from(one.path.normalize('NFC')) }));
  for (const { kind, digest, name } of named.sort((a, b) => Buffer.compare(a.name, b.name)))
    hash
      .update(`${kind} ${digest.replace('sha256:', '')} `)
      .update(name)
      .update('\0');
  return `sha256:${hash.digest('hex')}`;
}
