import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { command } from '@mlops/core/process';
import { fakeRunner } from '@mlops/testkit/runner-files';
import { tool } from '@mlops/tools';
import { type Bench, type Goal, interleave, measured } from './bench.ts';

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
    try {
      const bundle = await bundleAction(join(folder, 'dist'));
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
    }
  },
};
export default bench;

/** The action as it is released: one file, and what it loads on demand. */
async function bundleAction(folder: string): Promise<string> {
  const action = fileURLToPath(new URL('../../actions/train', import.meta.url));
  const ncc = createRequire(import.meta.url).resolve('@vercel/ncc/dist/ncc/cli.js');
  const options = ['--transpile-only', '-m', '--target', 'es2023', '-o', folder];
  await command(process.execPath, [ncc, 'build', join(action, 'src/main.ts'), ...options], { cwd: action });
  return join(folder, 'index.js');
}

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
      const figure = await cpuSeconds(process.execPath, [bundle], workspace, runner.env);
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
  const measure = () => cpuSeconds(program, ['repro'], workspace, env);
  await measure();
  await measure();
  return measure;
}

/** CPU seconds, user and system, of a program and all it waited for; bash is what counts them. */
async function cpuSeconds(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { stdout } = await command('bash', ['-c', '"$@" >/dev/null && times', 'bash', program, ...args], {
    cwd,
    env: { ...env, LC_ALL: 'C' },
  });
  const [, children = ''] = stdout.trim().split('\n');
  const times = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  if (times.length !== 2) throw new Error(`bash said '${stdout}' instead of two lines of times`);
  return times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}
