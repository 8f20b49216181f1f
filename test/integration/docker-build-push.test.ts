import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  bytesSource,
  connect,
  digestOf,
  getManifest,
  parseReference,
  pushBlob,
  putManifest,
} from '@mlops/oci';
import { type OciRegistry, startOciRegistry } from '@mlops/testkit/oci';
import { type ActionOptions, type ActionResult, runAction } from '@mlops/testkit/runner-files';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

/** What buildx is called with for each input: a program in its place writes down its arguments, and builds nothing. */

const action = fileURLToPath(new URL('../../actions/docker-build-push', import.meta.url));

interface Call {
  args: string[];
  env: Record<string, string>;
  /** What the files of `--secret` held. */
  secrets: Record<string, string>;
  /** What the file of `--buildkitd-config` held. */
  config?: string;
}

const standIn = `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const args = process.argv.slice(2);
const folder = process.env.STAND_IN;
const after = (option) => args.flatMap((value, i) => (args[i - 1] === option ? [value] : []));
const read = (file) => readFileSync(join(folder, file), 'utf8');
const secrets = Object.fromEntries(
  after('--secret').flatMap((secret) => {
    const [, id, src] = /^id=([^,]+),src=(.+)$/.exec(secret) ?? [];
    return src ? [[id, readFileSync(src, 'utf8')]] : [];
  }),
);
const [configFile] = after('--buildkitd-config');
const config = configFile && readFileSync(configFile, 'utf8');
appendFileSync(join(folder, 'calls'), JSON.stringify({ args, env: process.env, secrets, config }) + '\\n');
if (args[0] === 'inspect') {
  const name = args.slice(1).find((arg) => !arg.startsWith('--')) ?? 'default';
  // Features are told only to those who debug.
  const about = process.env.DEBUG ? read('inspect') : read('inspect').replace(/^Features:\\n(?: .*\\n?)*/m, '');
  console.log(about.replaceAll('NAME', name));
}
const [metadata] = after('--metadata-file');
if (metadata && !args.includes('--call')) writeFileSync(metadata, read('metadata'));
if (existsSync(join(folder, 'failure')) && /^(build|bake)$/.test(args[0])) {
  console.error(read('failure'));
  process.exit(1);
}
`;

let registry: OciRegistry;
let root: string;
let state: string;
let workspace: string;
let env: Record<string, string>;
const results: ActionResult[] = [];

beforeAll(async () => {
  registry = await startOciRegistry();
  root = await mkdtemp(join(tmpdir(), 'docker-build-push-'));
  state = join(root, 'state');
  workspace = join(root, 'workspace');
  const plugin = join(root, 'docker', 'cli-plugins', 'docker-buildx');
  for (const folder of [state, workspace, dirname(plugin)]) await mkdir(folder, { recursive: true });
  await writeFile(plugin, standIn, { mode: 0o755 });
  for (const path of ['Dockerfile', 'service/Dockerfile', 'service/Dockerfile.gpu']) {
    await mkdir(dirname(join(workspace, path)), { recursive: true });
    await writeFile(join(workspace, path), 'FROM scratch\n');
  }
  env = { DOCKER_CONFIG: join(root, 'docker'), STAND_IN: state, SOURCE_DATE_EPOCH: '1767225600' };
  await publish(...['v1', 'v2', 'v1-gpu', 'latest'].map((tag) => `acme/tumor:${tag}`));
  await publish('acme/other:v1', 'acme/other:v2');
});
afterAll(async () => {
  for (const { runner } of results) await runner.remove();
  await registry?.close();
  await rm(root, { recursive: true, force: true });
});
beforeEach(async () => {
  await rm(join(state, 'failure'), { force: true });
  await writeFile(join(state, 'calls'), '');
  await use('docker-container');
  await publish('acme/tumor:v1');
});

/** What the builder says of itself. */
async function use(driver: string, lacks: readonly string[] = []): Promise<void> {
  const features = ['Cache export', 'Docker exporter', 'Multi-platform build', 'OCI exporter'].map(
    (name) => `    ${name}: ${!lacks.includes(name)}`,
  );
  await writeFile(
    join(state, 'inspect'),
    [
      ...['Name:          NAME', `Driver:        ${driver}`, '', 'Nodes:', 'Name:     NAME0'],
      ...['Endpoint: default', 'Status:   running', 'Platforms: linux/amd64, linux/386', 'Features:'],
      ...features,
    ].join('\n'),
  );
}

/** An image that is in the registry already, which the stand-in then claims to have pushed. */
async function publish(...names: string[]): Promise<string> {
  const config = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', layers: [] },
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        ...{ digest: digestOf(config), size: config.length },
      },
    }),
  );
  for (const name of names) {
    const { repository, target } = connect(parseReference(`${registry.host}/${name}`));
    await pushBlob(repository, { digest: digestOf(config), size: config.length }, bytesSource(config));
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    await putManifest(repository, { mediaType, bytes: manifest, target });
  }
  const metadata = { 'containerimage.digest': digestOf(manifest) };
  await writeFile(join(state, 'metadata'), JSON.stringify(metadata));
  return digestOf(manifest);
}

async function calls(): Promise<Call[]> {
  const lines = (await readFile(join(state, 'calls'), 'utf8')).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Call);
}

type Given = Record<string, string | number | boolean>;

/** `HOST` stands for the registry. */
async function run(inputs: Given, options: ActionOptions = {}): Promise<ActionResult> {
  const all = Object.entries({ images: 'HOST/acme/tumor', tags: 'v1', ...inputs });
  const result = await runAction(action, {
    ...{ workspace, ...options },
    inputs: Object.fromEntries(
      all.map(([name, value]) => [name, String(value).replaceAll('HOST', registry.host)]),
    ),
    env: { ...env, ...options.env },
  });
  results.push(result);
  return result;
}

const errorsOf = ({ annotations }: ActionResult) =>
  annotations.flatMap(({ level, message }) => (level === 'error' ? [message] : []));

/** What the call that builds was given, an option with its value in one text; without what differs on each machine. */
async function builtWith(inputs: Given, options: ActionOptions = {}): Promise<string[]> {
  await writeFile(join(state, 'calls'), '');
  const result = await run(inputs, options);
  expect(errorsOf(result)).toEqual([]);
  const built = (await calls()).filter(({ args }) => /^(?:build|bake)$/.test(args[0] ?? ''));
  expect(built).toHaveLength(1);
  return shown(built[0]?.args ?? [], result);
}

const bare = ['--load', '--no-cache', '--pull', '--push'];

function shown(args: readonly string[], { runner }: ActionResult): string[] {
  const options: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    const takesValue = arg.startsWith('--') && !bare.includes(arg) && !arg.includes('=');
    options.push(takesValue ? `${arg} ${args[++i]}` : arg);
  }
  return options.map((option) =>
    option
      .replaceAll(workspace, 'WORKSPACE')
      .replaceAll(runner.temp, 'TEMP')
      .replaceAll(registry.host, 'HOST')
      .replace(/(mlops-[a-z]+-)\w{6,}/g, '$1X'),
  );
}

/** What one list has more than the other, each as often as it has it more. */
function beyond(list: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return list.filter((item) => {
    const at = left.indexOf(item);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const builderId = 'builder-id=https://github.com/acme/model/actions/runs/1/attempts/1';
const minimal = `--attest type=provenance,mode=min,${builderId}`;

describe('a build', () => {
  let plain: string[];
  beforeAll(async () => {
    await use('docker-container');
    plain = await builtWith({});
  });

  it('is asked for with these arguments', () => {
    expect(plain).toMatchInlineSnapshot(`
      [
        "build",
        "--builder default",
        "--annotation manifest:org.opencontainers.image.created=2026-01-01T00:00:00.000Z",
        "--annotation manifest:org.opencontainers.image.description=",
        "--annotation manifest:org.opencontainers.image.licenses=",
        "--annotation manifest:org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567",
        "--annotation manifest:org.opencontainers.image.source=https://github.com/acme/model",
        "--annotation manifest:org.opencontainers.image.title=model",
        "--annotation manifest:org.opencontainers.image.url=https://github.com/acme/model",
        "--annotation manifest:org.opencontainers.image.version=v1",
        "--attest type=provenance,mode=min,builder-id=https://github.com/acme/model/actions/runs/1/attempts/1",
        "--file WORKSPACE/Dockerfile",
        "--label org.opencontainers.image.created=2026-01-01T00:00:00.000Z",
        "--label org.opencontainers.image.description=",
        "--label org.opencontainers.image.licenses=",
        "--label org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567",
        "--label org.opencontainers.image.source=https://github.com/acme/model",
        "--label org.opencontainers.image.title=model",
        "--label org.opencontainers.image.url=https://github.com/acme/model",
        "--label org.opencontainers.image.version=v1",
        "--metadata-file TEMP/mlops-build-X/metadata.json",
        "--output type=image,push=true",
        "--tag HOST/acme/tumor:v1",
        "--progress=plain",
        "WORKSPACE",
      ]
    `);
  });

  it.each<[string, Given, added: string[], removed?: string[]]>([
    ['target', { target: 'serve' }, ['--target serve']],
    [
      'build arguments, whatever is in them',
      { 'build-args': 'A=1\nB=x,y and "z"\nC=a=b\n"D=1,2"\nE=' },
      [
        ...['--build-arg A=1', '--build-arg B=x,y and "z"', '--build-arg C=a=b'],
        ...['--build-arg D=1,2', '--build-arg E='],
      ],
    ],
    [
      'build arguments of several lines, as YAML',
      { 'build-args': '["A=one\\ntwo", "B=3"]' },
      ['--build-arg A=one\ntwo', '--build-arg B=3'],
    ],
    [
      'build contexts',
      { 'build-contexts': 'data=../data\nbase=docker-image://python:3.13' },
      ['--build-context data=../data', '--build-context base=docker-image://python:3.13'],
    ],
    [
      'a label in quotes, as others take them',
      { labels: '"team=ml ""x"", vision"' },
      ['--label team=ml "x", vision'],
    ],
    ['a label', { labels: 'team=ml, vision' }, ['--label team=ml, vision']],
    [
      'a label in the place of a usual one',
      { labels: 'org.opencontainers.image.title=Tumor' },
      ['--label org.opencontainers.image.title=Tumor'],
      ['--label org.opencontainers.image.title=model'],
    ],
    [
      'annotations of each level',
      { annotations: 'team=ml\nindex,manifest:team=ml\nmanifest-descriptor:a=b' },
      [
        '--annotation manifest:team=ml',
        '--annotation index,manifest:team=ml',
        '--annotation manifest-descriptor:a=b',
      ],
    ],
    [
      'SSH agents and keys',
      { ssh: 'default\nkey=/root/.ssh/id_ed25519' },
      ['--ssh default', '--ssh key=/root/.ssh/id_ed25519'],
    ],
    [
      'privileges',
      { allow: 'network.host\nsecurity.insecure' },
      ['--allow network.host', '--allow security.insecure'],
    ],
    ['the network', { network: 'none' }, ['--network none']],
    ['the size of /dev/shm', { 'shm-size': '2g' }, ['--shm-size 2g']],
    ['limits', { ulimit: 'nofile=1024:1024\nnproc=3' }, ['--ulimit nofile=1024:1024', '--ulimit nproc=3']],
    ['the parent of control groups', { 'cgroup-parent': 'ml' }, ['--cgroup-parent ml']],
    [
      'names of hosts',
      { 'add-hosts': 'data:10.0.0.1\nmirror:10.0.0.2' },
      ['--add-host data:10.0.0.1', '--add-host mirror:10.0.0.2'],
    ],
    ['a build without cache', { 'no-cache': true }, ['--no-cache']],
    ['stages without cache', { 'no-cache-filters': 'train\nserve' }, ['--no-cache-filter train,serve']],
    ['newer base images', { pull: true }, ['--pull']],
    ['one platform', { platforms: 'linux/arm64' }, ['--platform linux/arm64']],
    [
      'platforms, in lines and by commas',
      { platforms: 'linux/amd64, linux/arm64\nlinux/arm/v7' },
      ['--platform linux/amd64,linux/arm64,linux/arm/v7'],
    ],
    [
      'further outputs',
      { outputs: 'type=local,dest=out\ntype=tar,dest=out.tar' },
      ['--output type=local,dest=out', '--output type=tar,dest=out.tar'],
    ],
    [
      'another context and file',
      { context: 'service', file: 'service/Dockerfile.gpu' },
      ['--file WORKSPACE/service/Dockerfile.gpu', 'WORKSPACE/service'],
      ['--file WORKSPACE/Dockerfile', 'WORKSPACE'],
    ],
    [
      'the Dockerfile of another context',
      { context: 'service' },
      ['--file WORKSPACE/service/Dockerfile', 'WORKSPACE/service'],
      ['--file WORKSPACE/Dockerfile', 'WORKSPACE'],
    ],
    [
      'a repository as context, without a file',
      { context: 'https://git.example.com/acme/model.git#v1:service' },
      ['https://git.example.com/acme/model.git#v1:service'],
      ['--file WORKSPACE/Dockerfile', 'WORKSPACE'],
    ],
    [
      'a repository as context, and a file in it',
      { context: 'https://git.example.com/acme/model.git', file: 'docker/Dockerfile' },
      ['--file docker/Dockerfile', 'https://git.example.com/acme/model.git'],
      ['--file WORKSPACE/Dockerfile', 'WORKSPACE'],
    ],
    ['a builder that exists', { builder: 'mine' }, ['--builder mine'], ['--builder default']],
    [
      'several images and tags',
      { images: 'HOST/acme/tumor\nHOST/acme/other', tags: 'v1\ntype=raw,value=v2' },
      ['--tag HOST/acme/tumor:v2', '--tag HOST/acme/other:v1', '--tag HOST/acme/other:v2'],
    ],
    [
      'whole references, also on one line',
      { images: '', tags: 'HOST/acme/tumor:v1, HOST/acme/other:v2' },
      [
        ...['--annotation manifest:org.opencontainers.image.version=main'],
        ...['--label org.opencontainers.image.version=main', '--tag HOST/acme/other:v2'],
      ],
      [
        ...['--annotation manifest:org.opencontainers.image.version=v1'],
        ...['--label org.opencontainers.image.version=v1'],
      ],
    ],
    [
      'what the flavor makes of tags',
      { flavor: 'suffix=-gpu\nlatest=true' },
      [
        ...['--annotation manifest:org.opencontainers.image.version=v1-gpu'],
        ...['--label org.opencontainers.image.version=v1-gpu'],
        ...['--tag HOST/acme/tumor:v1-gpu', '--tag HOST/acme/tumor:latest'],
      ],
      [
        ...['--annotation manifest:org.opencontainers.image.version=v1'],
        ...['--label org.opencontainers.image.version=v1', '--tag HOST/acme/tumor:v1'],
      ],
    ],
    [
      'caches to read',
      { 'cache-from': 'type=gha\nacme/tumor:cache' },
      ['--cache-from type=gha', '--cache-from acme/tumor:cache'],
    ],
    [
      'caches to write, which may fail',
      {
        'cache-to':
          'type=registry,ref=acme/tumor:cache,mode=max\ntype=inline\nacme/tumor:short\ntype=gha,ignore-error=false',
      },
      [
        '--cache-to type=registry,ref=acme/tumor:cache,mode=max,ignore-error=true',
        '--cache-to type=inline',
        '--cache-to type=registry,ref=acme/tumor:short,ignore-error=true',
        '--cache-to type=gha,ignore-error=false',
      ],
    ],
    [
      'the cache beside the image',
      { cache: 'registry' },
      [
        '--cache-from type=registry,ref=HOST/acme/tumor:buildcache',
        '--cache-to type=registry,ref=HOST/acme/tumor:buildcache,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true',
      ],
    ],
    [
      'a cache for each platform',
      { cache: 'registry', platforms: 'linux/arm64' },
      [
        '--cache-from type=registry,ref=HOST/acme/tumor:buildcache-linux-arm64',
        '--cache-to type=registry,ref=HOST/acme/tumor:buildcache-linux-arm64,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true',
        '--platform linux/arm64',
      ],
    ],
    [
      'a cache beside an image that is not pushed, which is only read',
      { cache: 'registry', push: false },
      ['--cache-from type=registry,ref=HOST/acme/tumor:buildcache'],
      ['--output type=image,push=true', minimal],
    ],
    [
      "GitHub's cache",
      { cache: 'gha' },
      [
        '--cache-from type=gha,scope=HOST/acme/tumor',
        '--cache-to type=gha,scope=HOST/acme/tumor,mode=max,ignore-error=true',
      ],
    ],
    ['an image that is not pushed', { push: false }, [], ['--output type=image,push=true', minimal]],
    [
      'a push without tags',
      { 'push-by-digest': true },
      ['--output type=image,name=HOST/acme/tumor,push-by-digest=true,name-canonical=true,push=true'],
      ['--output type=image,push=true', '--tag HOST/acme/tumor:v1'],
    ],
    [
      'a push without tags to two names',
      { 'push-by-digest': true, images: 'HOST/acme/tumor\nHOST/acme/other' },
      [
        '--output type=image,"name=HOST/acme/tumor,HOST/acme/other",push-by-digest=true,name-canonical=true,push=true',
      ],
      ['--output type=image,push=true', '--tag HOST/acme/tumor:v1'],
    ],
    ['an image for Docker, too, which takes no attestations', { load: true }, ['--load'], [minimal]],
    [
      'an image for Docker with the attestations that are asked for',
      { load: true, sbom: true, provenance: 'mode=max' },
      ['--load', '--attest type=sbom', `--attest type=provenance,mode=max,${builderId}`],
      [minimal],
    ],
    ['a bill of materials', { sbom: true }, ['--attest type=sbom']],
    [
      'the generator of a bill of materials',
      { sbom: 'generator=acme/scan' },
      ['--attest type=sbom,generator=acme/scan'],
    ],
    ['no bill of materials', { sbom: false }, ['--attest type=sbom,disabled=true']],
    ['no provenance', { provenance: false }, ['--attest type=provenance,disabled=true'], [minimal]],
    [
      'provenance',
      { provenance: 'mode=max,version=v1' },
      [`--attest type=provenance,mode=max,version=v1,${builderId}`],
      [minimal],
    ],
    [
      'attestations as buildx takes them',
      { attests: 'type=sbom,generator=acme/scan\ntype=provenance,mode=max' },
      ['--attest type=sbom,generator=acme/scan', `--attest type=provenance,mode=max,${builderId}`],
      [minimal],
    ],
    [
      'the compression of all layers',
      { compression: 'zstd', 'compression-level': 3 },
      [
        '--output type=image,push=true,compression=zstd,force-compression=true,oci-mediatypes=true,compression-level=3',
      ],
      ['--output type=image,push=true'],
    ],
    [
      'layers that a node reads as it needs them',
      { compression: 'estargz' },
      ['--output type=image,push=true,compression=estargz,force-compression=true,oci-mediatypes=true'],
      ['--output type=image,push=true'],
    ],
    [
      'layers that are not compressed',
      { compression: 'uncompressed' },
      ['--output type=image,push=true,compression=uncompressed,force-compression=true,oci-mediatypes=true'],
      ['--output type=image,push=true'],
    ],
    [
      'another level of gzip',
      { 'compression-level': 9 },
      ['--output type=image,push=true,compression-level=9'],
      ['--output type=image,push=true'],
    ],
  ])('is told of %s', async (_, inputs, added, removed = []) => {
    const args = await builtWith(inputs);
    expect(beyond(args, plain).toSorted()).toEqual(added.toSorted());
    expect(beyond(plain, args).toSorted()).toEqual(removed.toSorted());
  });
});

describe('attestations', () => {
  it('have all that is known of a build in a public repository', async () => {
    const args = await builtWith({}, { payload: { repository: { private: false } } });
    expect(args).toContain(`--attest type=provenance,mode=max,${builderId}`);
  });

  it('are left out where the target refuses an index, and so are annotations', async () => {
    for (const profile of ['lambda', 'sagemaker']) {
      const args = await builtWith({ profile });
      expect(args.filter((arg) => /^--(?:attest|annotation)/.test(arg))).toEqual([]);
      expect(args).toContain('--output type=image,push=true');
    }
    const result = await run({ profile: 'lambda', sbom: true });
    expect(result.annotations.map(({ message }) => message).join()).toMatch(/sbom is left out/);
  });
});

describe('secrets', () => {
  const values = ['token=s3cr3t-of-the-registry', '"key=first line, of-a-key"'];
  const secret = /s3cr3t-of-the-registry|of-a-key|from-the-environment|from-a-file|gh-t0ken/;

  it('are in files for as long as the build takes, and nowhere else', async () => {
    await writeFile(join(workspace, 'secret.txt'), 'from-a-file');
    const given = {
      ...{ secrets: values.join('\n'), 'secret-envs': 'api=API_TOKEN', 'secret-files': 'cert=secret.txt' },
      ...{ context: 'https://github.com/acme/model.git', 'github-token': 'gh-t0ken' },
    };
    const result = await run(given, { env: { API_TOKEN: 'from-the-environment' } });
    expect(errorsOf(result)).toEqual([]);
    const all = await calls();
    const built = all.find(({ args }) => args[0] === 'build');
    expect(built?.secrets).toEqual({
      ...{ token: 's3cr3t-of-the-registry', key: 'first line, of-a-key', cert: 'from-a-file' },
      GIT_AUTH_TOKEN: 'gh-t0ken',
    });
    expect(built?.args).toContain('id=api,env=API_TOKEN');
    for (const { args, env } of all) {
      expect(args.join('\n')).not.toMatch(secret);
      const { API_TOKEN: _, ...others } = env;
      expect(JSON.stringify(others)).not.toMatch(secret);
    }
    const { outputs, summary, record, state } = result;
    expect(JSON.stringify({ outputs, summary, record, state })).not.toMatch(secret);
    // What stands in the log besides is what is asked to be masked there.
    expect(result.stdout.replace(/^::add-mask::.*$/gm, '')).not.toMatch(secret);
    for (const value of ['s3cr3t-of-the-registry', 'first line, of-a-key'])
      expect(result.masks).toContain(value);
    const files = (await readdir(result.runner.temp, { recursive: true, withFileTypes: true })).filter(
      (file) => file.isFile(),
    );
    for (const { parentPath, name } of files)
      expect(await readFile(join(parentPath, name), 'utf8'), name).not.toMatch(secret);
  });

  it('are removed after a build that failed', async () => {
    await writeFile(join(state, 'failure'), 'ERROR: failed to solve: something else');
    const result = await run({ secrets: values.join('\n'), push: false });
    expect(errorsOf(result).join()).toMatch(/something else/);
    const left = await readdir(result.runner.temp);
    expect(left.filter((name) => /^mlops-(?:build|secrets)-/.test(name))).toEqual([]);
  });

  it('of several lines are not cut to the first one', async () => {
    const result = await run({ secrets: '"key=first line\nof-a-key"' });
    expect(errorsOf(result).join()).toMatch(/'secrets' has a quote that is not closed.*secret-envs/s);
    const yaml = await run({ secrets: '["key=first line\\nof-a-key\\n"]', push: false });
    expect(errorsOf(yaml)).toEqual([]);
    expect((await calls()).at(-1)?.secrets).toEqual({ key: 'first line\nof-a-key\n' });
  });
});

describe('a builder', () => {
  const created = async () =>
    (await calls()).filter(({ args }) => /^(?:create|inspect|rm)$/.test(args[0] ?? ''));

  it('is created as it is asked for, and removed after the job', async () => {
    const given = {
      ...{ driver: 'remote', endpoint: 'tcp://one:1234', 'driver-opts': 'cacert=ca.pem\ndefault-load=true' },
      ...{ 'buildkitd-flags': '--debug', push: false },
      'builder-nodes':
        '[{ endpoint: "tcp://two:1234", name: arm, platforms: linux/arm64, driver-opts: [cert=c.pem] }]',
    };
    const result = await run(given);
    expect(errorsOf(result)).toEqual([]);
    const name = result.outputs.builder ?? '';
    expect(name).toMatch(/^mlops-[0-9a-f]{12}$/);
    expect((await created()).map(({ args }) => args.join(' ').replaceAll(name, 'B'))).toEqual([
      'create --name B --driver remote --driver-opt cacert=ca.pem --driver-opt default-load=true --buildkitd-flags --debug tcp://one:1234',
      'create --append --name B --node arm --platform linux/arm64 --driver-opt cert=c.pem tcp://two:1234',
      'inspect --bootstrap B',
    ]);
    expect(result.outputs['builder-platforms']).toBe('linux/amd64\nlinux/386');
    const built = (await calls()).find(({ args }) => args[0] === 'build');
    expect(built?.args.slice(1, 3)).toEqual(['--builder', name]);
    await writeFile(join(state, 'calls'), '');
    const after = await run(given, { after: result, state: result.state });
    expect(errorsOf(after)).toEqual([]);
    expect((await calls()).map(({ args }) => args)).toEqual([['rm', '--force', name]]);
  });

  it('stays where later steps want it', async () => {
    const result = await run({ driver: 'docker-container', 'keep-builder': true, push: false });
    expect(result.outputs['builder-driver']).toBe('docker-container');
    expect(result.state.builder).toBeUndefined();
  });

  it("has BuildKit's configuration, as a text or from a file", async () => {
    const config = '[registry."mirror.example.com"]\nhttp = true';
    await writeFile(join(workspace, 'buildkitd.toml'), 'debug = true\n');
    for (const [given, expected] of [
      [config, `${config}\n`],
      ['buildkitd.toml', 'debug = true\n'],
    ] as const) {
      await writeFile(join(state, 'calls'), '');
      await run({ driver: 'docker-container', 'buildkitd-config': given, push: false });
      expect((await created())[0]?.config).toBe(expected);
    }
    const missing = await run({ driver: 'docker-container', 'buildkitd-config': 'gone.toml' });
    expect(errorsOf(missing).join()).toMatch(/'gone\.toml' does not exist/);
  });

  it("takes the place of Docker's own where that cannot do what is asked for, and only then", async () => {
    await use('docker', ['Cache export', 'Multi-platform build', 'OCI exporter']);
    const drivers: (string | undefined)[] = [];
    const asked: Given[] = [
      ...[{}, { push: true, provenance: false }, { push: true }, { cache: 'gha' }, { compression: 'zstd' }],
      ...[{ platforms: 'linux/amd64,linux/arm64' }, { outputs: 'type=oci,dest=x', provenance: false }],
      { push: true, 'push-by-digest': true, provenance: false },
    ];
    for (const given of asked) {
      await writeFile(join(state, 'calls'), '');
      await run({ push: false, ...given });
      drivers.push((await created()).find(({ args }) => args[0] === 'create')?.args[4]);
    }
    expect(drivers).toEqual([undefined, undefined, ...asked.slice(2).map(() => 'docker-container')]);
    const refused = await run({ push: false, cache: 'gha', builder: 'default' });
    expect(errorsOf(refused).join()).toMatch(/driver docker, which lacks: caches elsewhere/);
    expect(errorsOf(await run({ driver: 'remote' })).join()).toMatch(/needs the address of a BuildKit/);
    expect(errorsOf(await run({ driver: 'remote', builder: 'default' })).join()).toMatch(/both a builder/);
  });
});

describe('calls that build nothing', () => {
  it.each(['check', 'outline', 'targets'])('%s', async (call) => {
    const result = await run({ call, images: '', tags: '' });
    expect(errorsOf(result)).toEqual([]);
    const args = shown((await calls()).at(-1)?.args ?? [], result);
    expect(args).toContain(`--call ${call === 'check' ? 'check,format=json' : call}`);
    expect(args.filter((arg) => /^--(?:output|tag|push|attest)/.test(arg))).toEqual([]);
  });
});

describe('bake', () => {
  it('refuses what only its definitions can say, before anything is built', async () => {
    const result = await run({ 'bake-files': 'bake.hcl', secrets: 'a=b', 'smoke-test': 'always' });
    expect(errorsOf(result).join()).toMatch(/bake does not take 'secrets', 'smoke-test'/);
    expect(await calls()).toEqual([]);
  });

  it('is asked for with these arguments', async () => {
    await writeFile(join(state, 'metadata'), JSON.stringify({ serve: {} }));
    const args = await builtWith({
      ...{
        'bake-files': 'bake.hcl\nmore.hcl',
        'bake-targets': 'serve\ntrain',
        'bake-set': '*.args.V=1\n*.pull=true',
      },
      ...{ push: false, load: true, pull: true, 'no-cache': true, allow: 'network.host', sbom: true },
      provenance: 'mode=max',
    });
    expect(args).toMatchInlineSnapshot(`
      [
        "bake",
        "--builder default",
        "--allow network.host",
        "--file TEMP/mlops-image-X/docker-metadata-action-bake.json",
        "--file bake.hcl",
        "--file more.hcl",
        "--load",
        "--metadata-file TEMP/mlops-bake-X/metadata.json",
        "--no-cache",
        "--provenance=mode=max",
        "--pull",
        "--sbom=true",
        "--set *.args.V=1",
        "--set *.pull=true",
        "--progress=plain",
        "serve",
        "train",
      ]
    `);
  });
});

describe('merging', () => {
  it('gives tags to what the steps before pushed by digest', async () => {
    const pushed = await run({ 'push-by-digest': true });
    expect(errorsOf(pushed)).toEqual([]);
    const merged = await run({ command: 'merge', tags: 'merged' }, { after: pushed });
    expect(errorsOf(merged)).toEqual([]);
    expect(merged.outputs.digest).toBe(pushed.outputs.digest);
    const { repository } = connect(parseReference(`${registry.host}/acme/tumor`));
    expect((await getManifest(repository, 'merged')).descriptor.digest).toBe(pushed.outputs.digest);
  });

  it('takes the digests that are named, where they are some', async () => {
    const digest = await publish('acme/tumor:v1');
    const named = await run({ command: 'merge', tags: 'named', digests: digest });
    expect(errorsOf(named)).toEqual([]);
    for (const [given, said] of [
      [{ digests: 'sha256:abc' }, /'sha256:abc' in 'digests' is no digest/],
      [{ digests: digest, images: '', tags: '' }, /the merged image has no tag/],
      [{}, /nothing to merge/],
    ] as const)
      expect(errorsOf(await run({ command: 'merge', ...given })).join()).toMatch(said);
  });

  it('says which names were pushed where it is asked for another', async () => {
    const pushed = await run({ 'push-by-digest': true });
    const other = await run({ command: 'merge', images: 'HOST/acme/other' }, { after: pushed });
    expect(errorsOf(other).join()).toMatch(
      /no job of this run pushed .*\/acme\/other by digest.*acme\/tumor/s,
    );
  });
});
