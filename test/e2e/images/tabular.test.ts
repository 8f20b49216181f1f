import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '@mlops/core/process';
import { connect, parseReference, putManifest } from '@mlops/oci';
import { artifactFiles, type RunResult } from '@mlops/testkit/engine';
import { tool } from '@mlops/tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inRegistry, messagesOf, type Rig, startRig } from '../../container/images.ts';
import { Example, expectSuccess, jobsOf, reportOf } from '../example.ts';

/** Whole pipelines that build an image, through act, with a real BuildKit and a real registry. */

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const secrets = { SIGNING_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig?.close());

describe('the tabular example', () => {
  let example: Example;
  let run: RunResult;
  beforeAll(async () => {
    example = await Example.open();
  });
  afterAll(() => example?.close());

  it('has its image built, tried, pushed and attested, and then the model deployed', async () => {
    run = await example.run({ env: rig.env, vars: { IMAGE: rig.image('tumor') }, secrets });

    expectSuccess(run);
    expect(jobsOf(run)).toMatchObject({
      'pipeline / Image / Build (linux/amd64)': 'success',
      'pipeline / Image / Merge': 'success',
      'pipeline / Deploy': 'success',
      'pipeline / Report': 'success',
    });
    const { record, training, page } = await reportOf(run);
    const images = record.jobs.flatMap((job) => job.images);
    const image = images.find(({ tags }) => tags.includes('main'));
    expect(image).toMatchObject({ name: rig.image('tumor'), modelDigest: training.model?.digest });
    expect(images.find(({ tags }) => tags.length === 0)?.smoke).toMatchObject([
      { passed: true },
      { passed: true },
      { passed: true, status: 422 },
    ]);
    expect(image?.attestations.map(({ signed }) => signed)).toEqual(['key', 'key']);
    expect((await inRegistry(rig.image('tumor:main'))).digest).toBe(image?.digest);
    expect(page).toContain(`image ${rig.image('tumor')}:main`);
  });

  describe('whose image is verified', () => {
    const reference = () => rig.image('tumor:main');
    let archive: string;
    let expected: Record<string, unknown>;
    beforeAll(async () => {
      await makeAnew(example, join(rig.folder, 'python'));
      const found = run.artifacts.find(({ name }) => name === 'model-package');
      const [[name, bytes] = []] = Object.entries(found ? await artifactFiles(found) : {});
      if (!name || !bytes) throw new Error('the run has no package');
      archive = join(rig.folder, name);
      await writeFile(archive, bytes);
      expected = {
        attestations: ['training', 'ml-bom', 'sbom', 'provenance'],
        digest: (await inRegistry(reference())).digest,
        commit: await example.git('rev-parse', 'HEAD'),
        repository: 'octo-org/model',
      };
    });

    async function failures(
      changes: { expect?: Record<string, unknown>; key?: KeyObject } = {},
    ): Promise<string[]> {
      const files = { folder: '.', model: 'model', metrics: ['metrics.json'], package: archive };
      const result = await rig.run(example.folder, {
        ...{ command: 'verify', reference: reference(), 'public-key': pem(changes.key ?? publicKey) },
        'verify-expect': JSON.stringify({ ...expected, ...changes.expect }),
        'verify-files': JSON.stringify(files),
      });
      const lines = messagesOf(result, 'error').flatMap((message) => message.split('\n'));
      const failed = lines.flatMap((line) => /^ {2}(.+?): expected /.exec(line)?.[1] ?? []);
      expect(result.outputs.verified, result.stdout).toBe(String(failed.length === 0));
      expect(result.exitCode === 0).toBe(failed.length === 0);
      return failed.map((name) =>
        name
          .replace(archive, '<archive>')
          .replace(`${example.folder}/`, '')
          .replace(/sha256:[0-9a-f]+/g, 'sha256:<hex>'),
      );
    }

    it('holds, from the bytes of data and code to those in the registry', async () => {
      expect(await failures()).toEqual([]);
    });

    it('fails with one byte changed on this side, and names what was changed', async () => {
      const table: Record<string, string[]> = {};
      for (const path of [
        'data/processed/train.csv',
        'data/features/test.csv',
        'tumor/features.py',
        'tumor/serve.py',
        'params.yaml',
        'requirements.txt',
        'model/model.json',
      ])
        table[path] = await withOneByteChanged(join(example.folder, path), failures);
      const metrics = join(example.folder, 'metrics.json');
      const digit = (await readFile(metrics, 'utf8')).search(/\d\D*$/);
      table['metrics.json'] = await withOneByteChanged(metrics, failures, digit);
      table['the archive'] = await withOneByteChanged(archive, failures);
      expect(table).toEqual({
        'data/processed/train.csv': ['output data/processed'],
        'data/features/test.csv': ['output data/features'],
        'tumor/features.py': ['code: tumor/features.py', 'input tumor/features.py'],
        'tumor/serve.py': ['code: tumor/serve.py'], // no stage reads it
        'params.yaml': ['code: params.yaml'],
        'requirements.txt': ['code: requirements.txt', 'input requirements.txt'],
        'model/model.json': ['output model', 'model model'],
        'metrics.json': ['output metrics.json', expect.stringMatching(/^metric \S+ in metrics\.json$/)],
        'the archive': ['package <archive>'],
      });
      expect(await failures()).toEqual([]);
    });

    it('fails with one byte changed in the registry, or the tag, and names it', async () => {
      const blobs = await blobsOf(rig.registry.folder);
      const { json } = await inRegistry(reference());
      const platform = json.manifests.find(
        (one: { platform: { os: string } }) => one.platform.os === 'linux',
      );
      const manifest = await inRegistry(rig.image(`tumor@${platform.digest}`));
      const layer = await blobs.path(manifest.json.layers.at(-1).digest);
      const table: Record<string, string[]> = {};
      table['the manifest of a platform'] = await withOneByteChanged(
        await blobs.path(platform.digest),
        failures,
      );
      table['the signature bundle'] = await withOneByteChanged(await blobs.holding('dsseEnvelope'), failures);
      table["BuildKit's bill of materials"] = await withOneByteChanged(
        await blobs.holding('https://spdx.dev/Document'),
        failures,
      );
      table['a layer'] = await withOneByteChanged(layer, () => failures({ expect: { layers: true } }));
      table['the tag'] = await withTagMoved(rig, reference(), failures);
      const unproven = [
        ...['attestations', 'what it was made of', 'bill of materials'],
        ...['bill of materials of the model', 'provenance', 'local files'],
      ];
      expect(table).toEqual({
        'the manifest of a platform': ['content for linux/amd64'],
        'a layer': ['content for linux/amd64'],
        "BuildKit's bill of materials": ['bill of materials of sha256:<hex>…'],
        'the signature bundle': unproven,
        'the tag': ['image', ...unproven],
      });
      expect(await failures()).toEqual([]);
    });

    it('fails with something else expected, and names it', async () => {
      const table = {
        'another key': await failures({ key: generateKeyPairSync('ed25519').publicKey }),
        'another commit': await failures({ expect: { commit: 'f'.repeat(40) } }),
        'another repository': await failures({ expect: { repository: 'octo-org/other' } }),
        'another verdict': await failures({ expect: { verdicts: ['fail'] } }),
      };
      expect(table).toEqual({
        'another key': [
          ...['attestations', 'what it was made of', 'bill of materials'],
          ...['bill of materials of the model', 'provenance', 'local files'],
        ],
        'another commit': ['commit'],
        'another repository': ['repository'],
        'another verdict': ['gate of model'],
      });
    });
  });
});

describe('a pull request', () => {
  let example: Example;
  beforeAll(async () => {
    example = await Example.open();
  });
  afterAll(() => example?.close());

  it('has its image built and tried, pushed nowhere', async () => {
    await example.git('switch', '--quiet', '--create', 'faster');
    await example.edit('params.yaml', 'max_iter: 120', 'max_iter: 110');
    await example.push('Train less');
    const run = await example.run({
      ...{ event: 'pull_request', env: rig.env, vars: { IMAGE: rig.image('proposed') }, secrets },
    });

    expectSuccess(run);
    expect(jobsOf(run)).toMatchObject({
      'pipeline / Image / Build (linux/amd64)': 'success',
      'pipeline / Image / Merge': 'skipped',
      'pipeline / Deploy': 'skipped',
    });
    expect(run.log).toContain('POST /predict');
    const stored = await readdir(rig.registry.folder, { recursive: true });
    expect(stored.filter((path) => path.includes('proposed'))).toEqual([]);
  });
});

/** Runs the example's stages by hand, as its README says: the bytes are those of the pipeline. */
async function makeAnew({ folder }: Example, environment: string): Promise<void> {
  const uv = await tool('uv');
  await command(uv, ['venv', '--quiet', '--python', '>=3.10,<3.14', environment]);
  const install = ['pip', 'install', '--quiet', '--python', environment, '--require-hashes'];
  await command(uv, [...install, '-r', 'requirements.txt'], { cwd: folder });
  const python = join(environment, 'bin', 'python');
  for (const stage of ['data', 'features', 'train', 'evaluate'])
    await command(python, ['-m', `tumor.${stage}`], { cwd: folder });
}

/** Flips the lowest bit of one byte of a file, of the one in the middle unless told, for as long as something is done. */
async function withOneByteChanged<T>(path: string, use: () => Promise<T>, at?: number): Promise<T> {
  const bytes = await readFile(path);
  const changed = Buffer.from(bytes);
  const offset = at ?? bytes.length >> 1;
  changed.writeUInt8(changed.readUInt8(offset) ^ 1, offset);
  await writeFile(path, changed);
  try {
    return await use();
  } finally {
    await writeFile(path, bytes);
  }
}

/** Has another image pushed under the tag, and gives it back. */
async function withTagMoved<T>(rig: Rig, reference: string, use: () => Promise<T>): Promise<T> {
  const { json: _, ...before } = await inRegistry(reference);
  const root = await rig.project('other', { Dockerfile: 'FROM scratch\nCOPY other /\n', other: 'other\n' });
  const [, images, tags] = /^(.*):(.*)$/.exec(reference) ?? [];
  const moved = await rig.run(root, { images: images ?? '', tags: tags ?? '' });
  expect(messagesOf(moved, 'error')).toEqual([]);
  expect(moved.outputs.digest).not.toBe(before.digest);
  expect((await inRegistry(reference)).digest).toBe(moved.outputs.digest);
  try {
    return await use();
  } finally {
    const { repository, target } = connect(parseReference(reference));
    const bytes = await readFile(await (await blobsOf(rig.registry.folder)).path(before.digest));
    await putManifest(repository, { mediaType: before.mediaType, bytes, target });
  }
}

/** The files that a registry keeps blobs and manifests in, by their digests and by what is in them. */
async function blobsOf(folder: string) {
  const files = (await readdir(folder, { recursive: true })).filter((path) =>
    /\/blobs\/.*\/data$/.test(path),
  );
  return {
    async path(digest: string): Promise<string> {
      const found = files.find((path) => path.includes(digest.replace('sha256:', '')));
      if (!found) throw new Error(`the registry has no ${digest}`);
      return join(folder, found);
    },
    async holding(text: string): Promise<string> {
      for (const path of files) {
        const bytes = await readFile(join(folder, path));
        if (bytes.length < 20_000_000 && bytes.includes(text) && !bytes.includes('"schemaVersion"'))
          return join(folder, path);
      }
      throw new Error(`no blob has ${text}`);
    },
  };
}
