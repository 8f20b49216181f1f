import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { command } from '@mlops/core/process';
import { fakeRunner } from '@mlops/testkit/runner-files';
import { tool } from '@mlops/tools';
import { type Bench, type Goal, interleave, measured } from './bench.ts';
import { cpuSeconds } from './cpu.ts';
import { releaseTree } from './release.ts';

/** CPU seconds that deciding about an unchanged pipeline may take, the start of the process included. */
const goals = new Map<number, Goal>([
  [5, { op: '<=', value: 0.15, of: 'ours' }],
  [100, { op: '<=', value: 0.25, of: 'ours' }],
]);

/**
 * A pipeline in which nothing has changed: CPU seconds of the bundled train action, from the start of its process to
 * its end, against `dvc repro` on the same chain of stages. Every stage has a script, a parameter, an output, and the
 * output of the stage before it as an input.
 */
const bench: Bench = {
  name: 'noop',
  async *measures({ quick }) {
    const folder = await mkdtemp(join(tmpdir(), 'bench-noop-'));
    const tree = await releaseTree();
    try {
      const bundle = join(tree.folder, 'actions', 'train', 'dist', 'index.js');
      for (const [stages, goal] of goals) {
        const workspace = join(folder, `${stages}`);
        await writeChain(workspace, stages);
        const ours = await prepareTrain(bundle, workspace, join(folder, `cache-${stages}`));
        const peer = await prepareDvc(workspace, join(folder, `dvc-${stages}`));
        const figures = await interleave(ours, peer, { rounds: quick ? 3 : 9 });
        yield measured({
          ...{
            bench: 'noop',
            name: `${stages} unchanged stages`,
            unit: 'CPU s',
            peerName: 'dvc repro',
            goal,
          },
          ...figures,
        });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
      await rm(dirname(tree.folder), { recursive: true, force: true });
    }
  },
};
export default bench;

/** The same chain for both: mlops.yaml, dvc.yaml, and what the stages read. */
async function writeChain(folder: string, stages: number): Promise<void> {
  const indexes = [...Array(stages).keys()];
  const parts = indexes.map((i) => ({
    name: `s${i}`,
    run: `cat src/s${i}.py ${i ? `out/s${i - 1}.txt` : ''} > out/s${i}.txt`,
    inputs: [`src/s${i}.py`, ...(i ? [`out/s${i - 1}.txt`] : [])],
    params: [`stages.p${i}`],
    outputs: [`out/s${i}.txt`],
  }));
  for (const sub of ['src', 'out']) await mkdir(join(folder, sub), { recursive: true });
  for (const i of indexes)
    await writeFile(join(folder, `src/s${i}.py`), `# the code of stage ${i}\n`.repeat(50));
  await writeFile(join(folder, 'params.yaml'), `stages:\n${indexes.map((i) => `  p${i}: ${i}\n`).join('')}`);
  // JSON is YAML, too.
  await writeFile(join(folder, 'mlops.yaml'), JSON.stringify({ train: { run: parts } }, null, 2));
  const dvcStages = parts.map(({ name, run, inputs, params, outputs }) => [
    name,
    { cmd: run, deps: inputs, params, outs: outputs },
  ]);
  await writeFile(join(folder, 'dvc.yaml'), JSON.stringify({ stages: Object.fromEntries(dvcStages) }));
}

/** Runs the pipeline once; the function measures further runs. */
async function prepareTrain(
  bundle: string,
  workspace: string,
  cache: string,
): Promise<() => Promise<number>> {
  const run = async (expectedToRun: boolean) => {
    const runner = await fakeRunner({
      workspace,
      env: { MLOPS_CACHE_DIR: cache, RUNNER_TOOL_CACHE: cache },
    });
    try {
      const figure = await cpuSeconds(process.execPath, [bundle], { cwd: workspace, env: runner.env });
      const ran = runner.read().outputs['stages-run'];
      if ((ran !== '[]') !== expectedToRun) throw new Error(`the stages that ran are ${ran}`);
      return figure;
    } finally {
      await runner.remove();
    }
  };
  await run(true);
  await sleep(3_000); // Younger files are not remembered.
  await run(false);
  return () => run(false);
}

async function prepareDvc(workspace: string, state: string): Promise<() => Promise<number>> {
  const program = await tool('dvc');
  const env = {
    ...process.env,
    PATH: `${dirname(program)}:${process.env.PATH}`,
    ...{ DVC_NO_ANALYTICS: '1', DVC_SITE_CACHE_DIR: state, DVC_GLOBAL_CONFIG_DIR: state },
  };
  await command(program, ['init', '--quiet', '--no-scm'], { cwd: workspace, env });
  const measure = () => cpuSeconds(program, ['repro'], { cwd: workspace, env });
  await measure();
  await measure();
  return measure;
}
