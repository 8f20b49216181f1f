import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import { fakeRunner } from '@mlops/testkit/runner-files';
import { tool } from '@mlops/tools';
import { type Bench, type Goal, interleave, measured, seconds } from './bench.ts';
import { releaseTree, root } from './release.ts';

const lock = join(root, 'examples', 'tabular-sklearn', 'requirements-dev.txt');
/** What the changed lock names instead; the hash is that of its wheel. */
const changed = {
  name: 'iniconfig',
  requirement:
    'iniconfig==2.1.0 --hash=sha256:9deba5723312380e77435581c6bf4935c94cbfab9b1ed33ef8d238ea168eb760',
};
const goal: Goal = { op: '<=', value: 1.1, of: 'ratio' };

/**
 * The environment of a hashed requirements file: seconds of the bundled action, from the start of its process to its
 * end, against `uv venv` and `uv pip sync` called by hand with nothing around them. Both find the same Python first on
 * PATH, and each side has a package cache and an environment of its own on the same disk.
 */
const bench: Bench = {
  name: 'setup',
  async *measures({ quick }) {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'bench-setup-')));
    const tree = await releaseTree();
    try {
      const uv = await tool('uv');
      const PATH = [dirname(uv), dirname(await pythonOf(uv)), process.env.PATH ?? ''].join(delimiter);
      const locks = { first: await readFile(lock, 'utf8'), second: '' };
      locks.second = replaced(locks.first);
      const bundle = join(tree.folder, 'actions', 'setup-python-cuda', 'dist', 'index.js');
      const ours = new Side(join(folder, 'ours'), PATH, uv, (side) => runAction(bundle, side));
      const peer = new Side(join(folder, 'peer'), PATH, uv, callUv);
      for (const [name, prepare, rounds] of [
        ['empty package cache', (side: Side) => side.lacking('cache', 'venv'), quick ? 1 : 9],
        ['warm package cache', (side: Side) => side.lacking('venv'), quick ? 3 : 15],
        ['environment is there', (side: Side) => side.lacking(), quick ? 3 : 15],
        ['one package changed', (side: Side) => side.lackingOnePackage(locks), quick ? 3 : 15],
      ] as const) {
        const figure = (side: Side) => async () => {
          await side.write(locks.first);
          await prepare(side);
          return side.setUp();
        };
        yield measured({
          ...{ bench: 'setup', name, unit: 's', peerName: 'uv by hand', goal },
          ...(await interleave(figure(ours), figure(peer), { rounds })),
        });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
      await rm(dirname(tree.folder), { recursive: true, force: true });
    }
  },
};
export default bench;

/** A project with its package cache and environment, and one way of setting it up. */
class Side {
  readonly workspace: string;
  readonly env: { PATH: string; UV_CACHE_DIR: string };
  readonly #uv: string;
  readonly #setUp: (side: Side) => Promise<number>;

  constructor(folder: string, PATH: string, uv: string, setUp: (side: Side) => Promise<number>) {
    this.workspace = join(folder, 'project');
    this.env = { PATH, UV_CACHE_DIR: join(folder, 'cache') };
    this.#uv = uv;
    this.#setUp = setUp;
  }

  /** Sets the project up, and tells how many seconds that took. */
  setUp(): Promise<number> {
    return this.#setUp(this);
  }

  get python(): string {
    return join(
      this.workspace,
      '.venv',
      ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']),
    );
  }

  async write(requirements: string): Promise<void> {
    await mkdir(this.workspace, { recursive: true });
    await writeFile(join(this.workspace, 'requirements.txt'), requirements);
  }

  /** Leaves the project as it is after a set-up, without these. */
  async lacking(...parts: ('cache' | 'venv')[]): Promise<void> {
    if (parts.includes('cache')) await rm(this.env.UV_CACHE_DIR, { recursive: true, force: true });
    if (parts.includes('venv')) await rm(join(this.workspace, '.venv'), { recursive: true, force: true });
  }

  /** Leaves the environment of the first lock beside the second one, whose new package is not in the cache. */
  async lackingOnePackage({ first, second }: { first: string; second: string }): Promise<void> {
    await this.write(first);
    await this.uv('pip', 'sync', '--quiet', '--require-hashes', '--python', this.python, 'requirements.txt');
    await this.uv('cache', 'clean', '--quiet', changed.name);
    await this.write(second);
  }

  uv(...args: string[]): Promise<unknown> {
    return command(this.#uv, args, { cwd: this.workspace, env: this.env });
  }
}

function callUv(side: Side): Promise<number> {
  return seconds(async () => {
    if (!existsSync(side.python)) await side.uv('venv', '--quiet', '.venv');
    await side.uv('pip', 'sync', '--quiet', '--require-hashes', 'requirements.txt');
  });
}

async function runAction(bundle: string, { workspace, env }: Side): Promise<number> {
  const runner = await fakeRunner({ workspace, env });
  try {
    return await seconds(() => command(process.execPath, [bundle], { cwd: workspace, env: runner.env }));
  } finally {
    await runner.remove();
  }
}

function replaced(requirements: string): string {
  const entry = new RegExp(`^${changed.name}==.*(?:\\n[ \\t]+.*)*`, 'm');
  if (!entry.test(requirements)) throw new Error(`${lock} does not name ${changed.name}`);
  return requirements.replace(entry, changed.requirement);
}

async function pythonOf(uv: string): Promise<string> {
  return (await command(uv, ['python', 'find', '--system', '--resolve-links', '>=3.10'])).stdout;
}
