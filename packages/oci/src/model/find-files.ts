import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { throwAll, UserError } from '@mlops/core';
import { type Kind, kindOf } from './kinds.ts';
import type { Kitfile, Section } from './kitfile.ts';
import { checkPaths } from './paths.ts';

export interface FoundFile {
  /** Relative to the folder, with `/`. */
  path: string;
  kind: Kind;
  /** Whether the kind is a guess from the size. */
  guessed: boolean;
  bytes: number;
}

/**
 * The files of a model, by the bytes of their paths. With a Kitfile those it names and itself, otherwise all; what is
 * hidden or compiled by Python (`.git`, `.cache`, `__pycache__`) does not belong to a model.
 *
 * @throws UserError when there are none, or some are pointers of Git LFS
 */
export async function findFiles(folder: string, kitfile: Kitfile | undefined): Promise<FoundFile[]> {
  const paths = await list(folder, '');
  const sizes = new Map(
    await Promise.all(paths.map(async (path) => [path, (await stat(join(folder, path))).size] as const)),
  );
  const found = paths.flatMap((path): FoundFile[] => {
    const bytes = sizes.get(path) ?? 0;
    const named = { path, bytes, ...kindOf(path, bytes) };
    if (!kitfile) return [named];
    if (path === kitfile.file) return [{ ...named, kind: 'weight.config', guessed: false }];
    const section = sectionOf(path, kitfile.sections);
    if (!section) return [];
    if (section.kind) return [{ ...named, kind: section.kind, guessed: false }];
    // What stands under `model` is the model, unless its name tells what else it is.
    const isOther = section.path !== path && !named.guessed && named.kind !== 'dataset';
    return [{ ...named, kind: isOther ? named.kind : 'weight', guessed: false }];
  });
  if (kitfile) checkSections(kitfile, found);
  if (found.length === 0)
    throw new UserError(`there are no files of a model in '${folder}'`, {
      advice: 'Name the folder that the training wrote.',
    });
  checkPaths(
    found.map(({ path }) => path),
    `the model in '${folder}'`,
  );
  await refusePointers(
    folder,
    found.filter(({ bytes }) => bytes <= maxPointer),
  );
  return found.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

async function list(root: string, below: string): Promise<string[]> {
  const entries = await readdir(join(root, below), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new UserError(`the model in '${root}' cannot be read: ${error.message}`, {
        advice: 'Name a folder that exists.',
      });
    },
  );
  const paths = await Promise.all(
    entries.map(async (entry) => {
      const path = below ? `${below}/${entry.name}` : entry.name;
      if (entry.name === '__pycache__' || (entry.name.startsWith('.') && entry.name !== '.kitfile'))
        return [];
      if (entry.isDirectory()) return list(root, path);
      // Caches of models link to what they share; the link's content is what belongs to this one.
      const { isFile } = entry.isSymbolicLink() ? await targetOf(root, path) : { isFile: entry.isFile() };
      if (!isFile)
        throw new UserError(`'${path}' in '${root}' is no file`, {
          advice: 'Take it out of the folder of the model.',
        });
      return [path];
    }),
  );
  return paths.flat();
}

async function targetOf(root: string, path: string): Promise<{ isFile: boolean }> {
  const target = await stat(join(root, path)).catch(() => undefined);
  return { isFile: target?.isFile() ?? false };
}

/** The deepest that has the file in it. */
function sectionOf(path: string, sections: readonly Section[]): Section | undefined {
  const containing = sections.filter(
    (one) => one.path === '.' || one.path === path || path.startsWith(`${one.path}/`),
  );
  return containing.sort((a, b) => b.path.length - a.path.length)[0];
}

function checkSections({ file, sections }: Kitfile, found: readonly FoundFile[]): void {
  throwAll(
    sections
      .filter((section) => !found.some(({ path }) => sectionOf(path, [section])))
      .map(
        ({ path }) =>
          new UserError(`there is nothing at '${path}'`, {
            file,
            advice: 'Name a file or folder beside the Kitfile.',
          }),
      ),
  );
}

/** The specification of Git LFS has pointers smaller than this. */
const maxPointer = 1024;
const pointer = 'version https://git-lfs.github.com/spec/v1\n';

async function refusePointers(folder: string, small: readonly FoundFile[]): Promise<void> {
  const problems: UserError[] = [];
  for (const { path } of small) {
    const handle = await open(join(folder, path));
    try {
      const { buffer } = await handle.read(Buffer.alloc(pointer.length), 0, pointer.length, 0);
      if (buffer.toString() === pointer)
        problems.push(
          new UserError(`'${path}' is a pointer of Git LFS instead of the file`, {
            advice: 'Fetch the files first: git lfs pull, or lfs: true of actions/checkout.',
          }),
        );
    } finally {
      await handle.close();
    }
  }
  throwAll(problems);
}
