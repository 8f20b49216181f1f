import { generateKeyPairSync } from 'node:crypto';
import { connect, listTags, parseReference } from '@mlops/oci';
import {
  type Engine,
  type RunOptions,
  type RunResult,
  startEngine,
  type TemporaryRepository,
  temporaryRepository,
} from '@mlops/testkit/engine';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { inRegistry, messagesOf, type Rig, startRig } from '../../container/images.ts';
import { expectSuccess, jobsOf } from '../example.ts';

/** build.yml called by itself: two platforms on two runners, of an image that runs nothing and so emulates nothing. */

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const secrets = { SIGNING_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };

const platforms = [
  { platform: 'linux/amd64', runner: 'ubuntu-latest' },
  { platform: 'linux/arm64', runner: 'ubuntu-24.04-arm' },
];

const dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY hello weights-$TARGETARCH /\n';
const project = {
  Dockerfile: dockerfile,
  hello: 'hello\n',
  'weights-amd64': 'of amd64\n',
  'weights-arm64': 'of arm64\n',
};

let rig: Rig;
let engine: Engine;
const repositories: TemporaryRepository[] = [];
beforeAll(async () => {
  rig = await startRig();
  const { folder: releaseTree, slug, refs } = inject('release');
  engine = await startEngine({ releaseTree, slug, refs });
});
afterAll(async () => {
  await engine?.close();
  for (const repository of repositories) await repository.close();
  await rig?.close();
});

/** A repository whose workflow builds an image and hands it to a job that deploys it. */
async function caller(image: string, inputs: object = {}): Promise<TemporaryRepository> {
  const workflow = {
    name: 'Image',
    on: 'push',
    permissions: { contents: 'read' },
    jobs: {
      image: {
        uses: `${inject('release').slug}/.github/workflows/build.yml@v1`,
        with: { image: rig.image(image), platforms: JSON.stringify(platforms), ...inputs },
        secrets: { 'signing-key': `\${{ secrets.SIGNING_KEY }}` },
      },
      deploy: {
        needs: 'image',
        'runs-on': 'ubuntu-latest',
        steps: [
          {
            env: { IMAGE: `\${{ needs.image.outputs.image }}`, TAGS: `\${{ needs.image.outputs.tags }}` },
            run: 'echo "::notice::deploying $IMAGE, which is $TAGS"',
          },
        ],
      },
    },
  };
  const repository = await temporaryRepository({
    ...project,
    '.github/workflows/image.yml': JSON.stringify(workflow),
  });
  repositories.push(repository);
  return repository;
}

const run = (repository: TemporaryRepository, options: Partial<RunOptions> = {}): Promise<RunResult> =>
  engine.run({ repository: repository.path, workflow: 'image.yml', env: rig.env, secrets, ...options });

const tagsOf = (image: string) => listTags(connect(parseReference(rig.image(image))).repository);

function failedIn(run: RunResult): string[] {
  return Object.entries(jobsOf(run)).flatMap(([name, result]) => (result === 'failure' ? [name] : []));
}

describe('two platforms', () => {
  let repository: TemporaryRepository;
  let first: string;
  beforeAll(async () => {
    repository = await caller('two');
  });

  it('become one image with the attestations of both, signed, whose digest reaches the job that deploys', async () => {
    const result = await run(repository);

    expectSuccess(result);
    expect(jobsOf(result)).toMatchObject({
      'image / Build (linux/amd64)-1': 'success',
      'image / Build (linux/arm64)-2': 'success',
      'image / Merge': 'success',
      deploy: 'success',
    });
    expect(await tagsOf('two')).toEqual(expect.arrayContaining(['main']));
    const { digest, json } = await inRegistry(rig.image('two:main'));
    first = digest;
    const deployed = result.annotations.find(({ message }) => message.startsWith('deploying '));
    expect(deployed?.message).toBe(
      `deploying ${rig.image('two')}@${digest}, which is ${rig.image('two:main')}`,
    );

    interface Entry {
      digest: string;
      platform: { os: string; architecture: string };
      annotations?: Record<string, string>;
    }
    const entries: Entry[] = json.manifests;
    const images = entries.filter(({ platform }) => platform.os === 'linux');
    expect(images.map(({ platform }) => platform.architecture).sort()).toEqual(['amd64', 'arm64']);
    const attested = entries.flatMap(({ annotations }) => annotations?.['vnd.docker.reference.digest'] ?? []);
    expect(attested.sort()).toEqual(images.map((one) => one.digest).sort());
  });

  it('are proven to be without a training, with the bills of materials and provenance of both', async () => {
    const verified = await rig.run(repository.path, {
      ...{ command: 'verify', reference: rig.image('two:main') },
      'public-key': publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      'verify-expect': JSON.stringify({
        verdicts: ['none'],
        commit: await repository.git('rev-parse', 'HEAD'),
      }),
    });
    expect(messagesOf(verified, 'error')).toEqual([]);
    expect(verified.outputs.verified).toBe('true');
  });

  it('move the tag when a file has changed, and leave the image before by its digest', async () => {
    await repository.commit('Change the greeting', { hello: 'good day\n' });
    expectSuccess(await run(repository));

    const { digest } = await inRegistry(rig.image('two:main'));
    expect(digest).not.toBe(first);
    expect((await inRegistry(rig.image(`two@${first}`))).digest).toBe(first);
  });

  it('give no tag when one of them cannot be built', async () => {
    const broken = await caller('broken');
    await broken.commit('Forget the weights of one platform', {
      Dockerfile: dockerfile.replace('weights-$TARGETARCH', 'weights-$TARGETARCH tuned-$TARGETARCH'),
      'tuned-amd64': 'tuned\n',
    });
    const result = await run(broken);

    expect(result.success).toBe(false);
    expect(failedIn(result)).toContain('image / Build (linux/arm64)-2');
    expect(jobsOf(result)['image / Merge']).not.toBe('success');
    expect(jobsOf(result).deploy).not.toBe('success');
    expect(await tagsOf('broken')).toEqual([]);
  });

  it('are built and pushed nowhere with push: false', async () => {
    const result = await run(await caller('kept', { push: false }));

    expect(jobsOf(result)).toMatchObject({
      'image / Build (linux/amd64)-1': 'success',
      'image / Build (linux/arm64)-2': 'success',
    });
    expect(jobsOf(result)['image / Merge']).not.toBe('success');
    expect(failedIn(result)).toEqual([]);
    expect(await tagsOf('kept')).toEqual([]);
    expect(result.annotations.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
