import { generateKeyPairSync } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inRegistry, messagesOf, type Rig, startRig } from '../../container/images.ts';
import { type Example, expectSuccess, jobsOf, reportOf } from '../example.ts';
import { openVision, shorten } from '../vision-example.ts';

/**
 * The vision example with a Dockerfile of its own, whose PyTorch is Debian's: that of the example's lock brings 3 GB of
 * CUDA along.
 */

const dockerfile = `FROM python:3.11-slim
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends python3-torch && rm -rf /var/lib/apt/lists/*
COPY beside-debian.txt /
RUN python3 -m venv --system-site-packages /venv && /venv/bin/pip install --quiet --require-hashes -r /beside-debian.txt
WORKDIR /app
ENV PATH=/venv/bin:$PATH HOST=0.0.0.0 PORT=8000
COPY model model
COPY digits digits
USER 10001
EXPOSE 8000
CMD ["python", "-m", "digits.serve"]
`;
const requirements = fileURLToPath(
  new URL('../../../packages/tools/requirements/beside-debian.txt', import.meta.url),
);
const { privateKey, publicKey } = generateKeyPairSync('ed25519');

let rig: Rig;
let example: Example;
let python: string;
beforeAll(async () => {
  rig = await startRig();
  ({ example, python } = await openVision());
});
afterAll(async () => {
  await example?.close();
  await rig?.close();
});

it('the vision example has its image built, tried with digits, pushed and attested', async () => {
  await shorten(example, 4, 4);
  await writeFile(join(example.folder, 'Dockerfile'), dockerfile);
  await copyFile(requirements, join(example.folder, 'beside-debian.txt'));
  await example.edit(
    'mlops.yaml',
    'include: [digits, requirements.txt]',
    'include: [digits, requirements.txt, beside-debian.txt, Dockerfile]',
  );
  // What is not compressed is not waited for; nor is a cache that nobody reads.
  await example.edit('mlops.yaml', '  cache: registry', '  compression: uncompressed\n  cache: none');
  const install = `  install: >-
    uv venv --clear --python ">=3.11,<3.15" .venv &&
    uv pip install --python .venv --require-hashes -r requirements.txt
`;
  await example.edit('mlops.yaml', install, '');
  await example.edit('mlops.yaml', 'serve: .venv/bin/python', `serve: ${python}`);
  await example.push('Serve from an image');
  const run = await example.run({
    env: rig.env,
    vars: { IMAGE: rig.image('digits') },
    secrets: { SIGNING_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
  });

  expectSuccess(run);
  expect(jobsOf(run)).toMatchObject({
    'pipeline / Image / Build (linux/amd64)': 'success',
    'pipeline / Image / Merge': 'success',
    'pipeline / Deploy': 'success',
  });
  const { record, training } = await reportOf(run);
  const images = record.jobs.flatMap((job) => job.images);
  const smoke = images.flatMap((image) => image.smoke);
  expect(smoke.map(({ status, passed }) => [status, passed])).toEqual([
    [200, true],
    [200, true],
    [422, true],
  ]);
  const image = images.find(({ tags }) => tags.length > 0);
  expect(image?.modelDigest).toBe(training.model?.digest);
  const reference = `${rig.image('digits')}:${image?.tags[0]}`;
  expect((await inRegistry(reference)).digest).toBe(image?.digest);

  const verified = await rig.run(example.folder, {
    ...{ command: 'verify', reference },
    'public-key': publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    'verify-expect': JSON.stringify({ 'model-digest': training.model?.digest }),
  });
  expect(messagesOf(verified, 'error')).toEqual([]);
}, 600_000);
