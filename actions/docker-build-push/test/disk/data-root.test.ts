import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseDataRoot } from '../../src/disk/data-root.ts';
import { mountsWithSpace, parseMounts } from '../../src/disk/mounts.ts';
import { relocateBuilder, relocateDocker } from '../../src/disk/relocate.ts';
import { folderOf, standIns } from './folder.ts';

const { signal } = new AbortController();
const hosted = { RUNNER_ENVIRONMENT: 'github-hosted', ImageOS: 'ubuntu24' };

describe('parseMounts', () => {
  it('reads names as the kernel escapes them', () => {
    const name = fc
      .string({ unit: fc.constantFrom('/', 'a', ' ', '\t', '\n', '\\', '0') })
      .map((each) => `/${each}`);
    const escaped = (each: string) =>
      each.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.boolean())), (mounts) => {
        const lines = mounts.map(
          ([folder, ro]) => `dev ${escaped(folder)} ext4 ${ro ? 'ro' : 'rw'},relatime 0 0\n`,
        );
        const read = parseMounts(lines.join(''));
        expect(read).toEqual(mounts.map(([folder, isReadOnly]) => ({ folder, isReadOnly, type: 'ext4' })));
      }),
    );
  });

  it('leaves out what holds no images', async () => {
    const root = folderOf({
      mounts: `tmpfs / tmpfs rw 0 0\nd /proc ext4 ro 0 0\nd / ext4 rw 0 0\nd / xfs rw 0 0\nx /no/such ext4 rw 0 0\n`,
    });
    const found = await mountsWithSpace(join(root, 'mounts'));
    expect(found.every(({ type }) => type === 'ext4')).toBe(true);
    expect(found[0]).toMatchObject({ folder: '/', free: expect.any(Number) });
    expect(await mountsWithSpace(join(root, 'none'))).toEqual([]);
  });
});

describe('chooseDataRoot', () => {
  const mount = (folder: string, gigabytes: number, type = 'ext4', isReadOnly = false) => ({
    folder,
    free: gigabytes * 1e9,
    type,
    isReadOnly,
  });
  const choose = (...mounts: ReturnType<typeof mount>[]) =>
    chooseDataRoot(mounts, '/var/lib/docker', 'images').folder;

  it.each([
    ['the second disk of a hosted runner', [mount('/', 20), mount('/mnt', 65)], '/mnt/images'],
    ['the root, where that has more', [mount('/', 65), mount('/mnt', 20)], undefined],
    ['nothing for a little more', [mount('/', 20), mount('/mnt', 24)], undefined],
    ['nothing for little in proportion', [mount('/', 100), mount('/mnt', 120)], undefined],
    [
      'nothing in memory or on the network',
      [mount('/', 20), mount('/run', 90, 'tmpfs'), mount('/n', 90, 'nfs4')],
      undefined,
    ],
    ['nothing that is only read', [mount('/', 20), mount('/mnt', 90, 'ext4', true)], undefined],
    ['the disk that it is on already, by its own mount', [mount('/', 200), mount('/var', 20)], '/images'],
  ])('%s', (_, mounts, expected) => {
    expect(choose(...mounts)).toBe(expected);
  });

  it('never moves to where there is less', () => {
    const disks = fc.array(
      fc.tuple(fc.constantFrom('/', '/mnt', '/var', '/var/lib', '/varia'), fc.nat(500)),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(disks, (each) => {
        const mounts = [...new Map(each)].map(([folder, gigabytes]) => mount(folder, gigabytes));
        const chosen = choose(...mounts)?.replace(/\/?images$/, '') || '/';
        if (choose(...mounts) === undefined) return;
        const now = ['/var/lib', '/var', '/'].find((folder) => mounts.some((one) => one.folder === folder));
        const free = (folder: string | undefined) => mounts.find((one) => one.folder === folder)?.free ?? 0;
        expect(free(chosen)).toBeGreaterThan(free(now));
      }),
    );
  });
});

describe.skipIf(process.platform !== 'linux')('relocateBuilder', () => {
  it('makes the volume that buildx looks for out of a folder on the other disk', async () => {
    const folder = join(folderOf(), 'a/buildkit');
    const { env, calls } = standIns({ docker: '[ "$2" = create ]' });
    expect(await relocateBuilder('mlops0', folder, { signal, commandEnv: env })).toMatchObject({
      moved: true,
    });
    expect(existsSync(folder)).toBe(true);
    expect(calls()).toEqual([
      'docker volume inspect buildx_buildkit_mlops0_state',
      `docker volume create --driver local --opt type=none --opt o=bind --opt device=${folder} buildx_buildkit_mlops0_state`,
    ]);
  });

  it('leaves a builder alone that has its state already', async () => {
    const { env, calls } = standIns({ docker: 'exit 0' });
    const result = await relocateBuilder('mlops0', '/nowhere/at/all', { signal, commandEnv: env });
    expect(result).toMatchObject({ moved: false, because: expect.stringContaining('already') });
    expect(calls()).toHaveLength(1);
  });

  it('says what Docker refuses, and a path that is none', async () => {
    const { env } = standIns({ docker: 'echo not permitted >&2; exit 1' });
    const move = (folder: string) => relocateBuilder('b0', folder, { signal, commandEnv: env });
    await expect(move(folderOf())).rejects.toThrow(/not permitted/);
    await expect(move('images')).rejects.toThrow(/'images' is not an absolute path/);
  });
});

describe.skipIf(process.platform !== 'linux')('relocateDocker', () => {
  /** A Docker that says that its root is what its configuration said when it was last started. */
  const docker = (file: string, more = '') => `${more}
case "$*" in
  *DriverStatus*) echo '[["Backing Filesystem","extfs"]]' ;;
  *DockerRootDir*) sed -n 's/.*"data-root": "\\(.*\\)".*/\\1/p' '${file}' ;;
esac`;
  const move = (
    folder: string,
    file: string,
    env: Record<string, string>,
    runner: NodeJS.ProcessEnv = hosted,
  ) => relocateDocker(folder, { signal, file, commandEnv: env, env: runner, platform: 'linux' });

  it('keeps the rest of the configuration and restarts Docker once', async () => {
    const root = folderOf({ 'etc/daemon.json': '{"features": {"buildkit": true}}' });
    const file = join(root, 'etc/daemon.json');
    const { env, calls } = standIns({ docker: docker(file), systemctl: 'exit 0' });
    const folder = join(root, 'mnt/docker');
    expect(await move(folder, file, env)).toEqual({
      moved: true,
      because: `Docker keeps its images in ${folder}.`,
    });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      features: { buildkit: true },
      'data-root': folder,
    });
    expect(existsSync(folder)).toBe(true);
    expect(calls().filter((call) => call.startsWith('systemctl'))).toEqual(['systemctl restart docker']);
  });

  it('puts the configuration back where Docker does not start', async () => {
    const before = '{"debug": true}';
    const root = folderOf({ 'daemon.json': before });
    const file = join(root, 'daemon.json');
    const failing = standIns({ docker: docker(file), systemctl: 'echo unit failed >&2; exit 1' });
    await expect(move(join(root, 'images'), file, failing.env)).rejects.toThrow(/unit failed/);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(failing.calls().filter((call) => call.startsWith('systemctl'))).toHaveLength(2);
    await expect(move(join(root, 'images'), join(root, 'new.json'), failing.env)).rejects.toThrow(
      /unit failed/,
    );
    expect(existsSync(join(root, 'new.json'))).toBe(false);
  });

  it('refuses a configuration that it cannot read', async () => {
    const root = folderOf({ 'daemon.json': '[1]' });
    const file = join(root, 'daemon.json');
    const { env } = standIns({ docker: docker(file), systemctl: 'exit 0' });
    await expect(move(join(root, 'images'), file, env)).rejects.toThrow(/it is no object/);
  });

  it.each([
    ['a container runs', '[ "$1" = ps ] && echo 0123 && exit 0', hosted, 'a container is running'],
    [
      'images are in the store of containerd',
      'echo \'[["driver-type","io.containerd.snapshotter.v1"]]\'; exit 0',
      hosted,
      "containerd's store",
    ],
    ['there is no Docker', 'exit 1', hosted, 'no Docker that answers'],
    ['the runner is of your own', '', { RUNNER_ENVIRONMENT: 'self-hosted' }, 'self-hosted'],
  ])('touches nothing where %s', async (_, script, runner, why) => {
    const root = folderOf({ 'daemon.json': '{}' });
    const file = join(root, 'daemon.json');
    const { env, calls } = standIns({ docker: docker(file, script), systemctl: 'exit 0' });
    const result = await move(join(root, 'images'), file, env, runner);
    expect(result).toMatchObject({ moved: false, because: expect.stringContaining(why) });
    expect(readFileSync(file, 'utf8')).toBe('{}');
    expect(calls().some((call) => call.startsWith('systemctl'))).toBe(false);
  });
});
