import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultArtifactClient } from '@actions/artifact';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Artifact,
  artifactFiles,
  startArtifactServer,
  startEngine,
  temporaryRepository,
} from '../../src/engine/index.ts';
import { storageReleaseTree } from './fixture.ts';

const mebibyte = 1024 * 1024;
let tree: string;
let folder: string;
beforeAll(async () => {
  tree = await storageReleaseTree();
  folder = await mkdtemp(join(tmpdir(), 'mlops-storage-'));
}, 120_000);
afterAll(async () => {
  await rm(tree, { recursive: true });
  await rm(folder, { recursive: true });
});
afterEach(() => vi.unstubAllEnvs());

const storage = (id: string, operation: string, name: string, path: string) =>
  `{ id: ${id}, uses: org/mlops/actions/storage@v1, with: { do: ${operation}, name: ${name}, path: ${path} } }`;

describe('artifacts', () => {
  it('go from job to job, whole and in order, and to whoever started the run', async () => {
    // More than one block of an upload, which are sent at the same time.
    const content = randomBytes(20 * mebibyte);
    const repository = await temporaryRepository({
      'model.bin': content,
      '.github/workflows/ci.yml': `
on: push
jobs:
  train:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - ${storage('before', 'list', 'any', 'any')}
      - ${storage('upload', 'upload', 'the model', 'model.bin')}
      - { ${storage('again', 'upload', 'the model', 'model.bin').slice(1, -1)}, continue-on-error: true }
  use:
    needs: train
    runs-on: ubuntu-latest
    steps:
      - ${storage('list', 'list', 'any', 'any')}
      - ${storage('download', 'download', 'the model', 'down')}
      - { id: hash, run: 'echo "sum=$(sha256sum < down/model.bin)" >> "$GITHUB_OUTPUT"' }
`,
    });
    const engine = await startEngine({ releaseTree: tree, slug: 'org/mlops', refs: ['v1'] });
    const result = await engine.run({ repository: repository.path });
    const steps = Object.fromEntries(result.jobs.flatMap((job) => job.steps.map((step) => [step.id, step])));
    const failed = result.jobs.flatMap((job) => job.steps.flatMap(({ log }) => log)).join('\n');
    expect(result.success, failed).toBe(true);
    expect(steps.before?.outputs).toEqual({ answer: '' });
    expect(steps.again?.outcome).toBe('failure');
    expect(steps.again?.log.join()).toContain('409');
    expect(steps.list?.outputs).toEqual({ answer: 'the model' });
    expect(steps.download?.outputs).toEqual({ answer: 'false' });
    expect(steps.hash?.outputs.sum).toContain(createHash('sha256').update(content).digest('hex'));

    const [artifact] = result.artifacts;
    expect(result.artifacts).toHaveLength(1);
    const stored = await readFile(artifact?.path ?? '');
    expect(artifact).toMatchObject({
      name: 'the model',
      size: stored.length,
      digest: `sha256:${createHash('sha256').update(stored).digest('hex')}`,
    });
    expect(artifact?.digest).toBe(`sha256:${steps.upload?.outputs.answer}`);
    const files = await artifactFiles(artifact as Artifact);
    expect(Object.keys(files)).toEqual(['model.bin']);
    expect(files['model.bin']?.equals(content)).toBe(true);
    await engine.close();
    await repository.close();
  }, 60_000);
});

describe('caches', () => {
  it('are there for the next run, and for the next engine when they are to be kept', async () => {
    const repository = await temporaryRepository({
      '.github/workflows/ci.yml': `
on: push
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - ${storage('restore', 'restore', 'key-1', 'kept')}
      - { id: read, run: 'echo "was=$(cat kept/file)" >> "$GITHUB_OUTPUT"; mkdir -p kept; echo here > kept/file' }
      - ${storage('save', 'save', 'key-1', 'kept')}
`,
    });
    const run = async (keepCaches: boolean, times: number) => {
      const engine = await startEngine({
        releaseTree: tree,
        slug: 'org/mlops',
        refs: ['v1'],
        folder,
        keepCaches,
      });
      const found: (string | undefined)[] = [];
      for (let n = 0; n < times; n += 1) {
        const { jobs, success, log } = await engine.run({ repository: repository.path });
        expect(success, log).toBe(true);
        found.push(`${jobs[0]?.steps[0]?.outputs.answer} ${jobs[0]?.steps[1]?.outputs.was}`.trim());
      }
      await engine.close();
      return found;
    };
    expect(await run(true, 2)).toEqual(['nothing', 'key-1 here']);
    expect(await run(true, 1)).toEqual(['key-1 here']);
    expect(await run(false, 1)).toEqual(['nothing']);
    await repository.close();
  }, 60_000);
});

describe('the artifact server', () => {
  it('serves a run only to those who have its token', async () => {
    const server = await startArtifactServer(join(folder, 'served'));
    vi.stubEnv('ACTIONS_RESULTS_URL', server.url);
    vi.stubEnv('ACTIONS_RUNTIME_TOKEN', server.token('7'));
    const client = new DefaultArtifactClient();
    const file = new URL(import.meta.url).pathname;
    const { id } = await client.uploadArtifact('tests', [file], join(file, '..'));
    expect((await client.listArtifacts()).artifacts).toMatchObject([{ name: 'tests', id }]);
    expect(server.artifacts('7')).toMatchObject([{ name: 'tests', contentType: 'application/zip' }]);
    expect(server.artifacts('8')).toEqual([]);
    await client.deleteArtifact('tests');
    expect(server.artifacts('7')).toEqual([]);

    vi.stubEnv('ACTIONS_RUNTIME_TOKEN', `${server.token('7')}x`);
    await expect(client.listArtifacts()).rejects.toThrow('401');
    const stranger = await fetch(new URL('artifacts/7/tests?sig=guess', server.url));
    expect(stranger.status).toBe(403);
    await server.close();
  });
});
