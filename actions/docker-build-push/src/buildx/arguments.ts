import { type Attributes, formatAttributes, parseAttributes } from './attributes.ts';
import { checkCall } from './warnings.ts';

/** A build as buildx is told of it; texts as the inputs have them. */
export interface BuildRequest {
  /** A folder's absolute path or a git address. */
  context: string;
  file?: string | undefined;
  target?: string | undefined;
  buildArgs: readonly string[];
  buildContexts: readonly string[];
  platforms: readonly string[];
  /** Whole references. */
  tags: readonly string[];
  labels: readonly string[];
  annotations: readonly string[];
  noCache: boolean;
  noCacheFilters: readonly string[];
  pull: boolean;
  /** Where the result goes: the exporters of BuildKit. */
  outputs: readonly string[];
  load: boolean;
  cacheFrom: readonly string[];
  cacheTo: readonly string[];
  /** From prepareSecrets. */
  secretArgs: readonly string[];
  ssh: readonly string[];
  attests: readonly string[];
  addHosts: readonly string[];
  allow: readonly string[];
  network?: string | undefined;
  shmSize?: string | undefined;
  ulimit: readonly string[];
  cgroupParent?: string | undefined;
  call: string;
  builder?: string | undefined;
  metadataFile?: string | undefined;
}

/** The arguments of `buildx build`. */
export function buildArguments(request: BuildRequest): string[] {
  const each = (option: string, values: readonly string[]) => values.flatMap((value) => [option, value]);
  const one = (option: string, value: string | undefined) => (value === undefined ? [] : [option, value]);
  const on = (option: string, value: boolean) => (value ? [option] : []);
  const r = request;
  return [
    'build',
    ...one('--builder', r.builder),
    ...(r.call === 'build' ? [] : ['--call', r.call === 'check' ? checkCall : r.call]),
    ...each('--add-host', r.addHosts),
    ...each('--allow', r.allow),
    ...each('--annotation', r.annotations),
    ...each('--attest', r.attests),
    ...each('--build-arg', r.buildArgs),
    ...each('--build-context', r.buildContexts),
    ...each('--cache-from', r.cacheFrom),
    ...each('--cache-to', r.cacheTo),
    ...one('--cgroup-parent', r.cgroupParent),
    ...one('--file', r.file),
    ...each('--label', r.labels),
    ...on('--load', r.load),
    ...one('--metadata-file', r.metadataFile),
    ...one('--network', r.network),
    ...on('--no-cache', r.noCache),
    ...(r.noCacheFilters.length ? ['--no-cache-filter', r.noCacheFilters.join(',')] : []),
    ...each('--output', r.outputs),
    ...(r.platforms.length ? ['--platform', r.platforms.join(',')] : []),
    ...on('--pull', r.pull),
    ...r.secretArgs,
    ...one('--shm-size', r.shmSize),
    ...each('--ssh', r.ssh),
    ...each('--tag', r.tags),
    ...one('--target', r.target),
    ...each('--ulimit', r.ulimit),
    '--progress=plain',
    r.context,
  ];
}

export interface BakeRequest {
  files: readonly string[];
  targets: readonly string[];
  set: readonly string[];
  push: boolean;
  load: boolean;
  pull: boolean;
  noCache: boolean;
  attests: { sbom?: string | undefined; provenance?: string | undefined };
  allow: readonly string[];
  call: string;
  builder?: string | undefined;
  metadataFile: string;
}

/** The arguments of `buildx bake`. */
export function bakeArguments(r: BakeRequest): string[] {
  return [
    'bake',
    ...(r.builder ? ['--builder', r.builder] : []),
    ...(r.call === 'build' ? [] : ['--call', r.call]),
    ...r.allow.flatMap((entitlement) => ['--allow', entitlement]),
    ...r.files.flatMap((file) => ['--file', file]),
    ...(r.load ? ['--load'] : []),
    ...['--metadata-file', r.metadataFile],
    ...(r.noCache ? ['--no-cache'] : []),
    ...(r.attests.provenance ? [`--provenance=${r.attests.provenance}`] : []),
    ...(r.pull ? ['--pull'] : []),
    ...(r.push ? ['--push'] : []),
    ...(r.attests.sbom ? [`--sbom=${r.attests.sbom}`] : []),
    ...r.set.flatMap((change) => ['--set', change]),
    '--progress=plain',
    ...r.targets,
  ];
}

export interface ImageOutput {
  names: readonly string[];
  push: boolean;
  byDigest: boolean;
  compression: string;
  compressionLevel?: number | undefined;
}

/** The exporter that pushes, with what buildx has no option for (docs/exporters in moby/buildkit). */
export function imageOutput({ names, push, byDigest, ...rest }: ImageOutput): string {
  const attributes: Attributes = new Map([['type', 'image']]);
  if (byDigest)
    attributes.set('name', names.join(',')).set('push-by-digest', 'true').set('name-canonical', 'true');
  if (push) attributes.set('push', 'true');
  return formatAttributes(new Map([...attributes, ...compressionAttributes(rest)]));
}

/** The exporter that writes an OCI image layout to a folder, to be looked at before it is pushed. */
export function layoutOutput(
  folder: string,
  compression: Pick<ImageOutput, 'compression' | 'compressionLevel'>,
): string {
  const attributes: Attributes = new Map([
    ['type', 'oci'],
    ['dest', folder],
    ['tar', 'false'],
  ]);
  return formatAttributes(new Map([...attributes, ...compressionAttributes(compression)]));
}

function compressionAttributes({
  compression,
  compressionLevel,
}: Pick<ImageOutput, 'compression' | 'compressionLevel'>): Attributes {
  const isDefault = compression === 'gzip';
  return new Map([
    ...(isDefault ? [] : ([['compression', compression]] as const)),
    // Layers of base images too, which are gzip mostly; and the media types that can say it.
    ...(isDefault
      ? []
      : ([
          ['force-compression', 'true'],
          ['oci-mediatypes', 'true'],
        ] as const)),
    ...(compressionLevel === undefined ? [] : ([['compression-level', String(compressionLevel)]] as const)),
  ]);
}

/** A cache that cannot be written must not fail an image that was pushed. */
export function tolerant(cacheTo: string): string {
  // The short form is the reference of a registry.
  const attributes = cacheTo.includes('=')
    ? parseAttributes(cacheTo)
    : new Map([
        ['type', 'registry'],
        ['ref', cacheTo],
      ]);
  const knows = ['registry', 'local', 'gha', 's3', 'azblob'];
  if (knows.includes(attributes.get('type') ?? '') && !attributes.has('ignore-error'))
    attributes.set('ignore-error', 'true');
  return formatAttributes(attributes);
}
