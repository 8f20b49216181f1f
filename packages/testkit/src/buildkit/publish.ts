import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseImage, frontendImage, type OciLayout, pythonVersion, scannerImage } from '@mlops/tools';

/**
 * `python`: the base image under the names of Docker's official one; `dockerfile`: what `# syntax=docker/dockerfile:1`
 * names; `scanner`: what BuildKit makes bills of materials with unless it is told otherwise.
 */
export type PublishedImage = 'python' | 'dockerfile' | 'scanner';

const published: Record<
  PublishedImage,
  { repository: string; tags: string[]; make: () => Promise<OciLayout> }
> = {
  python: {
    repository: 'library/python',
    tags: [`${pythonVersion}-slim`, `${pythonVersion}-slim-bookworm`, pythonVersion],
    make: baseImage,
  },
  dockerfile: { repository: 'docker/dockerfile', tags: ['1', '1.7', 'latest'], make: frontendImage },
  scanner: { repository: 'docker/buildkit-syft-scanner', tags: ['stable-1'], make: scannerImage },
};

/**
 * Pushes images to the registry at `host:port` (plain http, nobody refused), so that a BuildKit which has it as a
 * mirror of Docker's finds them there. `tags` are further ones of the Python image.
 */
export async function publishImages(
  host: string,
  images: readonly PublishedImage[] = ['python'],
  tags: readonly string[] = [],
): Promise<void> {
  for (const image of images) {
    const { repository, tags: own, make } = published[image];
    await push(`http://${host}/v2/${repository}`, await make(), [
      ...own,
      ...(image === 'python' ? tags : []),
    ]);
  }
}

interface Descriptor {
  mediaType: string;
  digest: string;
}

async function push(repository: string, { folder }: OciLayout, tags: readonly string[]): Promise<void> {
  const blob = (digest: string) => readFile(join(folder, 'blobs', ...digest.split(':')));
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
  const [image] = index.manifests;
  if (!image) throw new Error(`${folder} has no image`);
  const bytes = await blob(image.digest);
  const manifest = JSON.parse(bytes.toString()) as { config: Descriptor; layers: Descriptor[] };
  for (const { digest } of [manifest.config, ...manifest.layers]) {
    const opened = await send(`${repository}/blobs/uploads/`, { method: 'POST' });
    const target = new URL(opened.headers.get('location') ?? '', repository);
    target.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    await send(target, { method: 'PUT', body: await blob(digest), headers });
  }
  for (const tag of tags) {
    const headers = { 'content-type': image.mediaType };
    await send(`${repository}/manifests/${tag}`, { method: 'PUT', body: bytes, headers });
  }
}

async function send(url: string | URL, init: RequestInit): Promise<Response> {
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${init.method} ${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}
