import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHasher } from '@mlops/core/hash';
import { command } from '@mlops/core/process';
import type { RunRecord } from '@mlops/core/record';
import {
  bytesSource,
  type Descriptor,
  digestOf,
  listReferrers,
  mediaTypes,
  pushBlob,
  putManifest,
  Registry,
  type Repository,
  readBlob,
  referrersTag,
} from '@mlops/oci';
import { packAndPushModel } from '@mlops/oci/model';
import { created, operation, startGitHubApi } from '@mlops/testkit/github-api';
import { type OciRegistry, startOciProxy, startOciRegistry } from '@mlops/testkit/oci';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLayout } from '../../actions/docker-build-push/src/image/layout.ts';
import {
  attach,
  attestationSource,
  attestationsIn,
  billsIn,
  bundleType,
  chooseSigning,
  keySigner,
  predicates,
  prove,
  readSource,
  resolveSubject,
  statement,
  statementBytes,
  trainingPredicate,
  trainingStatement,
  type VerifyOptions,
  verifyProof,
} from '../../actions/docker-build-push/src/proof/index.ts';
import { sampleRecord } from '../../actions/docker-build-push/test/proof/records.ts';
import {
  identityToken,
  type LocalSigstore,
  startSigstore,
} from '../../actions/docker-build-push/test/proof/sigstore.ts';

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const spki = (one: KeyObject) => createPublicKey(one).export({ format: 'pem', type: 'spki' }).toString();

let registries: Record<'distribution' | 'memory', OciRegistry>;
let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'docker-proof-'));
  registries = {
    distribution: await startOciRegistry(),
    memory: await startOciRegistry({ kind: 'memory' }),
  };
});
afterAll(async () => {
  await Promise.all(Object.values(registries ?? {}).map((registry) => registry.close()));
  await rm(root, { recursive: true, force: true });
});

const options = { credentials: async () => undefined, pauseMs: 1 };
const fresh = (host: string): Repository => new Registry(host, options).repository(`proof-${count++}`);

async function blob(repository: Repository, content: string, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(content);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await pushBlob(repository, descriptor, bytesSource(bytes));
  return descriptor;
}

async function manifest(repository: Repository, content: object, target?: string): Promise<Descriptor> {
  const { mediaType } = content as { mediaType: string };
  const bytes = Buffer.from(JSON.stringify(content));
  return (await putManifest(repository, { mediaType, bytes, target })).descriptor;
}

/** An image for two platforms as BuildKit pushes it, each with its bill of materials and provenance. */
async function pushImage(
  repository: Repository,
  {
    layer = 'layer',
    revision = '',
    spdx = { spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT', name: 'image' } as object,
    kinds = [predicates.spdx, predicates.provenance] as string[],
  } = {},
): Promise<string> {
  const manifests: object[] = [];
  for (const architecture of ['amd64', 'arm64']) {
    const platform = { os: 'linux', architecture };
    const image = await manifest(repository, {
      ...{ schemaVersion: 2, mediaType: mediaTypes.manifest },
      config: await blob(repository, JSON.stringify(platform), 'application/vnd.oci.image.config.v1+json'),
      layers: [
        await blob(repository, `${layer} ${architecture}`, 'application/vnd.oci.image.layer.v1.tar+gzip'),
      ],
    });
    const layers: object[] = [];
    for (const predicateType of kinds) {
      const metadata = { 'https://mobyproject.org/buildkit@v1#metadata': { vcs: { revision } } };
      const provenance = revision ? { metadata } : {};
      const predicate = predicateType === predicates.spdx ? spdx : provenance;
      const about = statement({ name: '_', descriptor: image, platforms: [] }, predicateType, predicate);
      layers.push({
        ...(await blob(repository, JSON.stringify(about), 'application/vnd.in-toto+json')),
        annotations: { 'in-toto.io/predicate-type': predicateType },
      });
    }
    const attestation = await manifest(repository, {
      ...{ schemaVersion: 2, mediaType: mediaTypes.manifest },
      config: await blob(repository, '{}', mediaTypes.empty),
      layers,
    });
    manifests.push({ ...image, platform });
    if (kinds.length)
      manifests.push({
        ...{ ...attestation, platform: { os: 'unknown', architecture: 'unknown' } },
        annotations: {
          'vnd.docker.reference.type': 'attestation-manifest',
          'vnd.docker.reference.digest': image.digest,
        },
      });
  }
  await manifest(repository, { schemaVersion: 2, mediaType: mediaTypes.index, manifests }, 'v1');
  return `${repository.registry.name}/${repository.name}:v1`;
}

/** A repository whose data, code, model and metrics are those of the record. */
interface Project {
  folder: string;
  record: RunRecord;
  /** Changes one byte of a file. */
  change(path: string): Promise<void>;
}

const files = {
  'data/train.csv': 'id,label\n1,0\n2,1\n',
  'train.py': 'print("training")\n',
  'README.md': 'A model.\n',
  'model/weights.json': '{"w":[1,2,3]}',
  'metrics.json': '{"accuracy":0.9718}',
  'model.tar': 'an archive',
};

async function makeProject(): Promise<Project> {
  const folder = await mkdtemp(join(root, 'project-'));
  for (const path of ['data', 'model']) await mkdir(join(folder, path));
  for (const [path, content] of Object.entries(files)) await writeFile(join(folder, path), content);
  await writeFile(join(folder, '.gitignore'), 'data/\nmodel/\nmetrics.json\n*.tar\n');
  const git = async (...args: string[]) => (await command('git', args, { cwd: folder })).stdout;
  await git('init', '--quiet');
  await git('add', '.');
  const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];
  await git(...who, 'commit', '--quiet', '-m', 'Train');
  const record = sampleRecord();
  record.run.commit = await git('rev-parse', 'HEAD');
  const [job] = record.jobs;
  const [training] = job?.trainings ?? [];
  const [stage] = training?.stages ?? [];
  if (!job || !training || !stage) throw new Error('the sample has a stage');
  const hasher = await openHasher();
  const content = async (path: string) => {
    const [found] = await hasher.paths(folder, [path]);
    if (!found) throw new Error(`${path} is not there`);
    return { path, digest: found.digest, bytes: found.bytes };
  };
  stage.inputs = [await content('data'), await content('train.py')];
  stage.outputs = [
    { ...(await content('model')), restored: false },
    { ...(await content('metrics.json')), restored: false },
  ];
  training.model = { ...(await content('model')), artifact: 'model' };
  training.metrics = { accuracy: 0.9718 };
  const modelDigest = training.model.digest;
  job.packages = [
    { ...(await content('model.tar')), ...{ name: 'package', files: 1, artifact: null, modelDigest } },
  ];
  await hasher.close();
  return {
    ...{ folder, record },
    async change(path) {
      const bytes = await readFile(join(folder, path));
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      await writeFile(join(folder, path), bytes);
    },
  };
}

async function attest(
  repository: Repository,
  project: Project,
  { by = key, target = 'v1' } = {},
): Promise<string> {
  const subject = await resolveSubject(repository, target);
  const source = await readSource(project.folder);
  const payload = statementBytes(trainingStatement(project.record, subject, { source }));
  const bundle = { json: await keySigner(by)(payload), predicateType: trainingPredicate };
  return (await attach(repository, subject.descriptor, bundle)).descriptor.digest;
}

async function verify(reference: string, changes: Partial<VerifyOptions> = {}) {
  const trust = [{ kind: 'key', pem: spki(key) }] as const;
  return verifyProof({ reference, registry: options, trust, ...changes });
}

/** What failed, by name. */
const failed = ({ checks }: Awaited<ReturnType<typeof verify>>) =>
  checks.filter(({ passed }) => !passed).map(({ check }) => check);

const localOf = ({ folder }: Project) => ({
  ...{ folder, model: 'model', metrics: ['metrics.json'], package: join(folder, 'model.tar') },
});

describe.each(['distribution', 'memory'] as const)('the chain, on %s', (kind) => {
  it('holds from data and code to the image, and tells each link', async () => {
    const repository = fresh(registries[kind].host);
    const project = await makeProject();
    const reference = await pushImage(repository, { revision: project.record.run.commit });
    await attest(repository, project);
    const { commit } = project.record.run;
    const verification = await verify(reference, {
      expect: { commit, repository: 'Acme/Tumor', ref: 'refs/heads/main', workflow: 'ml' },
      local: localOf(project),
    });
    expect(failed(verification)).toEqual([]);
    expect(verification.passed).toBe(true);
    expect(verification.training?.source.commit).toBe(commit);
    for (const link of ['code', 'input data', 'output model', 'metrics metrics.json', 'bill of materials'])
      expect(verification.markdown).toContain(link);
  });

  it('breaks at one byte of data, code, model, metrics or package, and says where', async () => {
    const repository = fresh(registries[kind].host);
    const project = await makeProject();
    const reference = await pushImage(repository);
    await attest(repository, project);
    const broken: Record<string, string[]> = {};
    for (const path of [
      'data/train.csv',
      'train.py',
      'README.md',
      'model/weights.json',
      'metrics.json',
      'model.tar',
    ]) {
      await project.change(path);
      broken[path] = failed(await verify(reference, { local: localOf(project) }));
      await writeFile(join(project.folder, path), files[path as keyof typeof files]);
    }
    expect(broken).toEqual({
      'data/train.csv': ['input data'],
      'train.py': ['code: train.py', 'input train.py'],
      'README.md': ['code: README.md'],
      'model/weights.json': ['output model', 'model model'],
      'metrics.json': expect.arrayContaining(['output metrics.json', 'metrics metrics.json']),
      'model.tar': [expect.stringMatching(/^package .*model\.tar$/)],
    });
    expect(failed(await verify(reference, { local: localOf(project) }))).toEqual([]);
  });
});

describe.each(['distribution', 'memory'] as const)('a broken link, on %s', (kind) => {
  async function proven(): Promise<{ repository: Repository; project: Project; reference: string }> {
    const repository = fresh(registries[kind].host);
    const project = await makeProject();
    const reference = await pushImage(repository);
    await attest(repository, project);
    return { repository, project, reference };
  }
  const signed = async (project: Project, subject: Awaited<ReturnType<typeof resolveSubject>>) =>
    keySigner(key)(statementBytes(trainingStatement(project.record, subject)));

  it('is an image that is another', async () => {
    const { repository, reference } = await proven();
    const { digest } = await verify(reference);
    await pushImage(repository, { layer: 'Layer' });
    const verification = await verify(reference, { expect: { digest } });
    expect(failed(verification)).toEqual(
      expect.arrayContaining(['image', 'attestations', 'what it was made of', 'bill of materials']),
    );
    expect((await verify(`${reference.replace(/:v1$/, '')}@${digest}`)).passed).toBe(true);
  });

  it('is a key that is another, or nobody who signed', async () => {
    const { repository, project, reference } = await proven();
    const other = generateKeyPairSync('ed25519').privateKey;
    const verification = await verify(reference, { trust: [{ kind: 'key', pem: spki(other) }] });
    expect(failed(verification)).toContain('what it was made of');
    expect(verification.markdown).toContain('signed with another key');
    await attest(repository, project, { by: other });
    expect((await verify(reference)).passed).toBe(true); // What others say does not count.

    const unsigned = await pushImage(fresh(registries[kind].host));
    expect(failed(await verify(unsigned))).toEqual([
      ...['attestations', 'what it was made of', 'bill of materials', 'provenance'],
    ]);
    expect(failed(await verify(unsigned, { local: localOf(project) }))).toContain('local files');
  });

  it('is a bundle of which one byte was changed, wherever that is', async () => {
    const { repository, project, reference } = await proven();
    const other = await pushImage(repository, { layer: 'of another' });
    const subject = await resolveSubject(repository, 'v1');
    const whole = await signed(project, subject);
    const { dsseEnvelope, ...rest } = JSON.parse(whole.toString());
    const payload = Buffer.from(dsseEnvelope.payload, 'base64');
    const at = payload.indexOf('"accuracy":0.97') + '"accuracy":0.9'.length;
    payload[at] = (payload[at] ?? 0) ^ 1;
    const altered = { ...rest, dsseEnvelope: { ...dsseEnvelope, payload: payload.toString('base64') } };
    const json = Buffer.from(JSON.stringify(altered));
    await attach(repository, subject.descriptor, { json, predicateType: trainingPredicate });
    const verification = await verify(other);
    expect(failed(verification)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^attestation sha256:/), 'what it was made of']),
    );
    expect(verification.markdown).toContain('one of them was altered');
    // Beside a whole one, too: somebody tried.
    await attach(repository, subject.descriptor, { json: whole, predicateType: trainingPredicate });
    expect(failed(await verify(other))).toEqual([expect.stringMatching(/^attestation sha256:/)]);
    expect(reference).toBe(other);
  });

  it('is a statement about something else, of another kind, or of no kind that is known', async () => {
    const { repository, project, reference } = await proven();
    const subject = await resolveSubject(repository, 'v1');
    const about = async (predicateType: string, of = subject) =>
      keySigner(key)(statementBytes(statement(of, predicateType, {})));
    const put = async (json: Buffer, predicateType: string) => {
      await attach(repository, subject.descriptor, { json, predicateType });
      const verification = await verify(reference);
      return verification.checks.filter(({ passed }) => !passed).map(({ expected }) => expected);
    };
    const elsewhere = {
      ...subject,
      descriptor: { ...subject.descriptor, digest: digestOf(Buffer.from('x')) },
      platforms: [],
    };
    expect(await put(await signed(project, elsewhere), trainingPredicate)).toEqual([
      `about ${subject.descriptor.digest}`,
    ]);
    expect(
      await put(await about('https://example.org/unknown/v1'), 'https://example.org/unknown/v1'),
    ).toHaveLength(2);
    expect(await put(await about(trainingPredicate), trainingPredicate)).toContain(trainingPredicate);
    expect(await put(await about(predicates.spdx), predicates.cyclonedx)).toContain(predicates.cyclonedx);
    expect(await put(Buffer.from('{}'), trainingPredicate)).toContain('a signature that is trusted');
  });

  it('are two statements that contradict each other, but not a run of the same that skipped its stages', async () => {
    const { repository, project, reference } = await proven();
    const [stage] = project.record.jobs[0]?.trainings[0]?.stages ?? [];
    if (stage) stage.outcome = 'skipped';
    project.record.run.id = '43';
    await attest(repository, project);
    expect(failed(await verify(reference))).toEqual([]);
    const [training] = project.record.jobs[0]?.trainings ?? [];
    if (training) training.metrics = { accuracy: 0.99 };
    await attest(repository, project);
    const verification = await verify(reference);
    expect(failed(verification)).toEqual(['statements', 'what it was made of']);
    expect(verification.markdown).toContain('differ in metrics');
  });

  it('is an attestation that is not there: the bill of materials, the provenance, or for one platform', async () => {
    const repository = fresh(registries[kind].host);
    const project = await makeProject();
    const reference = await pushImage(repository, { kinds: [predicates.spdx] });
    await attest(repository, project);
    expect(failed(await verify(reference))).toEqual(['provenance']);
    expect((await verify(reference, { expect: { attestations: ['training', 'sbom'] } })).passed).toBe(true);
    const without = fresh(registries[kind].host);
    const bare = await pushImage(without, { kinds: [] });
    await attest(without, project);
    expect(failed(await verify(bare))).toEqual(['bill of materials', 'provenance']);
  });

  it('is a bill of materials that is none, or signed for one platform only', async () => {
    const repository = fresh(registries[kind].host);
    const reference = await pushImage(repository, { spdx: {} });
    await attest(repository, await makeProject());
    expect(failed(await verify(reference))).toEqual(['bill of materials', 'bill of materials']);

    const other = fresh(registries[kind].host);
    const partly = await pushImage(other, { kinds: [predicates.provenance] });
    await attest(other, await makeProject());
    const subject = await resolveSubject(other, 'v1');
    const put = async (platforms: Descriptor[]) => {
      const bill = statement({ ...subject, platforms }, predicates.cyclonedx, { bomFormat: 'CycloneDX' });
      const json = await keySigner(key)(statementBytes(bill));
      await attach(other, subject.descriptor, { json, predicateType: predicates.cyclonedx });
    };
    await put(subject.platforms.slice(0, 1));
    const { checks } = await verify(partly);
    expect(checks.filter(({ passed }) => !passed)).toMatchObject([{ found: 'nothing for linux/arm64' }]);
    await put(subject.platforms.slice(1));
    expect(failed(await verify(partly))).toEqual([]);
  });

  it('is what was expected and is not so, all told at once', async () => {
    const { reference, repository, project } = await proven();
    const expect_ = {
      ...{ commit: 'f'.repeat(40), repository: 'acme/other', ref: 'refs/heads/other', workflow: 'other' },
      ...{ modelDigest: digestOf(Buffer.from('other')), verdicts: ['fail'] as const },
    };
    expect(failed(await verify(reference, { expect: expect_ }))).toEqual([
      ...['commit', 'repository', 'ref', 'workflow', 'model', 'gate of model'],
    ]);
    const [job] = project.record.jobs;
    if (job) job.gates = [];
    project.record.run.dirty = true;
    const ungated = await pushImage(repository, { layer: 'ungated' });
    await attest(repository, project);
    expect(failed(await verify(ungated))).toEqual(['code as committed', 'gate']);
    expect(
      failed(await verify(ungated, { expect: { allowDirty: true, verdicts: ['pass', 'none'] } })),
    ).toEqual([]);
  });

  it('is code of another commit than the run is of, except the merge of a pull request', async () => {
    const repository = fresh(registries[kind].host);
    const project = await makeProject();
    const merge = project.record.run.commit;
    project.record.run.commit = 'c'.repeat(40);
    const reference = await pushImage(repository, { revision: merge });
    await attest(repository, project);
    expect(failed(await verify(reference))).toEqual(['code as committed']);
    project.record.run.event = 'pull_request';
    const other = await pushImage(repository, { revision: merge, layer: 'of a pull request' });
    await attest(repository, project);
    for (const commit of [merge, 'c'.repeat(40)])
      expect(failed(await verify(other, { expect: { commit }, local: localOf(project) }))).toEqual([]);
  });

  it('is provenance of another commit', async () => {
    const repository = fresh(registries[kind].host);
    const reference = await pushImage(repository, { revision: 'e'.repeat(40) });
    await attest(repository, await makeProject());
    expect(failed(await verify(reference))).toEqual(['commit in the provenance', 'commit in the provenance']);
  });
});

it('fails when what refers to the image was removed, altered in storage, or cannot be asked for', async () => {
  const { host, folder } = registries.distribution;
  const proxy = await startOciProxy(host);
  const repository = new Registry(proxy.host, options).repository(`proof-${count++}`);
  const project = await makeProject();
  const reference = await pushImage(repository);
  const attestation = await attest(repository, project);
  expect((await verify(reference)).passed).toBe(true);
  const { digest = '' } = await verify(reference);

  proxy.inject({ kind: 'answer', status: 403 }, ({ path }) => path.endsWith(referrersTag(digest)), 1);
  expect(failed(await verify(reference))).toContain('attestations');
  proxy.inject({ kind: 'answer', status: 403 }, ({ path }) => path.endsWith('/manifests/v1'), 1);
  expect(failed(await verify(reference))).toEqual(['image']);

  const [listed] = await listReferrers(repository, digest, { artifactType: bundleType });
  expect(listed?.digest).toBe(attestation);
  const stored = join(
    folder,
    'docker/registry/v2/blobs/sha256',
    attestation.slice(7, 9),
    attestation.slice(7),
    'data',
  );
  const bytes = await readFile(stored);
  await writeFile(
    stored,
    bytes.map((byte, i) => (i === bytes.length - 9 ? byte ^ 1 : byte)),
  );
  const altered = await verify(reference);
  expect(failed(altered)).toContain('attestations');
  await writeFile(stored, bytes);

  const layer = Buffer.from('layer amd64');
  const hex = digestOf(layer).slice('sha256:'.length);
  const layerStored = join(folder, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
  await writeFile(layerStored, 'Layer amd64');
  expect((await verify(reference)).passed).toBe(true); // Who runs it would not take the layer either.
  expect(failed(await verify(reference, { layers: true }))).toEqual(['content for linux/amd64']);
  await writeFile(layerStored, layer);
  expect((await verify(reference, { layers: true })).passed).toBe(true);

  const empty = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] };
  await manifest(repository, empty, referrersTag(digest));
  expect(failed(await verify(reference))).toContain('what it was made of');
  await proxy.close();
});

it('holds for model artifacts, whose files must be the model', async () => {
  const repository = fresh(registries.memory.host);
  const project = await makeProject();
  await packAndPushModel(repository, join(project.folder, 'model'), 'folder');
  await attest(repository, project, { target: 'folder' });
  const whole = await verify(`${registries.memory.host}/${repository.name}:folder`, {
    expect: { attestations: ['training'] },
  });
  expect(whole.checks).toContainEqual(
    expect.objectContaining({ check: 'model model in the artifact', passed: true }),
  );
  await writeFile(join(project.folder, 'model/config.json'), '{}');
  const [training] = project.record.jobs[0]?.trainings ?? [];
  const { descriptor } = await packAndPushModel(repository, join(project.folder, 'model'), 'v1');
  const weights = digestOf(await readFile(join(project.folder, 'model/weights.json')));
  if (training?.model) training.model = { ...training.model, path: 'model/weights.json', digest: weights };
  await attest(repository, project);
  const reference = `${registries.memory.host}/${repository.name}@${descriptor.digest}`;
  const only = { attestations: ['training'] } as const;
  const verification = await verify(reference, { expect: only });
  expect(failed(verification)).toEqual([]);
  expect(verification.checks.map(({ check }) => check)).toContainEqual(
    'model model/weights.json in the artifact',
  );
  if (training?.model) training.model.digest = digestOf(Buffer.from('another'));
  await project.change('model/weights.json');
  const next = await packAndPushModel(repository, join(project.folder, 'model'), 'v2');
  await attest(repository, project, { target: 'v2' });
  const other = await verify(`${registries.memory.host}/${repository.name}@${next.descriptor.digest}`, {
    expect: only,
  });
  expect(failed(other)).toEqual(['model model/weights.json in the artifact']);
});

describe('a whole proof', () => {
  const issuer = 'https://token.actions.githubusercontent.com';
  const workflow = 'https://github.com/acme/tumor/.github/workflows/ml.yml@refs/heads/main';
  let sigstore: LocalSigstore;
  let spdx: object;
  beforeAll(async () => {
    sigstore = await startSigstore();
    const file = new URL('../../actions/docker-build-push/test/proof/syft.spdx.json', import.meta.url);
    spdx = JSON.parse(await readFile(file, 'utf8'));
  });
  afterAll(() => sigstore?.close());

  const trusted = () =>
    ({
      kind: 'sigstore',
      issuer,
      subject: workflow.replaceAll('.', '\\.'),
      trustedRoots: sigstore.roots.logged,
    }) as const;

  /** GitHub's API, which keeps attestations for tokens that may write them. */
  async function startApi() {
    const bundles: object[] = [];
    const api = await startGitHubApi({
      operations: {
        'repos/create-attestation': operation<{ bundle: object }>(
          [{ attestations: 'write' } as object],
          ({ body }) => {
            bundles.push(body.bundle);
            return created({ id: bundles.length });
          },
        ),
      },
    });
    api.repository('acme/tumor');
    const tokenFor = (permissions: object) => api.token(permissions);
    const signing = (permissions: object, changes: object = {}) =>
      chooseSigning({
        mode: 'auto',
        github: { repository: 'acme/tumor', apiUrl: api.url, serverUrl: 'https://github.com', payload: {} },
        token: tokenFor(permissions),
        services: sigstore.services.logged,
        identity: async () => identityToken({ iss: issuer, sub: workflow }),
        env: {},
        ...changes,
      });
    return { api, bundles, signing };
  }

  async function image() {
    const repository = fresh(registries.distribution.host);
    const reference = await pushImage(repository, { spdx });
    return { reference, subject: await resolveSubject(repository, 'v1') };
  }

  it("is signed with the workflow's identity, and among the repository's attestations", async () => {
    const { api, bundles, signing } = await startApi();
    const project = await makeProject();
    const { reference, subject } = await image();
    const signed = await signing({ attestations: 'write' });
    if (!signed) throw new Error('it is signed');
    const source = await readSource(project.folder);
    const proof = await prove(subject, { record: project.record, signing: signed, source, cyclonedx: true });
    expect(proof.attestations.map(({ predicateType, signed, url }) => [predicateType, signed, url])).toEqual([
      [predicates.cyclonedx, 'github', 'https://github.com/acme/tumor/attestations/1'],
      [predicates.cyclonedx, 'github', 'https://github.com/acme/tumor/attestations/2'],
      [predicates.cyclonedx, 'github', 'https://github.com/acme/tumor/attestations/3'],
      [trainingPredicate, 'github', 'https://github.com/acme/tumor/attestations/4'],
    ]);
    expect([...proof.bills.keys()]).toEqual(['linux/amd64', 'linux/arm64', 'model']);
    expect(bundles[3]).toHaveProperty('mediaType', bundleType);
    const attestations = ['training', 'sbom', 'ml-bom', 'provenance'] as const;
    const verification = await verify(reference, { trust: [trusted()], expect: { attestations } });
    expect(failed(verification)).toEqual([]);
    const other = { ...trusted(), subject: 'https://github\\.com/acme/other/.*' };
    expect((await verify(reference, { trust: [other] })).passed).toBe(false);
    api.expectNoViolations();
    await api.close();
  });

  it('is signed with the key where a scope is missing, and by nobody only when that is asked for', async () => {
    const { api, signing } = await startApi();
    const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
    const how = async (permissions: object, changes: object) =>
      (await (await signing(permissions, changes))?.sign(Buffer.from('{}')))?.how;
    expect(await how({ contents: 'read' }, { key: pem })).toBe('key');
    expect(await how({ contents: 'read' }, {})).toBe('keyless');
    await expect(how({ contents: 'read' }, { mode: 'github' })).rejects.toMatchObject({
      ...{ name: 'UserError', advice: expect.stringContaining('attestations: write') },
    });
    expect(await how({}, { identity: undefined, key: pem })).toBe('key');
    for (const changes of [
      { identity: undefined },
      { identity: undefined, mode: 'github', key: pem },
      { mode: 'key' },
    ])
      await expect(how({}, changes)).rejects.toMatchObject({ name: 'UserError' });
    expect(await signing({}, { mode: 'none' })).toBeUndefined();
    expect(await how({}, { mode: 'keyless' })).toBe('keyless');
    await api.close();
  });

  it('is of the bills in a layout as well as of those in a registry', async () => {
    const { subject } = await image();
    const folder = await mkdtemp(join(root, 'layout-'));
    const put = async (digest: string, bytes: Buffer) => {
      await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
      await writeFile(join(folder, 'blobs/sha256', digest.slice(7)), bytes);
    };
    for (const { digest } of subject.attestations) {
      const { bytes } = await resolveSubject(subject.repository, digest);
      await put(digest, bytes);
      for (const layer of JSON.parse(bytes.toString()).layers)
        await put(layer.digest, await readBlob(subject.repository, layer));
    }
    await put(subject.descriptor.digest, subject.bytes);
    await writeFile(
      join(folder, 'index.json'),
      JSON.stringify({ schemaVersion: 2, manifests: [subject.descriptor] }),
    );
    const layout = await openLayout(folder);
    const bills = await billsIn(layout, await attestationsIn(layout, layout.root.digest));
    expect(bills).toEqual(await billsIn(attestationSource(subject.repository), subject.attestations));
    expect(bills.map(({ digest }) => digest)).toEqual(subject.platforms.map(({ digest }) => digest));
    expect(bills[0]?.spdx.packages).toHaveLength(10);
  });
});
