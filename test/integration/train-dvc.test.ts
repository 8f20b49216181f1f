import { afterEach, describe, expect, test, vi } from 'vitest';
import { chain, DvcRepository, ranDvc } from './train-dvc-project.ts';

vi.setConfig({ testTimeout: 180_000 });

let repository: DvcRepository;
afterEach(() => repository.destroy());

const names = ['prepare', 'features', 'train', 'evaluate', 'count'];
const train = { model: 'model' };

describe('a dvc.yaml', () => {
  test('whose lock is up to date: DVC does not run, and only what is needed is fetched', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.checkOutAnew();
    const first = await repository.train();
    expect(first.errors).toEqual([]);
    console.log(first.log);
    expect(first.skipped).toEqual(names);
    expect(ranDvc(first)).toBe(false);
    expect(first.outputs.metrics).toBe('{"test.accuracy":0.21}');
    expect(repository.project.has('model/weights.txt')).toBe(true);
    expect(repository.project.has('data/words.txt')).toBe(false);
    expect(first.training?.curves).toEqual({
      loss: [
        { step: 1, value: 0.5 },
        { step: 2, value: 0.25 },
      ],
    });
    await repository.checkOutAnew();
    const second = await repository.train();
    expect(second.errors).toEqual([]);
    console.log(second.log);
  });
});
