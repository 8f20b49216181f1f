import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '@mlops/core';
import { type Hasher, openHasher } from '@mlops/core/hash';
import { type Manifest, manifestName, manifestSchema } from './manifest.ts';

export interface Package {
  /** Absolute path of the tar. */
  archive: string;
  /** `sha256:<hex>` of the tar. */
  digest: string;
  manifest: Manifest;
}

/** A manifest lists every file; more than this is none. */
const manifestLimit = 64 * 1024 * 1024;

/** Reads a package's manifest, and checks that every other entry of the tar is a plain file that the manifest names. */
export async function openPackage(archive: string, signal: AbortSignal): Promise<Package> {
  if (!(await stat(archive).catch(() => undefined))?.isFile())
    throw new UserError(`there is no package at '${archive}'`, {
      advice: "Check the input 'package'; a relative path starts at the working directory.",
    });
  const { list } = await import('tar');
  const names: string[] = [];
  const chunks: Buffer[] = [];
  let problem: string | undefined;
  try {
    await list({
      file: archive,
      strict: true,
      onReadEntry(entry) {
        names.push(entry.path);
        if (entry.type !== 'File')
          problem ??= `'${entry.path}' in it is a ${entry.type}; only plain files are unpacked`;
        if (names.length === 1 && entry.path === manifestName && entry.size <= manifestLimit)
          entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      },
    });
  } catch (error) {
    throw broken(archive, `it is not a complete tar: ${messageOf(error)}`, error);
  }
  if (names[0] !== manifestName)
    throw broken(
      archive,
      `its first entry is ${names[0] ? `'${names[0]}'` : 'missing'}, not ${manifestName}`,
    );
  const manifest = parseManifest(archive, Buffer.concat(chunks).toString());
  problem ??= differenceOf(
    names.slice(1),
    manifest.files.map(({ path }) => path),
  );
  if (problem) throw broken(archive, problem);
  return { archive, digest: await digestOf(archive, signal), manifest };
}

/** Unpacks a package into a new folder and checks every file against the manifest. */
export async function unpack(
  { archive, manifest }: Package,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const { extract } = await import('tar');
  await mkdir(folder, { recursive: true });
  await extract({
    file: archive,
    cwd: folder,
    strict: true,
    filter: (path) => path !== manifestName,
    // What the archive says of owners and special bits does not concern this machine.
    preserveOwner: false,
  });
  await withHasher(signal, (hasher) =>
    Promise.all(
      manifest.files.map(async ({ path, digest }) => {
        const found = await hasher.file(join(folder, path));
        if (found.digest !== digest)
          throw broken(archive, `'${path}' has the digest ${found.digest}, but the manifest says ${digest}`);
      }),
    ),
  );
}

function digestOf(file: string, signal: AbortSignal): Promise<string> {
  return withHasher(signal, async (hasher) => (await hasher.file(file)).digest);
}

async function withHasher<T>(signal: AbortSignal, use: (hasher: Hasher) => Promise<T>): Promise<T> {
  const hasher = await openHasher({ signal });
  try {
    return await use(hasher);
  } finally {
    await hasher.close();
  }
}

function parseManifest(archive: string, text: string): Manifest {
  try {
    const parsed = manifestSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new Error(`${issue?.path.join('.')}: ${issue?.message}`);
  } catch (error) {
    throw broken(archive, `its ${manifestName} is not valid: ${messageOf(error)}`, error);
  }
}

function differenceOf(present: readonly string[], named: readonly string[]): string | undefined {
  const [inTar, inManifest] = [new Set(present), new Set(named)];
  const extra = present.find((name) => !inManifest.has(name));
  if (extra !== undefined) return `'${extra}' in it is not named by the manifest`;
  const missing = named.find((name) => !inTar.has(name));
  if (missing !== undefined) return `'${missing}' is missing in it`;
  return inTar.size < present.length ? 'it holds a file twice' : undefined;
}

function broken(archive: string, problem: string, cause?: unknown): UserError {
  return new UserError(`the package '${archive}' cannot be used: ${problem}`, {
    cause,
    advice: 'It is damaged or was not made by the package action; make it again.',
  });
}
