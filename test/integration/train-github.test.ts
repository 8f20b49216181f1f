import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Service, startService } from '../../packages/core/test/store-service.ts';
import { Project } from './train-project.ts';

vi.setConfig({ testTimeout: 60_000 });

const all = ['data', 'features', 'train', 'evaluate'];
let project: Project;
let service: Service;
beforeEach(async () => {
  [project, service] = await Promise.all([Project.pipeline(), startService()]);
});
afterEach(async () => {
  await project.destroy();
  await service.close();
});

test("model, metrics and record become an artifact, and stages go to GitHub's cache", async () => {
  const first = await project.train({}, { env: service.env });
  expect(first.errors).toEqual([]);
  expect(first.log).toContain("Results are kept in: GitHub's cache");
  expect(first.outputs).toMatchObject({
    'artifact-name': 'model',
    'artifact-id': '1',
    'artifact-url': 'https://github.com/acme/model/actions/runs/1/artifacts/1',
  });
  expect(first.training?.model?.artifact).toBe('model');
  expect(project.has('mlops-training.json')).toBe(false);
  expect(service.calls.filter((method) => method === 'CreateArtifact')).toHaveLength(1);
  // Four stages and one ledger, each once.
  expect(service.calls.filter((method) => method === 'CreateCacheEntry')).toHaveLength(5);

  await project.checkOutAnew();
  const again = await project.train({ 'artifact-name': 'second' }, { env: service.env });
  expect(again.skipped).toEqual(all);
  expect(again.restored).toEqual(['model', 'metrics.json']);
  expect(service.calls.filter((method) => method === 'CreateCacheEntry')).toHaveLength(5);
});

test('two jobs that use one name are told so, and lose nothing', async () => {
  await project.train({}, { env: service.env });
  const second = await project.train({}, { env: service.env });
  expect(second.exitCode).toBe(1);
  expect(second.errors[0]).toContain("an artifact named 'model' was already uploaded in this run");
  expect(second.errors[0]).toContain('artifact-name');
  expect(second.outputs.metrics).toBe('{"test.accuracy":0.6}');
  expect((await project.train({ upload: false }, { env: service.env })).exitCode).toBe(0);
});

test('a model is kept although its metrics cannot be read', async () => {
  await project.write({
    'src/evaluate.mjs': `import { writeFileSync } from 'node:fs'; writeFileSync('metrics.json', '{"accuracy": ');`,
  });
  const result = await project.train({}, { env: service.env });
  expect(result.exitCode).toBe(1);
  expect(result.errors).toEqual([expect.stringContaining('the file ends in the middle')]);
  expect(result.outputs).toMatchObject({
    'artifact-id': '1',
    'model-digest': expect.stringMatching(/^sha256:/),
  });
  expect(result.outputs.metrics).toBeUndefined();
  expect(result.log).toContain("Uploaded model, metrics.json as the artifact 'model'");
});

test('a cache service that fails costs time, not the run', async () => {
  service.fail('GetCacheEntryDownloadURL', 400);
  service.fail('CreateCacheEntry', 400);
  const result = await project.train({ upload: false }, { env: service.env });
  expect(result.exitCode).toBe(0);
  expect(result.ran).toEqual(all);
  expect(result.outputs.metrics).toBe('{"test.accuracy":0.6}');
});
