import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import { type FakeRunner, fakeRunner } from '@mlops/testkit/runner-files';
import { interleave, type Measure, measured, seconds } from './bench.ts';
import { releaseTree } from './release.ts';

const classes = 10_000;

/**
 * The whole action on ten thousand metrics, each with two bounds by one rule, as it is released: start, two files read,
 * verdict and record written. Its peer is a Node that does nothing but read the same files.
 */
export async function* manyMetrics({ quick }: { quick: boolean }): AsyncIterable<Measure> {
  const count = quick ? classes / 10 : classes;
  const tree = await releaseTree();
  const runner = await fakeRunner({
    inputs: {
      rules: '"class.*.recall": { threshold: 0.5, min_absolute_change: -0.05 }',
      ...{ metrics: 'metrics.json', baseline: 'file:before.json' },
    },
  });
  try {
    await writeMetrics(runner, 'metrics.json', count, 0.01);
    await writeMetrics(runner, 'before.json', count, 0);
    const bundle = join(tree.folder, 'actions', 'evaluate-gate', 'dist', 'index.js');
    const node = (...args: string[]) =>
      command(process.execPath, args, { env: runner.env, cwd: runner.workspace });
    const ours = async () => {
      // What an earlier step of the job recorded would be read again.
      await rm(join(runner.temp, 'mlops'), { recursive: true, force: true });
      return seconds(() => node(bundle));
    };
    const reading =
      'for (const file of ["metrics.json", "before.json"]) JSON.parse(require("node:fs").readFileSync(file, "utf8"))';
    const figures = await interleave(ours, () => seconds(() => node('-e', reading)), {
      rounds: quick ? 3 : 9,
    });
    yield measured({
      ...{ bench: 'gate', unit: 's', peerName: 'node that reads them', ...figures },
      name: `${count.toLocaleString('en')} metrics, two bounds each, the whole action`,
      goal: { op: '<=', value: 0.5, of: 'ours' },
    });
  } finally {
    await runner.remove();
    await rm(dirname(tree.folder), { recursive: true, force: true });
  }
}

async function writeMetrics(
  { workspace }: FakeRunner,
  file: string,
  count: number,
  gain: number,
): Promise<void> {
  const recalls = Array.from({ length: count }, (_, i) => [`c${i}`, { recall: 0.9 + gain + (i % 7) / 1000 }]);
  await writeFile(join(workspace, file), JSON.stringify({ class: Object.fromEntries(recalls) }));
}
