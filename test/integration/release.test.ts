import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command } from '@mlops/core/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** This repository's HEAD, released through the command line from two clones in folders of different depth. */
const repository = fileURLToPath(new URL('../..', import.meta.url));

let workspace: string;
let remote: string;
let clones: [string, string];

beforeAll(async () => {
  workspace = await realpath(await mkdtemp(join(tmpdir(), 'mlops-release-test-')));
  remote = join(workspace, 'remote.git');
  await git(workspace, 'init', '--quiet', '--bare', '--initial-branch=main', remote);
  await git(repository, 'push', '--quiet', remote, 'HEAD:refs/heads/main');
  clones = [join(workspace, 'one'), join(workspace, 'below', 'another', 'folder', 'two')];
  for (const clone of clones) {
    await mkdir(dirname(clone), { recursive: true });
    await git(workspace, 'clone', '--quiet', remote, clone);
    await pnpm(clone, 'install', '--frozen-lockfile', '--prefer-offline', '--silent');
  }
});
afterAll(() => rm(workspace, { recursive: true, force: true, maxRetries: 5 }));

describe('a release of this repository', () => {
  it('can be made: versions, changesets and workflows fit together', async () => {
    expect(await release(clones[0], 'check')).toMatchObject({ exitCode: 0 });
  });

  it('has the same bytes from either clone, and nothing that names the clone', {
    timeout: 600_000,
  }, async () => {
    const built = await release(clones[0], 'build');
    expect(built).toMatchObject({ exitCode: 0 });
    const published = await release(clones[1], 'publish', '--remote', remote);
    expect(published).toMatchObject({ exitCode: 0 });

    const { version } = JSON.parse(await readFile(join(clones[0], 'workflows/package.json'), 'utf8')) as {
      version: string;
    };
    expect(await git(remote, 'rev-parse', `v${version}^{tree}`)).toBe(
      /tree (\w{40})/.exec(built.stdout)?.[1],
    );
    expect(await git(remote, 'rev-parse', `v${version}^`)).toBe(await git(remote, 'rev-parse', 'main'));
    const named = await command('git', ['grep', '--name-only', '--text', '-F', workspace, `v${version}`], {
      cwd: remote,
      tolerate: true,
    });
    expect(named.stdout).toBe('');
    expect(named.exitCode).toBe(1);
  });

  it('tags every action with what its action.yml starts', async () => {
    const actions = (await git(clones[0], 'ls-files', 'actions/*/package.json'))
      .split('\n')
      .map((path) => dirname(path));
    expect(actions.length).toBeGreaterThan(0);
    for (const action of actions) {
      const { name, version } = JSON.parse(
        await readFile(join(clones[0], action, 'package.json'), 'utf8'),
      ) as {
        name: string;
        version: string;
      };
      const files = (
        await git(remote, 'ls-tree', '-r', '--name-only', `${name}/v${version}`, `${action}/`)
      ).split('\n');
      expect(files).toContain(`${action}/action.yml`);
      expect(files).toContain(`${action}/dist/index.js`);
      expect(files.filter((file) => file.startsWith(`${action}/src/`))).toEqual([]);
    }
  });

  it('refers to no path that a user does not have', async () => {
    const workflows = join(clones[0], '.release', '.github', 'workflows');
    const { stdout } = await command('git', ['grep', '--no-index', '-hE', 'uses: +[\'"]?\\./', workflows], {
      cwd: clones[0],
      tolerate: true,
    });
    expect(stdout).toBe('');
  });

  it('leaves nothing to release', async () => {
    const plan = await release(clones[1], 'plan', '--remote', remote);
    expect(plan.stdout).toContain('there is nothing to release');
  });
});

describe('the command line', () => {
  it.each([
    [['--help'], 0, /^Usage: pnpm release/],
    [[], 2, /no command is given/],
    [['deploy'], 2, /unknown command 'deploy'/],
    [['build', '--refs', 'branch'], 2, /--refs must be 'set' or 'self', not 'branch'/],
    [['build', '--force'], 2, /--force/],
    [['build', '--out', '.'], 1, /is no release tree/],
    [['plan', '--remote', 'nowhere'], 1, /nowhere/],
  ])('%j exits with %i', async (args, exitCode, says) => {
    const result = await release(repository, ...args);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stdout || result.stderr).toMatch(says);
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });
});

async function git(cwd: string, ...args: string[]): Promise<string> {
  return (await command('git', args, { cwd })).stdout.trimEnd();
}

async function release(clone: string, ...args: string[]) {
  const cli = join(clone, 'packages', 'release', 'src', 'main.ts');
  const { exitCode, stdout, stderrTail } = await command(process.execPath, [cli, ...args], {
    cwd: clone,
    tolerate: true,
  });
  return { exitCode, stdout, stderr: stderrTail.join('\n') };
}

/** A script of pnpm's finds it on PATH; a test that was started otherwise borrows one. */
async function pnpm(cwd: string, ...args: string[]): Promise<void> {
  const there = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'pnpm')));
  await (there ? command('pnpm', args, { cwd }) : command('npx', ['-y', 'pnpm@12', ...args], { cwd }));
}
