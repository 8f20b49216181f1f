export {
  type Blob,
  type BlobSource,
  bytesSource,
  fileSource,
  hasBlob,
  type PushedBlob,
  type PushOptions,
  pushBlob,
} from './blobs.ts';
export { type CredentialSource, type Credentials, dockerCredentials } from './credentials.ts';
export {
  type Descriptor,
  descriptorSchema,
  type ImageIndex,
  type ImageManifest,
  indexSchema,
  isIndexType,
  manifestSchema,
  mediaTypes,
} from './descriptor.ts';
export { DigestError, digestOf } from './digest.ts';
export { type PullOptions, pullBlob, readBlob } from './download.ts';
export { ConnectionError, isPassing, ProtocolError, RegistryError } from './errors.ts';
export { openHttp, readAll, type Send } from './http.ts';
export { buildIndex, type IndexOptions, mergeIndex } from './image-index.ts';
export { inParallel } from './in-parallel.ts';
export {
  findManifest,
  getManifest,
  headManifest,
  type PushedManifest,
  parseAs,
  putManifest,
  type StoredManifest,
} from './manifests.ts';
export { formatReference, parseReference, type Reference, targetOf } from './reference.ts';
export { listReferrers, putReferrer, referrersTag } from './referrers.ts';
export { connect, nameOf, Registry, type RegistryOptions, type Repository } from './registry.ts';
export { listTags } from './tags.ts';
