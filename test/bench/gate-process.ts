import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { estimates, metricNamed, type Predictions, type Question, type Task } from '@mlops/stats';

/** Estimates one change in a process of its own, so that its memory can be told; writes seconds and megabytes as JSON. */
const [folder = '', metric = '', resamples = ''] = process.argv.slice(2);
const definition = metricNamed(metric);
if (!definition) throw new Error(`there is no metric '${metric}'`);

const column = async (name: string): Promise<Float64Array> => {
  const bytes = await readFile(join(folder, `${name}.f64`));
  return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
};
const label = await column('label');

async function model(name: string): Promise<Predictions> {
  const task: Task = metric === 'rmse' ? 'regression' : 'binary';
  const said = await column(name);
  return {
    ...{ task, size: label.length, label, classes: task === 'binary' ? ['0', '1'] : [] },
    ...{ prediction: said, score: said, positive: task === 'binary' ? 1 : undefined },
    ...{ weight: undefined, query: undefined, latency: undefined },
  };
}

const question: Question = {
  ...{ kind: 'change', relative: false, range: definition.range, method: 'bootstrap-percentile' },
  greaterIsBetter: definition.greaterIsBetter,
  candidate: definition.statistic(await model('candidate')),
  baseline: definition.statistic(await model('baseline')),
};
const start = performance.now();
const [estimate] = await estimates([question], { resamples: Number(resamples) });
const interval = estimate?.interval(0.95);
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1000, interval }));
