import { afterEach, describe, expect, test, vi } from 'vitest';
import { DvcRepository, ranDvc } from './train-dvc-project.ts';
import type { Trained } from './train-project.ts';

vi.setConfig({ testTimeout: 300_000 });

let repository: DvcRepository;
afterEach(() => repository.destroy());

const fresh = async (inputs: Record<string, string> = {}): Promise<Trained> => {
  await repository.checkOutAnew();
  const result = await repository.train(inputs);
  expect(result.errors).toEqual([]);
  return result;
};

const yaml = (stages: object, rest: object = {}) => JSON.stringify({ stages, ...rest }, null, 1);

describe('without DVC being started, it is known that nothing has changed in', () => {
  test('stages of foreach and matrix, with variables of several files, and a stage in a folder of its own', async () => {
    repository = await DvcRepository.reproduced(
      {
        'params.yaml': 'seed: 3\nfolds: [1, 2]\nrate: 1.0e-5\n',
        'more.json': '{"deep": {"size": 1.0, "on": true}, "models": {"a": {"n": 1}, "b": {"n": 2}}}',
        'sub/in.txt': 'x\n',
        'dvc.yaml': yaml(
          {
            each: {
              foreach: '${folds}',
              do: {
                cmd: 'echo ${item} ${seed} ${rate} ${deep.size} ${deep.on} > fold-${item}.txt',
                outs: ['fold-${item}.txt'],
                params: ['seed'],
              },
            },
            named: {
              foreach: '${models}',
              do: { cmd: 'echo ${key} ${item.n} > ${key}.txt', outs: ['${key}.txt'], deps: ['fold-1.txt'] },
            },
            grid: {
              matrix: { m: ['u', 'v'], f: '${folds}' },
              cmd: 'echo ${item.m}${item.f} > ${key}.grid',
              deps: ['a.txt', 'fold-2.txt'],
              outs: ['${key}.grid'],
            },
            sub: {
              wdir: 'sub',
              cmd: 'cat in.txt ../u-1.grid > model',
              deps: ['in.txt', '../u-1.grid'],
              outs: ['model'],
            },
          },
          { vars: ['more.json', { local: { value: 1 } }] },
        ),
      },
      { model: 'sub/model' },
    );
    const result = await fresh();
    expect(ranDvc(result)).toBe(false);
    expect(result.skipped).toHaveLength(9);
    expect(result.skipped).toEqual(expect.arrayContaining(['each@1', 'named@b', 'grid@v-2', 'sub']));
    await repository.edit('sub/in.txt', 'x', 'y');
    const changed = await fresh();
    expect(changed.ran).toEqual(['sub']);
    expect(repository.project.read('sub/model')).toBe('y\nu1\n');
    await repository.edit('more.json', '"n": 2', '"n": 5');
    const one = await fresh({ force: 'grid' });
    expect(one.ran.toSorted()).toEqual(['grid@u-1', 'grid@u-2', 'grid@v-1', 'grid@v-2', 'named@b']);
  });

  test('data under .dvc files, in a folder that is a dependency as a whole, and a frozen stage', async () => {
    repository = await DvcRepository.with(
      {
        'dvc.yaml': yaml({
          frozen: { cmd: 'cp notes.txt frozen.txt', deps: ['notes.txt'], outs: ['frozen.txt'], frozen: true },
          train: { cmd: 'cat data/*.txt frozen.txt > model', deps: ['data', 'frozen.txt'], outs: ['model'] },
        }),
        'notes.txt': 'n\n',
        'data/small.txt': 'small\n',
        'data/large.txt': 'large\n',
        'frozen.txt': 'n\n',
      },
      { model: 'model' },
    );
    await repository.git('rm', '--quiet', '--cached', 'data/large.txt', 'frozen.txt');
    await repository.dvc('add', '--quiet', 'data/large.txt');
    await repository.reproduce();
    const same = await fresh();
    expect(ranDvc(same)).toBe(false);
    expect(same.skipped).toEqual(['frozen', 'train']);
    // The folder can only be told when all of it is there.
    expect(same.log).toContain('dvc pull data/large.txt');
    await repository.edit('data/small.txt', 'small', 'smaller');
    await repository.edit('notes.txt', 'n', 'not looked at');
    const changed = await fresh();
    expect(changed.ran).toEqual(['train']);
    expect(repository.project.read('model')).toContain('large\nsmaller\nn\n');
  });

  test('a project below the root of the repository', async () => {
    repository = await DvcRepository.with({ 'README.md': '' });
    await repository.project.write({
      'team/project/dvc.yaml': yaml({ train: { cmd: 'cp in model', deps: ['in'], outs: ['model'] } }),
      'team/project/in': '1',
    });
    await repository.dvc('repro', '--quiet', 'team/project/dvc.yaml');
    await repository.dvc('push', '--quiet');
    await repository.commit('Add a project');
    const result = await fresh({ 'working-directory': 'team/project', model: 'model' });
    expect(ranDvc(result)).toBe(false);
    expect(result.skipped).toEqual(['train']);
    expect(repository.project.read('team/project/model')).toBe('1');
  });
});

describe('DVC runs', () => {
  test('a stage with persistent outputs on top of what it had written before', async () => {
    const stage = {
      cmd: 'mkdir -p log && cat in >> log/all',
      deps: ['in'],
      outs: [{ log: { persist: true } }],
    };
    repository = await DvcRepository.reproduced(
      { 'dvc.yaml': yaml({ train: stage }), in: '1\n' },
      { model: 'log' },
    );
    await repository.edit('in', '1', '2');
    const result = await fresh();
    expect(result.ran).toEqual(['train']);
    expect(repository.project.read('log/all')).toBe('1\n2\n');
  });

  test('stages that are always changed, and those that declare nothing', async () => {
    repository = await DvcRepository.reproduced(
      {
        'dvc.yaml': yaml({
          clock: { cmd: 'echo 1 > clock', outs: ['clock'], always_changed: true },
          say: { cmd: 'echo said' },
          train: { cmd: 'cp clock model', deps: ['clock'], outs: ['model'] },
        }),
      },
      { model: 'model' },
    );
    const result = await fresh();
    expect(result.ran).toEqual(['clock', 'say']);
    expect(result.why('clock')).toBe('it is marked always_changed');
    expect(result.why('say')).toBe('it has no dependencies and no outputs');
    expect(result.skipped).toEqual(['train']);
    expect(repository.project.read('model')).toBe('1\n');
  });

  test('what it alone understands, with everything fetched: a pipeline in two files', async () => {
    repository = await DvcRepository.with(
      {
        'dvc.yaml': yaml({
          train: {
            cmd: ['cp sub/a model', `echo '{"m": 2}' > m.json`],
            deps: ['sub/a'],
            outs: ['model'],
            metrics: ['m.json'],
          },
        }),
        'sub/dvc.yaml': yaml({ a: { cmd: 'cp in a', deps: ['in'], outs: ['a'] } }),
        'sub/in': '1',
      },
      { model: 'model' },
    );
    await repository.reproduce();
    const same = await fresh();
    expect(same.log).toContain('DVC has to be asked what has changed: sub/dvc.yaml has stages, too');
    expect(same.skipped).toEqual(expect.arrayContaining(['train']));
    expect(same.outputs.metrics).toBe('{"m":2}');
    await repository.edit('sub/in', '1', '2');
    const changed = await fresh();
    expect(changed.ran).toEqual(expect.arrayContaining(['train']));
    expect(repository.project.read('model')).toBe('2');
  });
});

test('metrics and plots are read by the conventions of DVC and DVCLive', async () => {
  const write = (path: string, content: string) =>
    `mkdir -p $(dirname ${path}) && printf '${content}' > ${path}`;
  repository = await DvcRepository.reproduced(
    {
      'dvc.yaml': yaml(
        {
          train: {
            cmd: [
              write('dvclive/metrics.json', '{"train": {"loss": 0.5}, "step": 2}'),
              write('dvclive/plots/metrics/train/loss.tsv', 'step\\tloss\\n0\\t0.9\\n1\\t0.5\\n'),
              write('dvclive/plots/metrics/val/loss.tsv', 'step\\tloss\\n0\\t1.0\\n1\\t0.7\\n'),
              write('model', 'm'),
              write('roc.json', '{"roc": [{"fpr": 0, "tpr": 0}, {"fpr": 0.5, "tpr": 1}]}'),
              write('confusion.csv', 'actual,predicted\\ncat,dog\\n'),
            ],
            deps: ['in'],
            outs: ['model', 'dvclive'],
            plots: [
              { 'roc.json': { x: 'fpr', y: 'tpr', cache: false } },
              { 'confusion.csv': { template: 'confusion' } },
            ],
          },
        },
        { metrics: ['dvclive/metrics.json'], plots: [{ 'dvclive/plots/metrics': { x: 'step' } }] },
      ),
      in: '1',
    },
    { model: 'model' },
  );
  const result = await fresh();
  expect(ranDvc(result)).toBe(false);
  expect(JSON.parse(result.outputs.metrics ?? '')).toEqual({ 'train.loss': 0.5, step: 2 });
  expect(result.training?.curves).toEqual({
    'train.loss': [
      { step: 0, value: 0.9 },
      { step: 1, value: 0.5 },
    ],
    'val.loss': [
      { step: 0, value: 1 },
      { step: 1, value: 0.7 },
    ],
    tpr: [
      { step: 0, value: 0 },
      { step: 0.5, value: 1 },
    ],
  });
});
