import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Example, expectSuccess, jobsOf, reportOf } from '../e2e/example.ts';
import { inRegistry, messagesOf, type Rig, startRig } from './images.ts';

/** Whole pipelines that build an image, through act, with a real BuildKit and a real registry. */

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const secrets = { SIGNING_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig?.close());

describe('the tabular example', () => {
  let example: Example;
  beforeAll(async () => {
    example = await Example.open();
  });
  afterAll(() => example?.close());

  it('has its image built, tried, pushed and attested, and then the model deployed', async () => {
    const run = await example.run({ env: rig.env, vars: { IMAGE: rig.image('tumor') }, secrets });

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

  it('proves its image down to the bytes of code and data', async () => {
    const key = join(rig.folder, 'tumor.pub');
    await writeFile(key, publicKey.export({ type: 'spki', format: 'pem' }));
    const result = await rig.run(example.folder, {
      ...{ command: 'verify', reference: rig.image('tumor:main'), 'public-key': key },
      'verify-expect': '{ attestations: [training, ml-bom, sbom, provenance] }',
      'verify-files': '{ folder: . }',
    });
    expect(messagesOf(result, 'error')).toEqual([]);
    expect(result.outputs.verified).toBe('true');
  });
});
