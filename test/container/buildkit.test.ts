import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '@mlops/core/process';
import { connect, getManifest, parseReference } from '@mlops/oci';
import { type BuildKit, publishImages, startBuildKit } from '@mlops/testkit/buildkit';
import { type OciRegistry, startOciRegistry } from '@mlops/testkit/oci';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** That BuildKit as the tests have it does what the tests of images take for given. */

let registry: OciRegistry;
let buildkit: BuildKit;
let folder: string;

beforeAll(async () => {
  registry = await startOciRegistry();
  await publishImages(registry.host, ['python', 'dockerfile', 'scanner']);
  buildkit = await startBuildKit({ mirror: registry.host });
  folder = await mkdtemp(join(tmpdir(), 'buildkit-test-'));
});
afterAll(async () => {
  await buildkit?.close();
  await registry?.close();
  if (folder) await rm(folder, { recursive: true });
});

describe('BuildKit', () => {
  it('pushes an image of nothing but a file', async () => {
    const context = await write('scratch', { Dockerfile: 'FROM scratch\nCOPY hello /\n', hello: 'hello\n' });
    const { metadata } = await build(context, ['--provenance=false', '--push', '--tag', image('scratch:1')]);
    const { digest, json } = await manifest('scratch', '1');
    expect(metadata['containerimage.digest']).toBe(digest);
    expect(json.layers).toHaveLength(1);
  });

  it("finds Docker's Python image in the mirror, and pip and apt work in it", async () => {
    const context = await write('python', {
      Dockerfile: [
        '# syntax=docker/dockerfile:1',
        'FROM python:3.11-slim',
        'RUN useradd --create-home app && python -m venv /venv && /venv/bin/pip install --quiet iniconfig==2.1.0',
        'RUN --mount=type=cache,target=/root/.cache pip install packaging==25.0',
        'RUN apt-get -qq update && apt-get install -qq --yes libgomp1 && ldconfig -p | grep libgomp',
        'USER app',
        'RUN test "$(id -un)" = app && /venv/bin/python -c "import iniconfig, ssl, sqlite3"',
        '',
      ].join('\n'),
    });
    const { log } = await build(context, ['--output', 'type=cacheonly']);
    expect(log).toContain('resolve image config for docker-image://docker.io/docker/dockerfile:1');
  });

  it('builds for two platforms what is only copied', async () => {
    const context = await write('platforms', {
      Dockerfile: 'FROM scratch\nCOPY hello /\n',
      hello: 'hello\n',
    });
    const platforms = ['--platform', 'linux/amd64,linux/arm64', '--provenance=false'];
    await build(context, [...platforms, '--push', '--tag', image('platforms:1')]);
    const { json } = await manifest('platforms', '1');
    expect(json.manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ]);
  });

  it.each(['registry', 'local'])('takes from a %s cache what another daemon has built', async (type) => {
    const context = await write(`cache-${type}`, {
      Dockerfile: 'FROM python:3.11-slim\nRUN head -c 16 /dev/urandom | base64 > /random\n',
    });
    const place = type === 'local' ? join(folder, 'cache') : image('cached:cache');
    const [to, from] =
      type === 'local' ? [`dest=${place}`, `src=${place}`] : [`ref=${place}`, `ref=${place}`];
    const push = (tag: string) => ['--provenance=false', '--push', '--tag', image(`cached:${type}-${tag}`)];
    await build(context, [...push('1'), '--cache-to', `type=${type},${to},mode=max`]);
    const second = await startBuildKit({ mirror: registry.host });
    try {
      const { log } = await build(context, [...push('2'), '--cache-from', `type=${type},${from}`], second);
      expect(log).toMatch(/#\d+ CACHED/);
    } finally {
      await second.close();
    }
    const [first, again] = [await manifest('cached', `${type}-1`), await manifest('cached', `${type}-2`)];
    expect(again.json.layers.at(-1).digest).toBe(first.json.layers.at(-1).digest);
  });

  it('attests what is in an image and how it was built', async () => {
    const context = await write('attested', {
      Dockerfile: 'FROM python:3.11-slim\nRUN pip install iniconfig==2.1.0\n',
    });
    await build(context, ['--sbom=true', '--provenance=mode=max', '--push', '--tag', image('attested:1')]);
    const inspect = async (format: string) => {
      const args = ['imagetools', 'inspect', image('attested:1'), '--format', `{{ json .${format} }}`];
      return JSON.parse((await command('buildx', args, { env: buildkit.env })).stdout);
    };
    const { SPDX } = await inspect('SBOM');
    const packages = SPDX.packages.map(
      ({ name, versionInfo }: Record<string, string>) => `${name} ${versionInfo}`,
    );
    expect(packages).toContain('iniconfig 2.1.0');
    expect(packages).toContainEqual(expect.stringMatching(/^libc6 2\.36/));
    const { SLSA } = await inspect('Provenance');
    expect(JSON.stringify(SLSA)).toContain('pkg:docker/python@3.11-slim');
    expect(JSON.stringify(SLSA)).toContain('"args":["/bin/sh","-c","pip install iniconfig==2.1.0"]');
  });

  it('leaves nothing behind', async () => {
    const own = await startBuildKit({ mirror: registry.host });
    const context = await write('closed', { Dockerfile: 'FROM python:3.11-slim\nRUN sleep 300\n' });
    const building = build(context, ['--output', 'type=cacheonly'], own).catch((error) => error);
    const place = own.address.slice('unix://'.length, -'/buildkitd.sock'.length);
    await expect.poll(sleeping, { timeout: 60_000 }).toContain(place.split('/').at(-1));
    await own.close();
    expect(String(await building)).toContain('failed');
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(place);
    await expect(readdir(place)).rejects.toThrow('ENOENT');
    expect(await sleeping()).toBe('');
  });
});

/** The groups of the processes that sleep as the test above has them do. */
async function sleeping(): Promise<string> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const found = await Promise.all(
    pids.map(async (pid) =>
      (await read(pid, 'cmdline')) === 'sleep\x00300\x00' ? await read(pid, 'cgroup') : '',
    ),
  );
  return found.join('');
}

const image = (name: string) => `${registry.host}/${name}`;

async function write(name: string, files: Record<string, string>): Promise<string> {
  const context = join(folder, name);
  await mkdir(context);
  for (const [file, content] of Object.entries(files)) await writeFile(join(context, file), content);
  return context;
}

async function build(
  context: string,
  args: string[],
  { env }: BuildKit = buildkit,
): Promise<{ log: string; metadata: Record<string, string> }> {
  const metadata = join(folder, `${Math.random()}.json`);
  const log: string[] = [];
  const all = ['build', '--progress=plain', '--metadata-file', metadata, ...args, context];
  await command('buildx', all, { env, onLine: (line) => log.push(line) });
  return { log: log.join('\n'), metadata: JSON.parse(await readFile(metadata, 'utf8')) };
}

async function manifest(name: string, tag: string) {
  const { repository, target } = connect(parseReference(image(`${name}:${tag}`)));
  const { descriptor, bytes } = await getManifest(repository, target);
  return { digest: descriptor.digest, json: JSON.parse(bytes.toString()) };
}
