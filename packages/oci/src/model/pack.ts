import { UserError } from '@mlops/core';
import { openHasher } from '@mlops/core/hash';
import { type Descriptor, type ImageManifest, mediaTypes } from '../descriptor.ts';
import { digestOf } from '../digest.ts';
import { buildConfig, type ModelFacts } from './config.ts';
import { type FoundFile, findFiles } from './find-files.ts';
import { annotations, artifactType, configType, formatOf, type Kind, rawType } from './kinds.ts';
import { readKitfile } from './kitfile.ts';

export interface PackOptions {
  /** What is said of the model; goes before what its Kitfile says. No time is noted unless it stands here. */
  facts?: ModelFacts;
  /** Of the manifest. */
  annotations?: Record<string, string>;
  /** What the model refers to, such as the image that serves it. */
  subject?: Descriptor;
  /** Where digests of unchanged files are kept between runs; see @mlops/core/hash. */
  statCacheFile?: string;
  signal?: AbortSignal | undefined;
  /** Is told of each file as soon as its digest is known. */
  onHashed?: ((file: ModelFile) => void) | undefined;
}

export interface ModelFile {
  /** Relative to the model's folder, with `/`. */
  path: string;
  kind: Kind;
  descriptor: Descriptor;
}

/** A model as an artifact of the CNCF model specification: what is to be pushed, by digest. */
export interface ModelPack {
  folder: string;
  files: ModelFile[];
  config: { descriptor: Descriptor; bytes: Buffer };
  manifest: { descriptor: Descriptor; bytes: Buffer };
  subject: Descriptor | undefined;
}

/** Registries need not take larger manifests. */
const maxManifest = 4 * 1024 * 1024;

/**
 * Describes the model in a folder as one layer a file, unpacked and uncompressed, so that only files that changed are
 * sent, and serving can mount or read them as they are. The same files and facts give the same digest everywhere: no
 * times, owners or modes of this machine go in. Every file is read once, on all cores.
 *
 * @throws UserError for pointers of Git LFS, facts and Kitfiles that the specifications do not have, and empty folders
 */
export async function packModel(folder: string, options: PackOptions = {}): Promise<ModelPack> {
  const { facts = {}, subject } = options;
  const kitfile = await readKitfile(folder);
  const found = await findFiles(folder, kitfile);
  const files = await hashed(folder, found, options);
  const format = formatOf(files.filter(({ kind }) => kind === 'weight').map(({ path }) => path));
  const bytes = buildConfig(
    {
      descriptor: { ...kitfile?.facts.descriptor, ...facts.descriptor },
      config: { ...(format && { format }), ...kitfile?.facts.config, ...facts.config },
    },
    files.map(({ descriptor }) => descriptor.digest),
  );
  const config = {
    descriptor: { mediaType: configType, digest: digestOf(bytes), size: bytes.length },
    bytes,
  };
  const manifest: ImageManifest = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType, config: config.descriptor },
    layers: files.map(({ descriptor }) => descriptor),
    ...(subject && { subject }),
    ...(options.annotations && { annotations: sorted(options.annotations) }),
  };
  return { folder, files, config, manifest: manifestOf(manifest, folder), subject };
}

/** Files of at least this many bytes are told of one by one, others together: that hashes small ones faster. */
const largeBytes = 32 * 1024 * 1024;

async function hashed(
  folder: string,
  found: readonly FoundFile[],
  { statCacheFile, signal, onHashed }: PackOptions,
): Promise<ModelFile[]> {
  const hasher = await openHasher({ statCacheFile, signal });
  const files = new Map<FoundFile, ModelFile>();
  const hash = async (group: readonly FoundFile[]) => {
    const paths = group.map(({ path }) => path);
    const digests = new Map((await hasher.paths(folder, paths)).map((one) => [one.path, one]));
    for (const one of group) {
      const { digest = '', bytes = 0 } = digests.get(one.path) ?? {};
      const file = describe(one, digest, bytes);
      files.set(one, file);
      onHashed?.(file);
    }
  };
  const isLarge = ({ bytes }: FoundFile) => bytes >= largeBytes;
  const groups = [...found.filter(isLarge).map((one) => [one]), found.filter((one) => !isLarge(one))];
  try {
    await Promise.all(groups.map(hash));
    return found.flatMap((one) => files.get(one) ?? []);
  } finally {
    await hasher.close();
  }
}

function describe({ path, kind, guessed }: FoundFile, digest: string, bytes: number): ModelFile {
  const notes = {
    [annotations.metadata]: metadataOf(path, bytes),
    [annotations.untested]: String(guessed),
    [annotations.filepath]: path,
  };
  return { path, kind, descriptor: { mediaType: rawType(kind), digest, size: bytes, annotations: notes } };
}

/** The specification's FileMetadata; it advises constants for what differs between machines. */
function metadataOf(path: string, size: number): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return JSON.stringify({
    ...{ name, mode: 0o644, uid: 0, gid: 0, size, mtime: '1970-01-01T00:00:00Z', typeflag: 0 },
  });
}

function manifestOf(content: ImageManifest, folder: string): ModelPack['manifest'] {
  const bytes = Buffer.from(JSON.stringify(content));
  if (bytes.length > maxManifest)
    throw new UserError(`the ${content.layers.length} files in '${folder}' are too many for one manifest`, {
      advice: 'Put small files, such as a data set, into an archive, or leave them out of the model.',
    });
  return {
    descriptor: { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length },
    bytes,
  };
}

function sorted(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
