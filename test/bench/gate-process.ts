import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { estimates, metricNamed, type Predictions, type Question, type Task } from '@mlops/stats';

/**
 * One side of the benchmark of the gate in a process of its own, so that its memory can be told: reads and pairs two
 * tables of predictions, or estimates one change. Writes seconds and megabytes as JSON.
 */
const [what = '', folder = '', metric = '', resamples = ''] = process.argv.slice(2);
const result = what === 'read' ? await readAndPair() : await estimate();
console.log(JSON.stringify({ ...result, megabytes: process.resourceUsage().maxRSS / 1000 }));

async function readAndPair() {
  const { pairUp, readPredictions } = await import('../../packages/predictions/src/index.ts');
  const start = performance.now();
  const candidate = await readPredictions(folder, ['candidate.csv'], {});
  const { rows } = pairUp(candidate, await readPredictions(folder, ['baseline.csv'], {}));
  return { seconds: (performance.now() - start) / 1000, rows };
}

async function estimate() {
  const definition = metricNamed(metric);
  if (!definition) throw new Error(`there is no metric '${metric}'`);
  const label = await column('label');
  const question: Question = {
    ...{ kind: 'change', relative: false, range: definition.range, method: 'bootstrap-percentile' },
    greaterIsBetter: definition.greaterIsBetter,
    candidate: definition.statistic(await model('candidate', label)),
    baseline: definition.statistic(await model('baseline', label)),
  };
  const start = performance.now();
  const [estimate] = await estimates([question], { resamples: Number(resamples) });
  const interval = estimate?.interval(0.95);
  return { seconds: (performance.now() - start) / 1000, interval };
}

async function model(name: string, label: Float64Array): Promise<Predictions> {
  const task: Task = metric === 'rmse' ? 'regression' : 'binary';
  const said = await column(name);
  return {
    ...{ task, size: label.length, label, classes: task === 'binary' ? ['0', '1'] : [] },
    ...{ prediction: said, score: said, positive: task === 'binary' ? 1 : undefined },
    ...{ weight: undefined, query: undefined, latency: undefined },
  };
}

async function column(name: string): Promise<Float64Array> {
  const bytes = await readFile(join(folder, `${name}.f64`));
  return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
}
