import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesSource, digestOf, mediaTypes, pushBlob, putManifest, Registry } from '@mlops/oci';

/**
 * A buildx that ends at once: it says of its builder what buildx says, and writes the metadata of a build whose image is
 * in the registry already.
 *
 * @returns the program, and the reference that the image stands under
 */
export async function standIn(folder: string, host: string): Promise<{ program: string; tag: string }> {
  const plugins = join(folder, 'cli-plugins');
  await mkdir(plugins, { recursive: true });
  const digest = await pushImage(host);
  const tag = `${host}/stand-in:v1`;
  const inspected = join(folder, 'inspect.txt');
  const metadata = join(folder, 'metadata.json');
  await writeFile(inspected, builder);
  await writeFile(metadata, JSON.stringify({ 'containerimage.digest': digest, 'image.name': tag }));
  const program = join(plugins, 'docker-buildx');
  await writeFile(program, script(inspected, metadata));
  await chmod(program, 0o755);
  return { program, tag };
}

const builder = `Name:          stand-in
Driver:        remote
Last Activity: 2026-01-01 00:00:00 +0000 UTC

Nodes:
Name:             stand-in0
Endpoint:         unix:///run/buildkit/buildkitd.sock
Status:           running
BuildKit version: v0.27.1
Platforms:        linux/amd64, linux/amd64/v2
Features:
\tCache export: true
\tMulti-platform build: true
\tOCI exporter: true
`;

function script(inspected: string, metadata: string): string {
  return `#!/bin/sh
case $1 in
  inspect) exec cat '${inspected}' ;;
  build) ;;
  *) echo "the stand-in has no $1" >&2; exit 1 ;;
esac
while [ $# -gt 1 ]; do
  [ "$1" = --metadata-file ] && exec cp '${metadata}' "$2"
  shift
done
`;
}

/** An index with one image, as BuildKit pushes it, though without attestations. */
async function pushImage(host: string): Promise<string> {
  const repository = new Registry(host).repository('stand-in');
  const layer = await blob('a layer that nobody unpacks', 'application/vnd.oci.image.layer.v1.tar');
  const config = await blob(
    { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } },
    'application/vnd.oci.image.config.v1+json',
  );
  const manifest = await put({ mediaType: mediaTypes.manifest, config, layers: [layer] });
  const platform = { architecture: 'amd64', os: 'linux' };
  const { digest } = await put({ mediaType: mediaTypes.index, manifests: [{ ...manifest, platform }] }, 'v1');
  return digest;

  async function blob(content: string | object, mediaType: string) {
    const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await pushBlob(repository, descriptor, bytesSource(bytes));
    return descriptor;
  }

  async function put(content: { mediaType: string; [key: string]: unknown }, target?: string) {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...content }));
    await putManifest(repository, { mediaType: content.mediaType, bytes, target });
    return { mediaType: content.mediaType, digest: digestOf(bytes), size: bytes.length };
  }
}
