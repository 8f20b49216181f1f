import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BranchStore, type JobRecord, keptPath, type RunRecord, runRecordSchema } from '@mlops/core/record';
import { type ArtifactServer, artifactFiles, startArtifactServer } from '@mlops/testkit/engine';
import { type ActionOptions, type ActionResult, fakeRunner, runAction } from '@mlops/testkit/runner-files';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digest, git, job, Origin, training } from './origin.ts';

const action = fileURLToPath(new URL('../../actions/report', import.meta.url));

let origin: Origin;
let server: ArtifactServer;
const results: ActionResult[] = [];
beforeEach(async () => {
  origin = await Origin.with({ 'train.py': '' });
  server = await startArtifactServer(join(origin.root, 'artifacts'));
});
afterEach(async () => {
  await server.close();
  for (const result of results.splice(0)) await result.runner.remove();
  await origin.remove();
});

interface Options extends ActionOptions {
  /** What the job's earlier steps recorded. */
  record?: JobRecord;
  /** Predictions that the job's gate kept, by their path. */
  kept?: Record<string, Buffer>;
  /** Whether the job has an artifact service (default true). */
  service?: boolean;
}

async function report(
  inputs: Record<string, string>,
  { record, kept = {}, service = true, env, ...options }: Options = {},
): Promise<ActionResult> {
  const before = await fakeRunner({ workspace: origin.checkout });
  if (record) {
    await mkdir(join(before.temp, 'mlops'), { recursive: true });
    await writeFile(join(before.temp, 'mlops', 'run-record.json'), JSON.stringify(record));
  }
  for (const [path, content] of Object.entries(kept)) {
    await mkdir(join(before.temp, 'mlops', 'predictions'), { recursive: true });
    await writeFile(join(before.temp, 'mlops', path), content);
  }
  const result = await runAction(action, {
    after: before,
    workspace: origin.checkout,
    inputs,
    ...options,
    env: {
      ...(service && { ACTIONS_RESULTS_URL: server.url, ACTIONS_RUNTIME_TOKEN: server.token('1') }),
      ...env,
    },
  });
  results.push(result);
  return result;
}

/** Ends a job, whose part is handed on. */
const endJob = (record: JobRecord, inputs: Record<string, string> = {}, kept: Options['kept'] = {}) =>
  report({ scope: 'job', ...inputs }, { record, kept, env: { GITHUB_JOB: record.job } });

async function recordOf(result: ActionResult): Promise<RunRecord> {
  return runRecordSchema.parse(JSON.parse(await readFile(result.outputs['record-path'] ?? '', 'utf8')));
}

interface Kept {
  content: Buffer;
  digest: string;
}

const messages = ({ annotations }: ActionResult, level: string) =>
  annotations.flatMap((one) => (one.level === level ? [one.message] : []));

const store = () => new BranchStore({ remote: { url: origin.bare } });

const trained = (number: number, accuracy: number, changes: Partial<JobRecord> = {}) =>
  job(number, {
    trainings: [
      training({
        metrics: { accuracy },
        model: { path: 'model', digest: digest('d'), bytes: 1, artifact: 'model' },
      }),
    ],
    ...changes,
  });

const deployed = (environment: string, changes: Partial<JobRecord['deployments'][number]> = {}) => ({
  target: 'host',
  environment,
  outcome: 'deployed' as const,
  revision: 'r1',
  previousRevision: null,
  url: 'http://127.0.0.1:8000',
  digest: digest('e'),
  modelDigest: digest('d'),
  durationMs: 1,
  smoke: [],
  reason: null,
  ...changes,
});

describe('the end of a job', () => {
  test('hands its part on, each under a name of its own', async () => {
    const results = [await endJob(trained(1, 0.9)), await endJob(trained(1, 0.9))];
    const names = results.map(({ outputs }) => outputs['artifact-name']);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^mlops-record\.train-[0-9a-f]{8}$/);
    const [artifact] = server.artifacts('1');
    const files = artifact ? await artifactFiles(artifact) : {};
    expect(Object.keys(files)).toEqual(['run-record.json']);
    expect(JSON.parse(files['run-record.json']?.toString() ?? '')).toEqual(trained(1, 0.9));
  });

  test('says which leg of a matrix failed before it trained', async () => {
    for (const size of ['small', 'large'])
      await endJob(job(1, { steps: [failedStep] }), { matrix: JSON.stringify({ size }) });
    const result = await report({});
    const { jobs } = await recordOf(result);
    expect(jobs.map(({ matrix }) => matrix?.size).sort()).toEqual(['large', 'small']);
    expect(result.summary).toContain('train failed (2 times)');
  });

  test('without anything recorded, or without a service, hands on nothing', async () => {
    const empty = await report({ scope: 'job' });
    expect(empty.stdout).toContain('Nothing was recorded in this job.');
    const alone = await report({ scope: 'job' }, { record: trained(1, 0.9), service: false });
    expect(messages(alone, 'notice')).toEqual(['The record stays in this job: it has no artifact service.']);
    expect([empty.exitCode, alone.exitCode]).toEqual([0, 0]);
    expect(server.artifacts('1')).toEqual([]);
  });
});

const failedStep = {
  action: 'train',
  startedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 1,
  outcome: 'failure' as const,
  error: 'out of memory',
};

describe('the end of a run', () => {
  test('puts all jobs together, of jobs that ran again the newest attempt', async () => {
    await endJob(trained(3, 0.3, { matrix: { size: 'small' } }));
    await endJob(trained(1, 0.1, { matrix: { size: 'large' } }));
    await endJob(trained(4, 0.4, { matrix: { size: 'small' }, attempt: 2 }));
    await endJob(job(5, { job: 'deploy', attempt: 2, deployments: [deployed('staging')] }));
    await endJob(job(2, { job: 'deploy', deployments: [deployed('production')] }));
    const result = await report({}, { env: { GITHUB_RUN_ATTEMPT: '2' } });
    expect(messages(result, 'error')).toEqual([]);
    const { run, jobs } = await recordOf(result);
    expect(jobs.map(({ trainings }) => trainings[0]?.metrics.accuracy)).toEqual([0.1, 0.4, undefined]);
    expect(jobs.at(-1)?.deployments.map(({ environment }) => environment)).toEqual(['staging']);
    expect(run).toMatchObject({ attempt: 2, message: 'Begin', dirty: false, startedAt: jobs[0]?.startedAt });
    const artifact = server.artifacts('1').find(({ name }) => name === 'mlops-report');
    const files = artifact ? await artifactFiles(artifact) : {};
    expect(Object.keys(files).sort()).toEqual(['report.html', 'run-record.json']);
    const page = server.artifacts('1').find(({ name }) => name === 'mlops-report.html');
    expect(page?.contentType).toBe('text/html');
    expect(page && (await artifactFiles(page))['mlops-report.html']).toEqual(files['report.html']);
    expect(files['report.html']?.toString()).toBe(
      await readFile(result.outputs['report-path'] ?? '', 'utf8'),
    );
  });

  test('counts two calls of one workflow, and no deployment from before the newest training', async () => {
    await endJob(trained(1, 0.1));
    await endJob(trained(2, 0.2));
    const both = await recordOf(await report({ record: 'never', 'artifact-name': 'first' }));
    expect(both.jobs).toHaveLength(2);
    await endJob(job(3, { job: 'deploy', deployments: [deployed('production')] }));
    await endJob(trained(4, 0.4, { attempt: 2 }));
    const again = await report({}, { env: { GITHUB_RUN_ATTEMPT: '2' } });
    expect((await recordOf(again)).jobs.map(({ attempt }) => attempt)).toEqual([2]);
    expect(await store().alias('model', 'production')).toBeUndefined();
  });

  test('takes the later of two parts of one job', async () => {
    const early = trained(1, 0.1, { finishedAt: '2026-01-01T00:01:10.000Z' });
    await endJob(early);
    const late = trained(1, 0.1, { finishedAt: '2026-01-01T00:02:00.000Z', gates: [gate] });
    const { jobs } = await recordOf(await report({ record: 'never' }, { record: late }));
    expect(jobs.map(({ gates }) => gates.length)).toEqual([1]);
  });

  test('reports a run of a single job without an artifact service', async () => {
    const result = await report({}, { record: trained(1, 0.9), service: false });
    expect(result.exitCode).toBe(0);
    expect(result.outputs).toMatchObject({ recorded: 'true' });
    expect(result.outputs['artifact-name']).toBeUndefined();
    expect(result.summary).toContain('| `accuracy` | 0.9 |');
    expect(await readFile(result.outputs['report-path'] ?? '', 'utf8')).toContain('<code>accuracy</code>');
    expect((await store().newest('main'))?.run.id).toBe('1');
  });

  test('reports what 30 jobs handed on', async () => {
    for (let i = 0; i < 30; i++) {
      const folder = join(origin.root, `part-${i}`);
      await mkdir(folder);
      await writeFile(
        join(folder, 'run-record.json'),
        JSON.stringify(trained(i, i / 30, { matrix: { leg: i } })),
      );
    }
    await upload(
      Array.from({ length: 30 }, (_, i) => [`mlops-record.train-${i}`, join(origin.root, `part-${i}`)]),
    );
    const { jobs } = await recordOf(await report({}));
    expect(jobs.map(({ matrix }) => matrix?.leg)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  test.each([
    ['no JSON', '{"schema": 1,'],
    ['of another version', '{"schema": 2}'],
    ['missing', undefined],
  ])('names the artifact whose part is %s', async (_, content) => {
    await endJob(trained(1, 0.9));
    const folder = join(origin.root, 'bad');
    await mkdir(folder);
    await writeFile(join(folder, content === undefined ? 'other.json' : 'run-record.json'), content ?? '{}');
    await upload([['mlops-record.bad-0', folder]]);
    const result = await report({});
    expect(result.exitCode).toBe(1);
    expect(messages(result, 'error')).toHaveLength(1);
    expect(messages(result, 'error')[0]).toMatch(
      /^the artifact 'mlops-record\.bad-0' holds no part of a run's record: /,
    );
    expect(messages(result, 'error')[0]).toContain(
      'Use the same version of these actions in all jobs of a run',
    );
  });

  test('shows what is hostile as text', async () => {
    const hostile = '</h1><script>alert(1)</script> ![x](//e) | `';
    await origin.commit(hostile, {});
    const record = trained(1, 0.9);
    record.trainings = [training({ metrics: { [hostile]: 1 } })];
    const result = await report(
      {},
      { record, env: { GITHUB_REF: 'refs/heads/</h1><script>alert(1)</script>|`' } },
    );
    expect(messages(result, 'error')).toEqual([]);
    const page = await readFile(result.outputs['report-path'] ?? '', 'utf8');
    expect(page).not.toContain('<script');
    expect(page).toContain('&#60;script&#62;alert(1)');
    expect(result.summary.replace(/<\/?code>/g, '')).not.toMatch(/<|!\[/);
  });

  test('has a summary that GitHub shows, however much was recorded', async () => {
    const metrics = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`metric.${i}`, i]));
    for (let i = 0; i < 3; i++) await endJob(job(i, { trainings: [training({ name: `m${i}`, metrics })] }));
    const result = await report({});
    expect(result.summary.length).toBeLessThan(1024 * 1024);
    expect(result.summary.match(/_1900 more are in the report\._/g)).toHaveLength(3);
  });
});

const gate = { verdict: 'pass' as const, passed: true, rules: [], baseline: null };

/** Uploads folders as artifacts of these names, in a process whose environment names the service. */
async function upload(artifacts: [name: string, folder: string][]): Promise<void> {
  const file = join(origin.root, 'upload.mjs');
  const client = fileURLToPath(new URL('../../packages/core/src/store/index.ts', import.meta.url));
  await writeFile(
    file,
    `import { artifactStore } from ${JSON.stringify(client)};
for (const [name, folder] of ${JSON.stringify(artifacts)}) await artifactStore().save(name, folder, ['.']);
`,
  );
  const uploaded = await runAction(origin.root, {
    entry: 'upload.mjs',
    env: { ACTIONS_RESULTS_URL: server.url, ACTIONS_RUNTIME_TOKEN: server.token('1') },
  });
  results.push(uploaded);
  if (uploaded.exitCode !== 0) throw new Error(uploaded.stderr);
}

describe('the record on the branch', () => {
  const record = trained(1, 0.9);

  test('is kept, and a deployment that succeeded moves the alias of its environment', async () => {
    const deployments = [
      deployed('staging'),
      deployed('review/7', { outcome: 'unchanged' }),
      deployed('production', { outcome: 'rolled-back', reason: 'unhealthy' }),
      deployed('canary', { outcome: 'failed' }),
    ];
    const result = await report({}, { record: { ...record, deployments } });
    expect(result.outputs.recorded).toBe('true');
    const [path] = await store().list();
    expect(path).toMatch(/^runs\/heads\/main\/.*-1-1\.json$/);
    for (const name of ['staging', 'review/7'])
      expect((await store().alias('model', name))?.alias).toMatchObject({
        record: path,
        modelDigest: digest('d'),
      });
    for (const name of ['production', 'canary']) expect(await store().alias('model', name)).toBeUndefined();
  });

  test.each(['pull_request', 'pull_request_target', 'workflow_run', 'issue_comment'])(
    'is not kept for %s',
    async (event) => {
      const result = await report({}, { record, event });
      expect(result.exitCode).toBe(0);
      expect(result.outputs.recorded).toBe('false');
      expect(messages(result, 'notice')).toEqual([
        `The run is not recorded: runs of the event '${event}' are not kept.`,
      ]);
      expect(await store().list()).toEqual([]);
    },
  );

  test('comes with the predictions that gates kept, if they arrive as they were', async () => {
    const [whole, damaged] = [Buffer.from([0x1f, 0x8b, 0, 0xff, 0x0d, 0x0a]), Buffer.from('other')].map(
      (content) => ({
        content,
        digest: `sha256:${createHash('sha256').update(content).digest('hex')}`,
      }),
    ) as [Kept, Kept];
    const gated = (number: number, name: string, { content, digest }: Kept) =>
      trained(number, 0.9, {
        job: name,
        gates: [
          {
            ...{ verdict: 'pass', passed: true, rules: [], baseline: null, name: 'model' },
            kept: { digest, bytes: content.length },
          },
        ],
      });
    await endJob(gated(1, 'a', whole), {}, { [keptPath(whole.digest)]: whole.content });
    await endJob(gated(2, 'b', damaged), {}, { [keptPath(damaged.digest)]: Buffer.from('changed') });
    await endJob(gated(3, 'c', whole), {}, { [keptPath(whole.digest)]: whole.content });
    const result = await report({});
    expect(messages(result, 'error')).toEqual([]);
    expect(result.outputs.recorded).toBe('true');
    expect(await store().file(keptPath(whole.digest))).toEqual(whole.content);
    expect(await store().file(keptPath(damaged.digest))).toBeUndefined();
    expect(messages(result, 'notice').filter((one) => one.startsWith('Predictions'))).toHaveLength(1);
  });

  test('is not kept where that is not wanted, or there is nothing to keep', async () => {
    const never = await report({ record: 'never' }, { record });
    const empty = await report({ 'artifact-name': 'other' });
    const bare = await report(
      { 'artifact-name': 'third' },
      { record, workspace: join(origin.root, 'empty') },
    );
    const why = [never, empty, bare].map((result) => messages(result, 'notice')[0]);
    expect(why).toEqual([
      "The run is not recorded: the input 'record' is 'never'.",
      'The run is not recorded: no job recorded anything.',
      'The run is not recorded: the repository is not checked out.',
    ]);
    expect(await store().list()).toEqual([]);
  });

  test.each([
    ['remote: error: GH006: Protected branch update failed.', 'a rule protects the branch'],
    [
      'remote: Permission to acme/model.git denied to github-actions[bot].\nerror: 403',
      'the token may not push',
    ],
  ])('that may not be pushed is a notice, and the report is there: %s', async (words, expected) => {
    await origin.refusePushes(words);
    const result = await report({}, { record });
    expect(result.exitCode).toBe(0);
    expect(result.outputs).toMatchObject({ recorded: 'false', 'artifact-name': 'mlops-report' });
    expect(messages(result, 'notice')[0]).toContain(`The run is not recorded: ${expected}`);
    expect(messages(result, 'notice')[0]).toMatch(/Exempt this branch|contents: write/);
  });

  test('that cannot be pushed for another reason is an error in the words of the server', async () => {
    await origin.refusePushes('the disk is full');
    const result = await report({}, { record });
    expect(result.exitCode).toBe(1);
    expect(messages(result, 'error')[0]).toContain('the disk is full');
    expect(result.outputs['report-path']).toBeDefined();
  });

  test('of runs that end at once is not lost, nor mixed up', async () => {
    const ids = ['11', '12', '13'];
    await Promise.all(
      ids.map((id) =>
        report(
          {},
          {
            record: { ...record, deployments: [deployed('production', { revision: id })] },
            service: false,
            env: { GITHUB_RUN_ID: id },
          },
        ),
      ),
    );
    expect((await store().list()).map((path) => /-(\d+)-1\.json$/.exec(path)?.[1]).sort()).toEqual(ids);
    const found = await store().alias('model', 'production');
    expect(found?.alias.revision).toBe(found?.record.run.id);
  });

  test('stands on the branch that is named, and leaves the checkout as it is', async () => {
    const before = await git(origin.checkout, ['status', '--porcelain', '--branch']);
    const result = await report({ 'records-branch': 'history' }, { record, service: false });
    expect(result.outputs.recorded).toBe('true');
    expect(await git(origin.bare, ['log', '--format=%an: %s', 'history'])).toBe(
      'github-actions[bot]: Record run 1',
    );
    expect(await git(origin.checkout, ['status', '--porcelain', '--branch'])).toBe(before);
  });
});
