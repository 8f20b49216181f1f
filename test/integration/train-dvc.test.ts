import { afterEach, describe, expect, test, vi } from 'vitest';
import { chain, DvcRepository, ranDvc } from './train-dvc-project.ts';
import type { Trained } from './train-project.ts';

vi.setConfig({ testTimeout: 300_000 });

let repository: DvcRepository;
afterEach(() => repository.destroy());

const names = ['prepare', 'features', 'train', 'evaluate', 'count'];
const train = { model: 'model' };

const fresh = async (inputs: Record<string, string> = {}): Promise<Trained> => {
  await repository.checkOutAnew();
  const result = await repository.train(inputs);
  expect(result.errors).toEqual([]);
  return result;
};

describe('a dvc.yaml whose lock is up to date', () => {
  test('is not run: only the model is fetched, and from then on it comes from the cache', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    const first = await fresh();
    expect(first.skipped).toEqual(names);
    expect(first.log).toContain(
      'Nothing has changed for 5 stages of dvc.yaml, so DVC is not started for them',
    );
    expect(first.log).toContain('dvc pull model\n');
    expect(ranDvc(first)).toBe(false);
    expect(first.outputs.metrics).toBe('{"test.accuracy":0.21}');
    expect(repository.project.has('data/words.txt')).toBe(false);
    expect(first.training?.curves).toEqual({
      loss: [
        { step: 1, value: 0.5 },
        { step: 2, value: 0.25 },
      ],
    });
    expect(first.training?.stages.find(({ name }) => name === 'train')).toMatchObject({
      outcome: 'skipped',
      reason: 'nothing it depends on has changed',
      parameters: { 'train.depth': 6 },
      inputs: [{ path: 'data/words.txt', digest: expect.stringMatching(/^md5:[0-9a-f]{32}$/) }],
      outputs: [
        { path: 'curve.csv', restored: false },
        { path: 'model', restored: true, digest: expect.stringMatching(/^md5:[0-9a-f]{32}\.dir$/) },
      ],
    });

    const second = await fresh();
    expect(second.skipped).toEqual(names);
    expect(second.log).not.toMatch(/^::group::dvc/m);
    expect(second.restored).toEqual(['model']);
    expect(second.outputs['model-digest']).toBe(first.outputs['model-digest']);
  });

  test('replaces outputs on the disk that are not what their stage wrote', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.checkOutAnew();
    await repository.project.write({ 'model/weights.txt': 'something else', 'data/lines.txt': 'else' });
    const result = await repository.train();
    expect(result.skipped).toEqual(names);
    expect(repository.project.read('model/weights.txt')).toBe('6\none\ntwo\nthree\nfour\n');
    expect(repository.project.has('data/lines.txt')).toBe(false);
  });
});

describe('a changed parameter', () => {
  test('runs what depends on it, fetches what that needs, and leaves dvc.lock to whoever commits', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.edit('params.yaml', 'depth: 6', 'depth: 17');
    const changed = await fresh();
    expect(changed.ran).toEqual(['train', 'evaluate']);
    expect(changed.why('train')).toBe('command changed; params train.depth changed: 6 → 17');
    expect(changed.why('evaluate')).toBe('input model changed');
    expect(changed.skipped).toEqual(['prepare', 'features', 'count']);
    expect(changed.outputs.metrics).toBe('{"test.accuracy":0.22}');
    expect(repository.project.has('data/words.txt')).toBe(true);
    expect(repository.project.has('lines.count')).toBe(false);
    expect(await repository.git('status', '--porcelain')).toContain(' M dvc.lock');
    const notices = changed.result.annotations.filter(({ level }) => level === 'notice');
    expect(notices.map(({ message }) => message).join('\n')).toContain(
      "dvc.lock is not that of the commit any more (train, evaluate). Run 'dvc repro' where you work and commit dvc.lock, or set 'dvc-push: true'",
    );
    expect(changed.result.summary).toContain('-          depth: 6\n+          depth: 17');

    // Nobody has committed the lock: what the last run did is remembered all the same.
    const again = await fresh();
    expect(again.skipped).toEqual(names);
    expect(again.log).not.toMatch(/^::group::dvc/m);
    expect(again.outputs.metrics).toBe('{"test.accuracy":0.22}');
    expect(repository.project.read('model/weights.txt')).toMatch(/^17\n/);
    const saved = again.training?.stages.find(({ name }) => name === 'train')?.savedMs;
    expect(saved).toBeGreaterThan(0);
  });

  test('of another kind of file, and everything else that only DVC understands, is left to DVC', async () => {
    const stages = {
      train: {
        cmd: ['cp params.toml model', `echo '{"a": 1}' > m.json`],
        params: [{ 'params.toml': ['depth'] }],
        outs: ['model'],
        metrics: [{ 'm.json': { cache: false } }],
      },
    };
    const files = { 'params.toml': 'depth = 6\n', 'dvc.yaml': JSON.stringify({ stages }) };
    repository = await DvcRepository.reproduced(files, train);
    const same = await fresh();
    expect(same.log).toContain('dvc repro: train: params.toml is not YAML or JSON');
    expect(same.skipped).toEqual(['train']);
    expect(same.outputs.metrics).toBe('{"a":1}');
    await repository.edit('params.toml', '6', '7');
    const changed = await fresh();
    expect(changed.ran).toEqual(['train']);
    expect(repository.project.read('model')).toBe('depth = 7\n');
  });
});

describe('the run cache', () => {
  test('skips a stage whose command, inputs and parameters an earlier run had, in any combination', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.edit('params.yaml', 'depth: 6', 'depth: 17');
    await fresh();
    await repository.edit('params.yaml', 'depth: 17', 'depth: 18');
    await fresh();
    await repository.edit('params.yaml', 'depth: 18', 'depth: 17');
    const back = await fresh();
    expect(back.log).toContain("Stage 'train' is cached - skipping run, checking out outputs");
    expect(back.ran).toEqual([]);
    expect(back.why('train')).toBe('an earlier run had the same command, inputs and parameters');
    expect(back.outputs.metrics).toBe('{"test.accuracy":0.22}');
  });

  test('is not written for a pull request from a fork', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.edit('params.yaml', 'depth: 6', 'depth: 17');
    await repository.checkOutAnew();
    const event = {
      pull_request: { head: { repo: { full_name: 'else/where' } }, base: { repo: { full_name: 'o/r' } } },
    };
    const result = await repository.train({}, { event: 'pull_request', payload: event });
    expect(result.errors).toEqual([]);
    expect(result.ran).toEqual(['train', 'evaluate']);
    expect(await repository.project.cached()).toEqual([]);
  });

  test('makes outputs again that are needed and that nobody keeps any more', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.edit('params.yaml', 'depth: 6', 'depth: 17');
    await fresh();
    const md5 = /path: model\s+hash: md5\s+md5: ([0-9a-f]{32}\.dir)/.exec(
      repository.project.read('dvc.lock'),
    )?.[1];
    expect(await repository.project.evict(`objects/${md5}`)).toBe(1);
    const result = await fresh();
    expect(result.ran).toEqual(['train']);
    expect(result.why('train')).toBe('its outputs are needed, and no longer kept');
    expect(result.skipped).toEqual(['prepare', 'features', 'evaluate', 'count']);
    expect(repository.project.read('model/weights.txt')).toMatch(/^17\n/);
  });

  test('notices a damaged entry', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await fresh();
    for (const path of await repository.project.cached())
      if (path.startsWith('objects/')) await repository.project.damage(path);
    const result = await fresh();
    expect(result.log).toContain('dvc pull model\n');
    expect(repository.project.read('model/weights.txt')).toMatch(/^6\n/);
  });
});

describe('the inputs', () => {
  test('force runs stages although nothing has changed, and leaves an equal dvc.lock as it was', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    const result = await fresh({ force: 'features' });
    expect(result.ran).toEqual(['features']);
    expect(result.why('features')).toBe('forced');
    expect(await repository.git('status', '--porcelain', 'dvc.lock')).toBe('');
    const all = await fresh({ force: 'all' });
    expect(all.ran.toSorted()).toEqual(names.toSorted());
    const unknown = await repository.train({ force: 'featres' });
    expect(unknown.errors).toEqual([
      "input force: there is no stage 'featres'\nDid you mean 'features'? Allowed: prepare, features, train, evaluate, count, all.",
    ]);
  });

  test('cache: off runs everything and keeps nothing', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    const result = await fresh({ cache: 'off' });
    expect(result.ran.toSorted()).toEqual(names.toSorted());
    expect(result.why('count')).toBe('the cache is off');
    expect(await repository.project.cached()).toEqual([]);
  });

  test('dvc-targets limits what runs to some stages and what they depend on', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.edit('params.yaml', 'lines: 3', 'lines: 2');
    const result = await fresh({ 'dvc-targets': 'count', model: 'lines.count' });
    expect(result.ran).toEqual(['prepare', 'count']);
    expect(result.training?.stages.map(({ name }) => name)).toEqual(['prepare', 'count']);
    const unknown = await repository.train({ 'dvc-targets': 'cout' });
    expect(unknown.errors[0]).toContain("Stage 'cout' not found inside 'dvc.yaml' file");
    expect(unknown.errors[0]).toContain("Check the input 'dvc-targets'");
  });

  test('dvc-push sends what ran to the remote, from where the committed lock finds it', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.edit('params.yaml', 'depth: 6', 'depth: 17');
    const result = await fresh({ 'dvc-push': 'true' });
    expect(result.ran).toEqual(['train', 'evaluate']);
    await repository.commit('Keep the lock');
    await repository.checkOutAnew();
    await repository.dvc('pull', '--quiet', 'model');
    expect(repository.project.read('model/weights.txt')).toMatch(/^17\n/);
  });

  test('dvc-remote names the remote to fetch from, and leaves the settings as they were', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.dvc('remote', 'add', '--quiet', 'other', repository.remote);
    await repository.dvc('remote', 'modify', '--quiet', 'store', 'url', `${repository.remote}-is-gone`);
    await repository.edit('params.yaml', 'depth: 6', 'depth: 17');
    const result = await fresh({ 'dvc-remote': 'other' });
    expect(result.ran).toEqual(['train', 'evaluate']);
    expect(
      repository.project.has('.dvc/config.local') && repository.project.read('.dvc/config.local'),
    ).toBeFalsy();
  });

  test('repeat and inputs of other tools are refused', async () => {
    repository = await DvcRepository.with(chain, train);
    const repeated = await repository.train({ repeat: '3' });
    expect(repeated.errors[0]).toContain(
      "need the input 'run': DVC runs a stage again only when it has changed",
    );
    const parameters = await repository.train({ parameters: '{alpha: 1}' });
    expect(parameters.errors[0]).toContain(
      "the input 'parameters' is for an MLproject, and a dvc.yaml is what trains here",
    );
  });
});

test('a first run without any lock runs everything, and the second one nothing', async () => {
  repository = await DvcRepository.with(chain, train);
  const first = await fresh();
  expect(first.ran.toSorted()).toEqual(names.toSorted());
  expect(first.why('prepare')).toBe('it is not in dvc.lock');
  const second = await fresh();
  expect(second.skipped).toEqual(names);
  expect(ranDvc(second)).toBe(false);
  expect(repository.project.has('data')).toBe(false);
});
