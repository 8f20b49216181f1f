import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Engine,
  type RunOptions,
  type RunResult,
  startEngine,
  type TemporaryRepository,
  temporaryRepository,
} from '../../src/engine/index.ts';

let engine: Engine;
const repositories: TemporaryRepository[] = [];
beforeAll(async () => {
  engine = await startEngine();
}, 120_000);
afterAll(() => engine.close());
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const repository of repositories.splice(0)) await repository.close();
});

async function repositoryOf(workflow: string, files: Record<string, string> = {}, origin = false) {
  const repository = await temporaryRepository(
    { '.github/workflows/ci.yml': workflow, ...files },
    { origin },
  );
  repositories.push(repository);
  return repository;
}

const oneJob = (...steps: string[]) => `
on: [push, pull_request, schedule, release, workflow_dispatch]
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
${steps.map((step) => `      - ${step}`).join('\n')}
`;

async function run(workflow: string, options: Partial<RunOptions> = {}): Promise<RunResult> {
  const { path } = await repositoryOf(workflow);
  return await engine.run({ repository: path, ...options });
}

const logOf = (result: RunResult, step = 0) => result.jobs[0]?.steps[step]?.log.join('\n') ?? '';
/** A process that was ended but not yet collected by the one responsible (state Z) does not count. */
const isRunning = (pid: string) => {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
};

describe('events', () => {
  const show = `run: echo "\${{ github.ref }} \${{ github.sha == github.event.after }} \${{ github.event_name }}"`;

  it('are a push of the branch, unless said otherwise', async () => {
    const repository = await repositoryOf(oneJob(show));
    const result = await engine.run({ repository: repository.path });
    expect(logOf(result)).toBe('refs/heads/main true push');
    await repository.git('tag', 'v1');
    const tagged = await engine.run({ repository: repository.path, ref: 'refs/tags/v1' });
    expect(logOf(tagged)).toBe('refs/tags/v1 true push');
    await repository.commit('More', { a: 'a' });
    await expect(engine.run({ repository: repository.path, ref: 'refs/tags/v1' })).rejects.toThrow(
      /refs\/tags\/v1 is \w{40}, but \w{40} is checked out/,
    );
  });

  it('carry head and base of a pull request, and no secrets when it comes from a fork', async () => {
    const fields = ['github.base_ref', 'github.head_ref', 'github.event.pull_request.head.repo.fork'];
    const echo = `run: 'echo "${fields.map((field) => `\${{ ${field} }}`).join(' ')} [\${{ secrets.KEY }}]\${{ secrets.GITHUB_TOKEN != '' }}"'`;
    const repository = await repositoryOf(oneJob(echo.replaceAll("!= ''", "!= ''''")));
    await repository.git('switch', '--quiet', '--create', 'feature');
    await repository.commit('Improve', { a: 'a' });
    const options = { repository: repository.path, event: 'pull_request', secrets: { KEY: 'k-e-y' } };
    expect(logOf(await engine.run(options))).toBe('main feature false [***]true');
    expect(logOf(await engine.run({ ...options, fork: true }))).toBe('main feature true []true');
  });

  it('carry inputs, a schedule, a release and whatever the payload adds', async () => {
    const dispatch = `
on: { workflow_dispatch: { inputs: { deep: { type: boolean }, name: { type: string, default: none } } } }
jobs: { job: { runs-on: ubuntu-latest, steps: [{ run: 'echo "\${{ inputs.deep == true }} \${{ inputs.name }}"' }] } }`;
    expect(logOf(await run(dispatch, { event: 'workflow_dispatch', inputs: { deep: true } }))).toBe(
      'true none',
    );
    const scheduled = await run(oneJob('run: echo "${{ github.event.schedule }} $GITHUB_REF"'), {
      event: 'schedule',
      payload: { schedule: '5 4 * * *' },
    });
    expect(logOf(scheduled)).toBe('5 4 * * * refs/heads/main');
    const release = await repositoryOf(
      oneJob('run: echo "${{ github.event.release.tag_name }} $GITHUB_REF"'),
    );
    await expect(engine.run({ repository: release.path, event: 'release' })).rejects.toThrow('No tag');
    await release.git('tag', 'v2');
    expect(logOf(await engine.run({ repository: release.path, event: 'release' }))).toBe('v2 refs/tags/v2');
  });
});

describe('jobs and steps', () => {
  it('tells the parts of an action apart, and those of a composite one together', async () => {
    const js = (name: string, text: string) => ({ [`.github/actions/js/${name}.js`]: text });
    const { path } = await repositoryOf(
      oneJob(
        'uses: actions/checkout@v4',
        '{ id: js, uses: ./.github/actions/js }',
        '{ id: composite, uses: ./.github/actions/composite }',
      ),
      {
        '.github/actions/js/action.yml':
          'runs: { using: node24, pre: pre.js, main: main.js, post: post.js }\nname: js\ndescription: js\n',
        ...js('pre', 'console.log("before")'),
        ...js('main', 'console.log("meanwhile"); console.log("::notice title=T::told")'),
        ...js('post', 'console.log("afterwards"); process.exitCode = 1'),
        '.github/actions/composite/action.yml': `
name: composite
description: composite
outputs: { sum: { value: '\${{ steps.inner.outputs.part }}2' } }
runs:
  using: composite
  steps:
    - { id: inner, shell: bash, run: 'echo inside; echo part=1 >> "$GITHUB_OUTPUT"' }
    - { shell: bash, run: 'echo further >> "$GITHUB_STEP_SUMMARY"' }
`,
      },
    );
    const result = await engine.run({ repository: path });
    const [, script, composite] = result.jobs[0]?.steps ?? [];
    expect(script).toMatchObject({ id: 'js', outcome: 'success', post: 'failure' });
    expect(script?.log).toEqual(['meanwhile', '::notice title=T::told', 'afterwards']);
    expect(composite).toMatchObject({
      id: 'composite',
      outcome: 'success',
      outputs: { sum: '12' },
      log: ['inside'],
    });
    expect(result.jobs[0]).toMatchObject({ result: 'failure', summary: 'further\n' });
    expect(result.annotations).toEqual([{ level: 'notice', title: 'T', message: 'told', job: 'job' }]);
  });

  it('runs only what is asked for', async () => {
    const workflow = `
on: push
jobs:
  first: { runs-on: ubuntu-latest, steps: [{ run: echo }] }
  second:
    needs: first
    runs-on: ubuntu-latest
    strategy: { matrix: { os: [a, b], python: ['3.12', '3.13'] } }
    steps: [{ run: echo }]
  third: { needs: second, runs-on: ubuntu-latest, steps: [{ run: echo }] }
`;
    const result = await run(workflow, {
      workflow: 'ci.yml',
      job: 'second',
      matrix: { os: 'b', python: '3.13' },
      concurrency: 1,
    });
    expect(result.jobs.map(({ name }) => name)).toEqual(['first', 'second (b, 3.13)']);
  });

  it('may be several runs at the same time', async () => {
    const { path } = await repositoryOf(oneJob('run: echo "$GITHUB_RUN_ID"'));
    const results = await Promise.all(
      ['7', '8', '9'].map((runId) => engine.run({ repository: path, runId })),
    );
    expect(results.map((result) => logOf(result))).toEqual(['7', '8', '9']);
  });
});

describe('isolation', () => {
  it('takes nothing from the user, and no file of the repository for act', async () => {
    const home = await mkdtemp(join(tmpdir(), 'mlops-home-'));
    await writeFile(join(home, '.actrc'), '--env FROM_ACTRC=1\n');
    await writeFile(join(home, '.gitconfig'), '[user]\n  name = Me\n');
    vi.stubEnv('HOME', home);
    vi.stubEnv('XDG_CONFIG_HOME', home);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'mine');
    const settings = { '.env': 'FROM_ENV=1\n', '.secrets': 'KEY=stolen\n', '.actrc': '--env FROM_REPO=1\n' };
    const echo = `run: 'echo "$FROM_ACTRC|$FROM_ENV|$FROM_REPO|$AWS_SECRET_ACCESS_KEY|\${{ secrets.KEY }}|$(git config user.name)"'`;
    const { path } = await repositoryOf(oneJob(echo), settings);
    expect(logOf(await engine.run({ repository: path }))).toBe('|||||');
    await rm(home, { recursive: true });
  });

  it('keeps secrets out of arguments, files and logs, and answers for the GitHub API', async () => {
    const secret = `secret-${randomUUID()}`;
    const steps = [
      'run: tr "\\0" " " < /proc/$PPID/cmdline || ps -o args= -p $PPID',
      'run: echo "${{ secrets.KEY }} $ACTIONS_RUNTIME_TOKEN"; echo "::error::${{ secrets.KEY }}"',
      'run: curl --silent "$GITHUB_API_URL/user"',
      'run: echo "$MINE ${{ vars.COLOUR }}"',
    ];
    const result = await run(oneJob(...steps), {
      secrets: { KEY: secret },
      vars: { COLOUR: 'blue' },
      env: { MINE: 'mine' },
    });
    expect(result.success).toBe(true);
    expect(logOf(result, 0)).toContain('--secret-file');
    expect(JSON.stringify(result)).not.toContain(secret);
    expect(logOf(result, 1).split('\n')[0]).toBe('*** ***');
    expect(logOf(result, 2)).toContain('A GitHub API has to be started and named by GITHUB_API_URL');
    expect(logOf(result, 3)).toBe('mine blue');
    expect(await readdir(join(engine.folder, 'runs'))).toEqual([]);
  });

  it('lets a step push to the origin of a temporary repository', async () => {
    const commit = 'git -c user.name=A -c user.email=a@example.org commit --quiet --allow-empty -m "From CI"';
    const push = `run: '${commit} && git push --quiet origin HEAD:refs/heads/records'`;
    const repository = await repositoryOf(oneJob('uses: actions/checkout@v4', push), {}, true);
    expect((await engine.run({ repository: repository.path })).problems).toEqual([]);
    const log = await promisify(execFile)('git', [
      '-C',
      repository.origin ?? '',
      'log',
      '--format=%s',
      'records',
    ]);
    expect(log.stdout).toBe('From CI\nStart\n');
    expect(await repository.git('log', '--format=%s')).toBe('Start');
  });
});

describe('an end before its time', () => {
  const sleeper = [
    'run: sleep 300 & echo "pid $!"; sleep 301',
    'run: echo never',
    '{ if: always(), run: echo cleaned up }',
  ];

  /** Runs the sleeper and acts once it sleeps. Gives the result and the id of the process it left in the background. */
  async function interrupted(act: () => void, options: Partial<RunOptions> = {}) {
    let pid = '';
    const result = await run(oneJob(...sleeper), {
      ...options,
      onLine: (line) => {
        const [, found] = /pid (\d+)$/.exec(line) ?? [];
        if (!found) return;
        pid = found;
        act();
      },
    });
    return { result, pid };
  }

  it.skipIf(process.platform === 'win32')('is a cancellation when the signal says so', async () => {
    const cancel = new AbortController();
    const { result, pid } = await interrupted(() => cancel.abort(), { signal: cancel.signal });
    expect(result).toMatchObject({ success: false, cancelled: true, timedOut: false });
    expect(result.jobs[0]).toMatchObject({ result: 'cancelled' });
    expect(result.jobs[0]?.steps.map(({ outcome }) => outcome)).toEqual(['cancelled', 'skipped', 'success']);
    expect(pid).not.toBe('');
    expect(isRunning(pid)).toBe(false);
  });

  it.skipIf(process.platform === 'win32')('is a cancellation when this process is interrupted', async () => {
    const { result, pid } = await interrupted(() => process.emit('SIGINT'));
    expect(result.cancelled).toBe(true);
    expect(isRunning(pid)).toBe(false);
    expect(process.listenerCount('SIGINT')).toBe(0);
  });

  it('ends everything at once when time is up', async () => {
    const { result, pid } = await interrupted(() => {}, { timeoutMs: 4000 });
    expect(pid).not.toBe('');
    expect(result).toMatchObject({ success: false, timedOut: true, cancelled: false });
    expect(result.jobs[0]?.result).toBe('cancelled');
    expect(isRunning(pid)).toBe(false);
  });

  it('leaves nothing running that a step started', async () => {
    // Between a program's start and its name's appearance there is a moment in which it has none.
    const daemon =
      'run: setsid sleep 302 & until ps -o args= -p $! | grep -q "^sleep 302"; do sleep 0.05; done';
    const result = await run(oneJob(daemon));
    expect(result.success).toBe(true);
    expect(result.orphans).toEqual([expect.stringMatching(/^\d+ sleep 302$/)]);
    const [pid = ''] = result.orphans[0]?.split(' ') ?? [];
    expect(isRunning(pid)).toBe(false);
  });
});

describe('problems', () => {
  it('are told when there is no machine for a label', async () => {
    const result = await run(oneJob('run: echo').replace('ubuntu-latest', 'mainframe'));
    expect(result.success).toBe(false);
    expect(result.problems).toEqual([expect.stringContaining('mainframe')]);
    expect(
      (await run(oneJob('run: echo').replace('ubuntu-latest', 'mainframe'), { labels: ['mainframe'] }))
        .success,
    ).toBe(true);
  });

  it('are told when a workflow cannot be read', async () => {
    const result = await run(
      'on: push\njobs: { job: { runs-on: ubuntu-latest, steps: [{ run: echo, uses: a/b@v1 }] } }',
    );
    expect(result.success).toBe(false);
    expect(result.problems.join()).toMatch(/ci\.yml|step/);
  });

  it('are told when an action cannot be had', async () => {
    const { path } = await repositoryOf(oneJob('uses: ./.github/actions/missing'));
    const result = await engine.run({ repository: path });
    expect(result.success).toBe(false);
    expect(result.jobs[0]?.result).toBe('failure');
  });

  it('are errors of the caller where the repository is none', async () => {
    const repository = await repositoryOf(oneJob('run: echo'));
    const worktree = join(repository.path, '..', 'worktree');
    await repository.git('worktree', 'add', '--quiet', '--detach', worktree);
    await expect(engine.run({ repository: worktree })).rejects.toThrow('is a linked worktree');
    await expect(engine.run({ repository: tmpdir() })).rejects.toThrow('is no git repository');
    await expect(engine.run({ repository: repository.path, workflow: 'no.yml' })).rejects.toThrow(
      'does not exist',
    );
    await expect(startEngine({ releaseTree: repository.path })).rejects.toThrow('slug and refs');
  });
});

describe('temporaryRepository', () => {
  it('gives the same commits for the same files', async () => {
    const [one, two] = [
      await repositoryOf('on: push', { a: 'b' }),
      await repositoryOf('on: push', { a: 'b' }),
    ];
    expect(await one.git('rev-parse', 'HEAD')).toBe(await two.git('rev-parse', 'HEAD'));
    expect(await one.commit('Next', { c: 'd' })).toBe(await two.commit('Next', { c: 'd' }));
    expect(await one.git('status', '--porcelain')).toBe('');
  });

  it('copies a folder, without its git repository', async () => {
    const template = await repositoryOf('on: push', { 'sub/a': 'b' });
    const copy = await temporaryRepository(template.path, { branch: 'trunk' });
    repositories.push(copy);
    expect(await copy.git('ls-files')).toBe('.github/workflows/ci.yml\nsub/a');
    expect(await copy.git('log', '--format=%s %an', 'trunk')).toBe('Start Ada Example');
  });
});
