import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { startBuildKit, whyNoContainers } from '@mlops/testkit/buildkit';
import { temporaryRepository } from '@mlops/testkit/engine';
import { startOciRegistry } from '@mlops/testkit/oci';
import { tool } from '@mlops/tools';
import { type Bench, type Goal, interleave, type Measure, measured } from './bench.ts';
import { startFarRegistry } from './docker-far.ts';
import { type Comparison, type Overhead, overhead, postSeconds, startSeconds } from './docker-sides.ts';
import { standIn } from './docker-stand-in.ts';
import { releaseTree } from './release.ts';

/**
 * What the action takes beyond the command that builds and pushes the same image: seconds, and processes, its own among
 * them. `ours` is what is beyond, `peer` the whole of the bare command. The image is of one small file and in BuildKit's
 * cache, so that there is hardly anything else to wait for. First with a real BuildKit and a real registry (`real`),
 * then with a buildx that ends at once (`stub`), which is all that there is where no containers can be run.
 */
const bench: Bench = {
  name: 'docker',
  async *measures({ quick }) {
    const tree = await releaseTree();
    const project = await temporaryRepository({
      Dockerfile: 'FROM scratch\nCOPY hello /\n',
      hello: 'hello\n',
    });
    const registry = await startOciRegistry();
    const common = {
      bundle: join(tree.folder, 'actions', 'docker-build-push', 'dist', 'index.js'),
      workspace: project.path,
      rounds: quick ? 5 : 15,
    };
    try {
      const missing = await whyNoContainers();
      if (missing) console.error(`docker: only the stand-in, since ${missing}.`);
      else yield* real(common, registry.host);
      yield* withStandIn(common, registry.host);
    } finally {
      await registry.close();
      await project.close();
      await rm(dirname(tree.folder), { recursive: true, force: true });
    }
  },
};
export default bench;

type Common = Pick<Comparison, 'bundle' | 'workspace' | 'rounds'>;

async function* real(common: Common, host: string): AsyncIterable<Measure> {
  const buildx = await tool('buildx');
  const buildkit = await startBuildKit({ plainHttp: [host] });
  const rest = { ...common, tag: `${host}/bench:v1`, env: buildkit.env, buildx };
  try {
    yield* beyond('real', { ...rest, bare: [buildx] });
    if (await hasDocker()) yield* beyond('real', { ...rest, bare: ['docker', 'buildx'] });
  } finally {
    await buildkit.close();
  }
}

async function* withStandIn(common: Common, host: string): AsyncIterable<Measure> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-docker-stand-in-'));
  try {
    const { program, tag } = await standIn(folder, host);
    const env = { PATH: process.env.PATH ?? '', DOCKER_CONFIG: folder };
    const comparison = { ...common, tag, env, buildx: program, bare: [program] as const };
    yield* beyond('stub', comparison);
    yield await far(comparison, host);
    yield measured({
      ...{ bench: 'docker', name: 'post step: whole', unit: 's', peerName: 'node -e 0', goal: null },
      ...(await interleave(
        () => postSeconds(comparison),
        () => startSeconds(comparison),
        { rounds: common.rounds },
      )),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Requests that wait for each other show where a registry is not on this machine. No goal: it may be as far as it likes. */
async function far(comparison: Comparison, host: string): Promise<Measure> {
  const delayMs = 50;
  const registry = await startFarRegistry(host, delayMs);
  try {
    const tag = comparison.tag.replace(host, registry.host);
    const found = await overhead({ ...comparison, tag });
    return {
      ...beyondSeconds(`stub, ${delayMs} ms away: beyond`, comparison, found),
      goal: null,
      holds: null,
    };
  } finally {
    await registry.close();
  }
}

async function* beyond(what: string, comparison: Comparison): AsyncIterable<Measure> {
  const found = await overhead(comparison);
  yield beyondSeconds(`${what}: beyond`, comparison, found);
  const { beyond, bare, countedBy } = found;
  yield measured({
    ...{ bench: 'docker', name: `${what}: processes (${countedBy})`, unit: 'number', goal: atMost(4) },
    ...{ peerName: nameOf(comparison), ours: beyond.processes, peer: bare.processes },
  });
}

function beyondSeconds(name: string, comparison: Comparison, { beyond, bare }: Overhead): Measure {
  return measured({
    ...{ bench: 'docker', name, unit: 's', goal: atMost(0.4) },
    ...{ peerName: nameOf(comparison), ours: beyond.seconds, peer: bare.seconds },
  });
}

function nameOf({ bare: [program] }: Comparison): string {
  return program === 'docker' ? 'docker buildx' : 'buildx';
}

function atMost(value: number): Goal {
  return { op: '<=', value, of: 'ours' };
}

/** Docker's command line; its daemon has nothing to do with it. */
async function hasDocker(): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, 'docker'), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
