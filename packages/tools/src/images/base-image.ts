import { createHash } from 'node:crypto';
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import { fetchPackages } from '../apt.ts';
import { isDebian } from '../debian.ts';
import { installed, toolsFolder } from '../store.ts';
import { type OciLayout, tarFlags, writeOciLayout } from './oci-layout.ts';

/** Of the base image, as its tags say it: `3.11-slim`. */
export const pythonVersion = '3.11';

const packages = [
  // What a Debian image has without being asked for.
  ...[
    'apt',
    'base-files',
    'base-passwd',
    'bash',
    'bsdutils',
    'ca-certificates',
    'coreutils',
    'dash',
    'debianutils',
  ],
  ...[
    'diffutils',
    'findutils',
    'grep',
    'gzip',
    'hostname',
    'libc-bin',
    'login',
    'mawk',
    'passwd',
    'perl-base',
  ],
  ...['procps', 'sed', 'sysvinit-utils', 'tar', 'usr-is-merged', 'util-linux'],
  ...['python3', 'python3-pip', 'python3-venv'],
];

/** What pip may be told on a machine that also holds inside a build on it. */
const pipSettings = ['index-url', 'extra-index-url', 'trusted-host', 'timeout', 'default-timeout', 'retries'];

/**
 * An image like Docker's `python:3.11-slim`, made of Debian's packages with nothing but apt: the packages are unpacked
 * and none of their scripts runs. It trusts whom this machine trusts and its pip has this machine's index, so that
 * `RUN pip install` works behind a mirror. Linux on amd64 only. The layout stays in the tools' cache.
 *
 * @throws UserError where the machine is not the Debian that the packages are of, or apt has failed
 */
export async function baseImage(env: NodeJS.ProcessEnv = process.env): Promise<OciLayout> {
  if (!(await isDebian('12', env)))
    throw new UserError('the base image of the tests is made of Debian 12, which this machine is not', {
      advice: 'Leave the tests that need it to CI, or run them in a Debian 12.',
    });
  const pip = await pipConfiguration(env);
  const certificates = await readFile(machineCertificates).catch(() => '');
  const key = createHash('sha256')
    .update(JSON.stringify([packages, pip, certificates]))
    .update(await readFile(import.meta.filename))
    .digest('hex');
  const folder = await installed(toolsFolder(env), `base-image-${key.slice(0, 16)}`, ['blobs'], (target) =>
    make(target, pip, env),
  );
  return { folder };
}

const machineCertificates = '/etc/ssl/certs/ca-certificates.crt';

/** The lines of a pip.conf. */
async function pipConfiguration(env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await command('python3', ['-m', 'pip', 'config', 'list'], { env }).catch(() => ({
    stdout: '',
  }));
  const lines = stdout.split('\n').flatMap((line) => {
    const [, name = '', value] = /^(?:global|:env:)\.([a-z-]+)='(.*)'$/.exec(line.trim()) ?? [];
    return pipSettings.includes(name) ? [`${name} = ${value}`] : [];
  });
  return ['[global]', `cert = ${machineCertificates}`, ...lines, ''].join('\n');
}

/** The same index for uv, which reads none of pip's files. */
function uvConfiguration(pip: string): string {
  const index = /^index-url = (.+)$/m.exec(pip)?.[1];
  return index ? `index-url = ${JSON.stringify(index)}\n` : '';
}

async function make(target: string, pip: string, env: NodeJS.ProcessEnv): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'base-image-'));
  try {
    const root = join(work, 'root');
    await mkdir(root);
    const files = await fetchPackages(packages, join(work, 'apt'), env);
    const database = await createDatabase(root);
    for (const file of files) await unpack(file, root, database, env);
    await mergeUsr(root);
    await configure(root, pip);
    const layer = join(work, 'layer.tar');
    await command('tar', [...tarFlags, '--create', '--file', layer, '--directory', root, '.'], { env });
    await writeOciLayout(target, [layer], {
      Env: [
        'PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin',
        'LANG=C.UTF-8',
        // uv trusts nobody else than its own list unless it is told.
        `SSL_CERT_FILE=${machineCertificates}`,
      ],
      Cmd: ['python3'],
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new UserError(`the base image of the tests could not be made: ${error.message}`, {
      cause: error,
      advice: 'Check the network, or the mirrors and proxy that apt is configured with, and run this again.',
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** dpkg's, where scanners look and apt finds what is there. */
async function createDatabase(root: string): Promise<string> {
  const database = join(root, 'var/lib/dpkg');
  for (const name of ['info', 'triggers', 'updates']) await mkdir(join(database, name), { recursive: true });
  await writeFile(join(database, 'status'), '');
  // So that a library that is installed later gets into the linker's cache.
  await writeFile(join(database, 'triggers', 'ldconfig'), 'libc-bin\n');
  return database;
}

async function unpack(file: string, root: string, database: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { stdout: names } = await command('dpkg-deb', ['--vextract', file, root], { env });
  const own = await mkdtemp(join(tmpdir(), 'control-'));
  try {
    await command('dpkg-deb', ['--control', file, own], { env });
    const [first = '', ...rest] = (await readFile(join(own, 'control'), 'utf8')).trimEnd().split('\n');
    const status = [first, 'Status: install ok installed', ...rest, '', ''];
    await appendFile(join(database, 'status'), status.join('\n'));
    const name = first.replace('Package: ', '');
    const shown = rest.includes('Multi-Arch: same') ? `${name}:amd64` : name;
    const kept = (kind: string) => join(database, 'info', `${shown}.${kind}`);
    for (const kind of await readdir(own))
      if (kind !== 'control') await copyFile(join(own, kind), kept(kind));
    await writeFile(kept('list'), listOf(names));
  } finally {
    await rm(own, { recursive: true });
  }
}

/** What dpkg-deb has unpacked (`./usr/bin/`) as dpkg's database has it (`/usr/bin`). */
function listOf(names: string): string {
  const paths = names.split('\n').map((path) =>
    path
      .replace(/^\.\/$/, '/.')
      .replace(/^\./, '')
      .replace(/(.)\/$/, '$1'),
  );
  return `${paths.join('\n')}\n`;
}

/** Packages still hold `/bin/sh`, while on a system of this release `/bin` is a link to `/usr/bin`. */
async function mergeUsr(root: string): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    const [from, to] = [join(root, name), join(root, 'usr', name)];
    await mkdir(to, { recursive: true });
    await command('cp', ['--archive', `${from}/.`, to]);
    await rm(from, { recursive: true });
    await symlink(`usr/${name}`, from);
  }
}

/** What the packages' scripts would have done, as far as builds and servers need it. */
async function configure(root: string, pip: string): Promise<void> {
  const at = (path: string) => join(root, path);
  for (const name of ['passwd', 'group'])
    await copyFile(at(`usr/share/base-passwd/${name}.master`), at(`etc/${name}`));
  await writeFile(at('etc/shadow'), '', { mode: 0o640 });
  await writeFile(at('etc/gshadow'), '', { mode: 0o640 });
  for (const name of ['media', 'mnt', 'opt', 'srv', 'var/local', 'var/opt'])
    await mkdir(at(name), { recursive: true });
  for (const name of ['bin', 'etc', 'include', 'lib', 'sbin', 'share', 'src'])
    await mkdir(at(`usr/local/${name}`), { recursive: true });
  await link(root, 'usr/bin/awk', 'mawk');
  await link(root, 'usr/bin/which', 'which.debianutils');
  await copyFile(machineCertificates, at('etc/ssl/certs/ca-certificates.crt'));
  await writeFile(at('etc/pip.conf'), pip);
  await mkdir(at('etc/uv'));
  await writeFile(at('etc/uv/uv.toml'), uvConfiguration(pip));
  // The image's Python is for the user's packages, as in Docker's, and has its names.
  await rm(at('usr/lib/python3.11/EXTERNALLY-MANAGED'), { force: true });
  for (const name of ['python', 'python3', 'python3.11'])
    await link(root, `usr/local/bin/${name}`, '/usr/bin/python3.11');
  await link(root, 'usr/local/bin/pip', '/usr/bin/pip3');
  // apt in the image has the machine's mirrors.
  for (const name of ['sources.list', 'sources.list.d/debian.sources'])
    await copyFile(`/etc/apt/${name}`, at(`etc/apt/${name}`)).catch(() => {});
  await command('/sbin/ldconfig', ['-i', '-r', root]);
  await rm(at('var/cache/ldconfig'), { recursive: true, force: true }); // Has times in it.
  for (const name of ['doc', 'man', 'info', 'locale', 'lintian', 'bash-completion'])
    await rm(at(`usr/share/${name}`), { recursive: true, force: true });
}

async function link(root: string, path: string, target: string): Promise<void> {
  await rm(join(root, path), { force: true });
  await symlink(target, join(root, path));
}
