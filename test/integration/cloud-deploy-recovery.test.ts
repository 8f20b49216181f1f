import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runAction } from '@mlops/testkit/runner-files';
import { describe, expect, it } from 'vitest';
import { locked } from '../../actions/cloud-deploy/src/targets/host/lock.ts';
import {
  action,
  deploy,
  deployed,
  folderOf,
  freePort,
  inputsOf,
  isAlive,
  kill,
  killed,
  lastPackage,
  packageOf,
  pids,
  predict,
  results,
  run,
  start,
  startLoad,
  state,
  until,
} from './cloud-deploy-host.ts';

describe('rollback and stop', () => {
  it('goes back release by release, as long as there is one', async () => {
    const revisions: (string | undefined)[] = [];
    for (const label of ['a', 'b', 'c']) revisions.push((await deployed({ label })).outputs.revision);
    const load = startLoad((await deployed({ label: 'c' })).outputs.url ?? '');
    const back = await run({ command: 'rollback' });
    expect(back.outputs).toMatchObject({
      outcome: 'deployed',
      revision: revisions[1],
      'previous-revision': revisions[2],
    });
    const further = await run({ command: 'rollback', name: 'demo' });
    expect(further.outputs).toMatchObject({ outcome: 'deployed', revision: revisions[0] });
    expect((await load.stop()).failures).toEqual([]);
    expect((await predict(further.outputs.url ?? '')).json.label).toBe('a');
    const end = await run({ command: 'rollback' });
    expect(end.exitCode).toBe(1);
    expect(end.annotations[0]?.message).toMatch(/no release to go back to: '\w+' is the oldest/);
    expect((await predict(further.outputs.url ?? '')).json.label).toBe('a');
  });

  it('stops everything, and a later deployment serves again at the same URL', async () => {
    const { url = '' } = (await deployed({ label: 'a' })).outputs;
    const running = await pids();
    const stopped = await run({ command: 'stop' });
    expect(stopped.outputs).toMatchObject({ outcome: 'stopped' });
    for (const pid of running) expect(await isAlive(pid)).toBe(false);
    await expect(predict(url)).rejects.toThrow('ECONNREFUSED');
    const again = await deployed({ label: 'a' });
    expect(again.outputs).toMatchObject({ url, 'previous-revision': '' });
  });

  it('asks which deployment is meant', async () => {
    expect((await run({ command: 'rollback' })).annotations[0]?.message).toMatch(/which deployment is meant/);
    await deployed({ label: 'a' });
    expect((await run({ command: 'stop', name: 'dmeo' })).annotations[0]?.message).toMatch(
      /no deployment 'dmeo' in .*\nThere are: demo\./,
    );
  });
});

describe('after a deployment that was killed', () => {
  it('while its release was starting, the next one ends that and deploys', async () => {
    const { url = '', revision } = (await deployed({ label: 'a' })).outputs;
    const child = await start({ label: 'b', hangs: true });
    await until(async () => (await state()).starting !== null, 'the start of b');
    const orphan = (await state()).starting?.process.pid;
    await killed(child);
    expect(await isAlive(orphan)).toBe(true);
    expect(await predict(url)).toMatchObject({ status: 200, revision });
    const next = await deployed({ label: 'c' });
    expect(next.outputs).toMatchObject({ url, 'previous-revision': revision });
    expect(await isAlive(orphan)).toBe(false);
    expect((await predict(url)).json.label).toBe('c');
    expect((await readdir(join(folderOf(), 'releases'))).length).toBe(2);
  });

  it('at the first deployment, the next one ends its front, too', async () => {
    const port = await freePort();
    const child = await start({ label: 'a', hangs: true }, { port });
    await until(
      async () => existsSync(join(folderOf(), 'state.json')) && (await state()).starting !== null,
      'the start of a',
    );
    await killed(child);
    const result = await deployed({ label: 'b' }, { port });
    expect((await predict(result.outputs.url ?? '')).json.label).toBe('b');
  });

  it('while the old release was draining, the new one stays live and the old one is ended', async () => {
    const { url = '' } = (await deployed({ label: 'a' })).outputs;
    const old = (await state()).live?.process.pid;
    const slow = predict(url, '/predict?ms=600000').catch(() => undefined);
    const child = await start({ label: 'b' }, { 'drain-timeout': '10m' });
    await until(async () => (await state()).retiring.length > 0, 'the switch to b');
    await until(async () => (await predict(url)).json.label === 'b', 'b at the stable URL');
    await killed(child);
    expect(await isAlive(old)).toBe(true);
    const again = await run({ package: lastPackage() });
    expect(again.outputs.outcome).toBe('unchanged');
    expect(await isAlive(old)).toBe(false);
    expect((await predict(url)).json.label).toBe('b');
    await slow;
  });

  it('or by a reboot, which ends every process, it all starts again', async () => {
    const { url = '', revision } = (await deployed({ label: 'a' })).outputs;
    for (const pid of await pids()) kill(pid);
    const again = await run({ package: lastPackage(), install: '' });
    expect(again.outputs).toMatchObject({ outcome: 'deployed', revision, url });
    expect((await predict(url)).json.label).toBe('a');
  });

  it('or cancelled, nothing of it is left', async () => {
    const { url = '', revision } = (await deployed({ label: 'a' })).outputs;
    const before = await state();
    const cancel = new AbortController();
    const running = runAction(action, {
      inputs: inputsOf({ package: await packageOf({ label: 'b', hangs: true }) }),
      signal: cancel.signal,
    });
    await until(async () => (await state()).starting !== null, 'the start of b');
    const candidate = (await state()).starting?.process.pid;
    cancel.abort();
    const result = await running;
    results.push(result);
    expect(result.outputs).toMatchObject({ outcome: 'rolled-back', 'previous-revision': revision });
    expect(await isAlive(candidate)).toBe(false);
    expect(await state()).toEqual(before);
    expect((await predict(url)).json.label).toBe('a');
  });
});

describe('the lock', () => {
  it('refuses a second deployment at once, and only to the same place', async () => {
    await locked(folderOf(), async () => {
      const second = await deploy({ label: 'a' });
      expect(second.annotations[0]?.message).toMatch(
        new RegExp(`another deployment to this folder is under way \\(process ${process.pid}, since `),
      );
      await deployed({ label: 'a' }, { environment: 'staging' });
    });
    await deployed({ label: 'a' });
  });

  it('does not count when its holder is gone, or its pid belongs to another process', async () => {
    await deployed({ label: 'a' });
    await writeFile(
      join(folderOf(), 'lock'),
      JSON.stringify({ pid: process.pid, started: 'long ago', since: 'then' }),
    );
    await deployed({ label: 'b' });
  });
});
