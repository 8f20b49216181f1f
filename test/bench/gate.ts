import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command } from '@mlops/core/process';
import { tool } from '@mlops/tools';
import { type Bench, interleave, type Measure, measured } from './bench.ts';
import { manyMetrics } from './gate-many.ts';

/** What both sides compute: the change of a metric between two models, with a percentile interval of 95 %. */
interface Problem {
  metric: 'accuracy' | 'rmse' | 'roc_auc';
  examples: number;
  resamples: number;
  /** Resamples that SciPy draws, from which the time of all is extrapolated: it would take minutes. */
  peerResamples: number;
}

const problems: readonly Problem[] = [
  { metric: 'accuracy', examples: 1_000_000, resamples: 10_000, peerResamples: 40 },
  { metric: 'rmse', examples: 1_000_000, resamples: 10_000, peerResamples: 40 },
  { metric: 'roc_auc', examples: 100_000, resamples: 1_000, peerResamples: 40 },
];

/** Rows of each of the two tables that are read and paired. */
const rows = 1_000_000;

/**
 * Intervals of paired changes against scipy.stats.bootstrap, vectorised, on the same numbers, each side in a process of
 * its own and timed inside of it, without reading the numbers. SciPy's time is that of fewer resamples, less that of
 * none, times what is left out. Memory is the process's peak, the numbers included.
 *
 * Before that, reading two tables of predictions with their digests, and pairing them by id, against the same in Python
 * with its csv module, hashlib and a dict; and the whole action on ten thousand metrics.
 */
const bench: Bench = {
  name: 'gate',
  async *measures({ quick }) {
    const folder = await mkdtemp(join(tmpdir(), 'bench-gate-'));
    try {
      const python = await tool('python-science');
      yield* manyMetrics({ quick });
      yield* readAndPair(quick ? rows / 10 : rows, folder, python);
      for (const problem of problems) yield* compare(quick ? smaller(problem) : problem, folder, python);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
export default bench;

function smaller(problem: Problem): Problem {
  return { ...problem, examples: problem.examples / 10, resamples: problem.resamples / 2 };
}

async function* readAndPair(size: number, root: string, python: string): AsyncIterable<Measure> {
  const folder = join(root, 'tables');
  await mkdir(folder);
  await command(python, ['-c', makeTables, folder, String(size)]);
  const { ours, megabytes } = inProcess(['read', folder]);
  const peer = async () => Number((await command(python, ['-c', csvProcess, folder])).stdout);
  const name = `two CSVs of ${size.toLocaleString('en')} examples, read and paired`;
  const figures = await interleave(ours, peer, { rounds: 3 });
  yield measured({
    ...{ bench: 'gate', name, unit: 's', peerName: 'plain Python', ...figures },
    goal: { op: '<=', value: 1, of: 'ratio' },
  });
  yield memory(name, megabytes());
}

async function* compare(problem: Problem, root: string, python: string): AsyncIterable<Measure> {
  const { metric, examples, resamples, peerResamples } = problem;
  const folder = join(root, metric);
  await mkdir(folder);
  await command(python, ['-c', makeNumbers, folder, metric, String(examples)]);
  const { ours, megabytes } = inProcess(['estimate', folder, metric, String(resamples)]);
  const peer = async () => {
    const drawn = String(peerResamples);
    const { stdout } = await command(python, ['-W', 'ignore', '-c', scipyProcess, folder, metric, drawn]);
    return (Number(stdout) / peerResamples) * resamples;
  };
  const name = `${metric}, ${examples.toLocaleString('en')} examples, ${resamples.toLocaleString('en')} resamples`;
  const figures = await interleave(ours, peer, { rounds: 3 });
  yield measured({
    ...{ bench: 'gate', name, unit: 's', peerName: `scipy, from ${peerResamples} resamples`, ...figures },
    goal: { op: '<=', value: 0.1, of: 'ratio' },
  });
  yield memory(name, megabytes());
}

/** Our side in a process of its own: the seconds of a run, and the most megabytes of all runs. */
function inProcess(args: readonly string[]): { ours: () => Promise<number>; megabytes: () => number } {
  let most = 0;
  const ours = async () => {
    const answer = await command(process.execPath, [ourProcess, ...args]);
    const { seconds, megabytes } = JSON.parse(answer.stdout) as { seconds: number; megabytes: number };
    most = Math.max(most, megabytes);
    return seconds;
  };
  return { ours, megabytes: () => most };
}

function memory(name: string, megabytes: number): Measure {
  const about = { bench: 'gate', name: `${name}, memory`, unit: 'MB' };
  return measured({
    ...{ ...about, ours: megabytes, peer: mostMegabytes, peerName: 'allowed' },
    goal: { op: '<=', value: mostMegabytes, of: 'ours' },
  });
}

const mostMegabytes = 500;
const ourProcess = fileURLToPath(new URL('gate-process.ts', import.meta.url));

const makeTables = `
import sys
import numpy as np
folder, size = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
label = (rng.random(size) < 0.4).astype(int).tolist()
for name in 'candidate', 'baseline':
    score = rng.random(size).tolist()
    with open(f'{folder}/{name}.csv', 'w') as file:
        file.write('id,label,prediction,score\\n')
        for i in rng.permutation(size).tolist():
            file.write(f'example-{i},{label[i]},{int(score[i] >= 0.5)},{score[i]}\\n')
`;

const csvProcess = `
import array, csv, hashlib, json, sys, time
start = time.perf_counter()
def read(name):
    ids, columns = [], [array.array('d') for _ in range(3)]
    with open(f'{sys.argv[1]}/{name}.csv', newline='') as file:
        rows = csv.reader(file)
        next(rows)
        for id, *cells in rows:
            ids.append(id)
            for column, cell in zip(columns, cells): column.append(float(cell))
    label, prediction, score = columns
    both, test = hashlib.sha256(), hashlib.sha256()
    for i in sorted(range(len(ids)), key=ids.__getitem__):
        known = json.dumps([ids[i], label[i]]).encode()
        test.update(known)
        both.update(known + json.dumps([prediction[i], score[i]]).encode())
    return ids, columns, both.hexdigest(), test.hexdigest()
(ids, candidate, *_), (others, baseline, *_) = read('candidate'), read('baseline')
places = {id: i for i, id in enumerate(others)}
rows = [places[id] for id in ids]
baseline = [array.array('d', (column[i] for i in rows)) for column in baseline]
print(time.perf_counter() - start)
`;

const makeNumbers = `
import sys
import numpy as np
folder, metric, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = np.random.default_rng(0)
if metric == 'rmse':
    label = rng.normal(size=size)
    models = [label + spread * rng.normal(size=size) for spread in (1.0, 1.01)]
else:
    label = (rng.random(size) < 0.4).astype(float)
    shared = label + rng.normal(size=size)
    models = [shared + 0.3 * rng.normal(size=size) for _ in range(2)]
    if metric == 'accuracy': models = [(one > 0.5).astype(float) for one in models]
for name, column in zip(('label', 'candidate', 'baseline'), (label, *models)):
    column.astype('<f8').tofile(f'{folder}/{name}.f64')
`;

const scipyProcess = `
import sys, time
import numpy as np
from scipy import stats
folder, metric, resamples = sys.argv[1], sys.argv[2], int(sys.argv[3])
y, a, b = (np.fromfile(f'{folder}/{name}.f64') for name in ('label', 'candidate', 'baseline'))
if metric == 'accuracy':
    data = ((a == y).astype(float), (b == y).astype(float))
    change = lambda x, z, axis=-1: x.mean(axis=axis) - z.mean(axis=axis)
elif metric == 'rmse':
    data = ((a - y) ** 2, (b - y) ** 2)
    change = lambda x, z, axis=-1: np.sqrt(z.mean(axis=axis)) - np.sqrt(x.mean(axis=axis))
else:
    data = (y, a, b)
    def area(truth, score, axis):
        positives = truth.sum(axis=axis)
        ranks = stats.rankdata(score, axis=axis)
        return ((ranks * truth).sum(axis=axis) - positives * (positives + 1) / 2) / (positives * (truth.shape[axis] - positives))
    change = lambda truth, x, z, axis=-1: area(truth, x, axis) - area(truth, z, axis)
def run(count):
    start = time.perf_counter()
    stats.bootstrap(data, change, paired=True, vectorized=True, n_resamples=count, batch=10, method='percentile', rng=1)
    return time.perf_counter() - start
run(2)
print(run(resamples) - run(1))
`;
