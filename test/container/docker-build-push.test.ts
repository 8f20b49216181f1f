import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, getManifest, listTags, parseReference } from '@mlops/oci';
import { type BuildKit, publishImages, startBuildKit } from '@mlops/testkit/buildkit';
import { type OciRegistry, startOciRegistry } from '@mlops/testkit/oci';
import { type ActionOptions, type ActionResult, runAction } from '@mlops/testkit/runner-files';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

/** The action with a real BuildKit and a real registry. */

const action = fileURLToPath(new URL('../../actions/docker-build-push', import.meta.url));

let registry: OciRegistry;
let buildkit: BuildKit;
let folder: string;
const results: ActionResult[] = [];

beforeAll(async () => {
  registry = await startOciRegistry();
  await publishImages(registry.host, ['python', 'dockerfile']);
  buildkit = await startBuildKit({ mirror: registry.host });
  folder = await mkdtemp(join(tmpdir(), 'docker-build-push-'));
});
afterAll(async () => {
  await buildkit?.close();
  await registry?.close();
  if (folder) await rm(folder, { recursive: true });
});
afterEach(async () => {
  for (const { runner } of results.splice(0)) await runner.remove();
});

const copied = { Dockerfile: 'FROM scratch\nCOPY hello /\n', hello: 'hello\n' };

async function project(name: string, files: Record<string, string>): Promise<string> {
  const root = join(folder, name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

async function run(
  workspace: string,
  inputs: Record<string, string | number | boolean>,
  options: ActionOptions = {},
): Promise<ActionResult> {
  const result = await runAction(action, {
    workspace,
    inputs,
    ...options,
    env: { ...buildkit.env, ...options.env },
  });
  results.push(result);
  return result;
}

const errors = ({ annotations }: ActionResult) =>
  annotations.flatMap(({ level, message }) => (level === 'error' ? [message] : []));

const image = (name: string) => `${registry.host}/${name}`;

async function inRegistry(reference: string) {
  const { repository, target } = connect(parseReference(reference));
  const { descriptor, bytes } = await getManifest(repository, target);
  return { ...descriptor, json: JSON.parse(bytes.toString()) };
}

describe('docker-build-push', () => {
  it('pushes an image under the tags of its rules, and says what is in the registry', async () => {
    const root = await project('plain', copied);
    const result = await run(root, {
      images: image('plain'),
      tags: 'type=sha\ntype=raw,value=1.2.3\n',
      labels: 'team=ml',
    });
    expect(errors(result)).toEqual([]);
    const { outputs } = result;
    expect(outputs['tag-names']?.split('\n').sort()).toEqual(['1.2.3', 'sha-0123456']);
    for (const tag of outputs.tags?.split('\n') ?? [])
      expect((await inRegistry(tag)).digest).toBe(outputs.digest);
    expect(result.record?.images).toMatchObject([
      { digest: outputs.digest, platforms: [{ platform: 'linux/amd64' }] },
    ]);
  });

  it('merges pushes by digest of two platforms into one image', async () => {
    const root = await project('merged', copied);
    const common = { images: image('merged') };
    const digests: string[] = [];
    for (const platforms of ['linux/amd64', 'linux/arm64']) {
      const result = await run(root, { ...common, platforms, 'push-by-digest': true });
      expect(errors(result)).toEqual([]);
      digests.push(result.outputs.digest ?? '');
    }
    expect(await listTags(connect(parseReference(image('merged'))).repository)).toEqual([]);
    const merged = await run(root, { ...common, command: 'merge', digests: digests.join('\n'), tags: 'v1' });
    expect(errors(merged)).toEqual([]);
    expect(Object.keys(JSON.parse(merged.outputs['platform-digests'] ?? '{}'))).toEqual([
      'linux/amd64',
      'linux/arm64',
    ]);
    expect((await inRegistry(image('merged:v1'))).digest).toBe(merged.outputs.digest);
  });

  it('does not push what is larger than its budget, and names the file', async () => {
    const root = await project('large', {
      Dockerfile: 'FROM scratch\nCOPY weights.bin /model/\n',
      'weights.bin': Buffer.alloc(3_000_000, 'mlops').toString(),
    });
    const result = await run(root, { images: image('large'), tags: 'v1', 'size-budget': '1 kB' });
    expect(errors(result).join('\n')).toMatch(/more than its budget.*\/model\/weights\.bin/);
    expect(result.outputs.digest).toBeUndefined();
    await expect(inRegistry(image('large:v1'))).rejects.toThrow();
    const fits = await run(root, { images: image('large'), tags: 'v1', 'size-budget': '1 MB' });
    expect(errors(fits)).toEqual([]);
    expect((await inRegistry(image('large:v1'))).digest).toBe(fits.outputs.digest);
  });
});
