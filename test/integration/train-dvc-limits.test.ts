import { afterEach, expect, test, vi } from 'vitest';
import { DvcRepository } from './train-dvc-project.ts';

vi.setConfig({ testTimeout: 180_000 });

let repository: DvcRepository;
afterEach(() => repository.destroy());

const stages = {
  prepare: { cmd: 'cp in prepared', deps: ['in'], outs: ['prepared'] },
  train: { cmd: 'bash wait.sh && cp prepared model', deps: ['prepared', 'wait.sh'], outs: ['model'] },
};

test('at a time limit DVC and its stage are stopped, and what was done before is kept', async () => {
  const files = { 'dvc.yaml': JSON.stringify({ stages }), in: '1', 'wait.sh': 'echo waiting\nsleep 600\n' };
  repository = await DvcRepository.with(files, { model: 'model' });
  const stopped = await repository.train({ 'time-limit': '20s', 'stop-grace': '5s' });
  expect(stopped.exitCode).toBe(1);
  expect(stopped.outputs.outcome).toBe('time-limit');
  expect(stopped.log).toContain('waiting');
  expect(stopped.outcome('prepare')).toBe('ran');
  expect(stopped.outcome('train')).not.toBe('ran');

  // DVC has ended with the action: it holds the project's lock no longer.
  await repository.edit('wait.sh', 'sleep 600', 'true');
  await repository.checkOutAnew();
  const done = await repository.train();
  expect(done.errors).toEqual([]);
  expect(done.skipped).toEqual(['prepare']);
  expect(done.ran).toEqual(['train']);
});
