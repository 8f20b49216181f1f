import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startService } from '../../packages/core/test/store-service.ts';
import {
  finishJob,
  index,
  installed,
  locked,
  setUp,
  workspace,
  write,
} from './setup-python-cuda/workbench.ts';

describe('the cache', () => {
  test('keeps what was built from source, and nothing else', async () => {
    const service = await startService();
    try {
      const job = (name: string) => ({ env: { ...service.env, UV_CACHE_DIR: join(workspace, name, 'uv') } });
      await write({
        // docopt has no wheel; six has one.
        'requirements.in': 'docopt==0.6.2\nsix==1.16.0\n',
        // A mirror may not say that its files never change, and uv would then fetch and build them again.
        'uv.toml': `[[index]]\nurl = "${await index()}"\ndefault = true\ncache-control = { files = "max-age=365000000, immutable" }\n`,
      });
      await locked();
      const first = await setUp(job('one'));
      expect(await installed(first)).toHaveLength(2);
      expect(first.outputs).toMatchObject({
        'cache-hit': 'false',
        'cache-key': expect.stringMatching(/^setup-python-cuda-/),
      });
      const saved = await finishJob(first, job('one').env);
      expect(saved.stdout).toMatch(/Saved \d+ bytes/);
      expect(saved.exitCode).toBe(0);

      await rm(join(workspace, '.venv'), { recursive: true });
      // A second job on another machine has its cache at the same place.
      await rm(join(workspace, 'one'), { recursive: true });
      const second = await setUp(job('one'));
      expect(second.outputs['cache-hit']).toBe('true');
      expect(await installed(second)).toHaveLength(2);
      expect(second.stdout).not.toContain('Building docopt');
      expect(second.state.cache).toBeUndefined();
      expect(second.record?.environments[0]).toMatchObject({ cacheHit: true });

      // Another lock starts from what there is, and leaves behind what it does not need.
      await write({ 'requirements.in': 'docopt==0.6.1\nsix==1.16.0\n' });
      await locked();
      await rm(join(workspace, 'one'), { recursive: true });
      const third = await setUp(job('one'));
      expect(third.outputs['cache-hit']).toBe('false');
      expect(third.stdout).toContain(`from ${first.outputs['cache-key']}`);
      await finishJob(third, job('one').env);
      const wheels = (await readdir(join(workspace, 'one'), { recursive: true })).filter((name) =>
        name.endsWith('.whl'),
      );
      expect(wheels).toEqual([expect.stringContaining('docopt-0.6.1')]);
    } finally {
      await service.close();
    }
  });

  test('saves nothing where nothing was built', async () => {
    const service = await startService();
    try {
      await write({ 'requirements.in': 'six==1.16.0\n' });
      await locked();
      const env = { ...service.env, UV_CACHE_DIR: join(workspace, 'uv') };
      const main = await setUp({ env });
      const post = await finishJob(main, env);
      expect(post.stdout).toContain('nothing to cache');
      expect(service.calls).not.toContain('CreateCacheEntry');
    } finally {
      await service.close();
    }
  });

  test.each([
    ['off', {}, {}],
    ['auto', {}, { event: 'pull_request_target' }],
    ['auto', { GITHUB_REF: 'refs/tags/v1' }, {}],
  ])('is not asked with %s, %j, %j', async (cache, env, options) => {
    const service = await startService();
    try {
      await write({ 'requirements.txt': '' });
      const result = await setUp({
        ...options,
        inputs: { cache },
        env: { ...service.env, UV_CACHE_DIR: join(workspace, 'uv'), ...env },
      });
      expect(result.exitCode).toBe(0);
      expect(service.calls).toEqual([]);
    } finally {
      await service.close();
    }
  });
});
