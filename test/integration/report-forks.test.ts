import { type RunRecord, runRecordSchema } from '@mlops/core/record';
import type { Permissions, WorkflowRun } from '@mlops/testkit/github-api';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run, training } from './origin.ts';
import { everyPower, gated, messages, ReportRuns, rule } from './report-runs.ts';

let runs: ReportRuns;
let pull: ReturnType<ReportRuns['repository']['addPullRequest']>;
/** The run of the fork's pull request, which could only read. */
let theirs: WorkflowRun;
beforeEach(async () => {
  runs = await ReportRuns.start();
  pull = runs.repository.addPullRequest({ head: 'improve', fork: 'eve/model' });
  theirs = runs.repository.addWorkflowRun(
    runs.repository.addWorkflow('.github/workflows/ml.yml', { name: 'ML' }),
    {
      event: 'pull_request',
      head_branch: 'improve',
      head_sha: pull.pull_request.head.sha,
      actor: { login: 'eve', id: 7, type: 'User' },
    },
  );
});
afterEach(async () => {
  await runs.stop();
});

interface Event {
  event?: string;
  payload?: Record<string, unknown>;
  permissions?: Permissions;
}

/** The workflow that the end of their run starts: in the repository itself, on its default branch. */
function relay(
  inputs: Record<string, string> = {},
  { event = 'workflow_run', payload = {}, permissions = everyPower }: Event = {},
) {
  return runs.report(
    { scope: 'triggering-run', ...inputs },
    {
      event,
      permissions,
      payload: {
        repository: { full_name: 'acme/model', default_branch: 'main' },
        workflow_run: {
          id: theirs.id,
          name: 'ML',
          run_attempt: theirs.run_attempt,
          event: theirs.event,
          html_url: `https://github.com/acme/model/actions/runs/${theirs.id}`,
          head_sha: theirs.head_sha,
          head_branch: theirs.head_branch,
          head_repository: { full_name: 'eve/model' },
          actor: { login: 'eve' },
          ...payload,
        },
      },
      env: { GITHUB_WORKFLOW: 'Report of forks' },
    },
  );
}

const honest = (changes: Partial<RunRecord['run']> = {}, jobs = [gated('pass')]) =>
  runRecordSchema.parse(
    run(1, jobs, {
      id: String(theirs.id),
      attempt: 1,
      event: 'pull_request',
      commit: theirs.head_sha,
      ...changes,
    }),
  );

function upload(record: unknown, name = 'mlops-report', more: Record<string, Uint8Array> = {}): void {
  const text = typeof record === 'string' ? record : JSON.stringify(record);
  runs.repository.addArtifact(theirs, name, zipSync({ 'run-record.json': strToU8(text), ...more }));
}

const bodies = () => runs.repository.comments.map(({ body }) => body);

function expectNothingPosted(): void {
  expect(bodies()).toEqual([]);
  expect(runs.repository.checkRuns).toEqual([]);
  runs.api.expectNoViolations();
}

describe('the report of a run for a fork', () => {
  test('is posted on its pull request, with a check run, and says whose it is', async () => {
    upload(honest(), 'mlops-report', { 'report.html': strToU8('<script>alert(1)</script>') });
    const result = await relay();
    expect(messages(result, 'error')).toEqual([]);
    expect(runs.repository.comments.map(({ issue_number }) => issue_number)).toEqual([pull.number]);
    expect(bodies()[0]).toContain("_The pull request's own code made this report; nobody has verified it._");
    expect(bodies()[0]).toContain('## ✅ Gate: pass');
    expect(bodies()[0]).toContain(`(https://github.com/acme/model/actions/runs/${theirs.id}/artifacts/`);
    expect(runs.repository.checkRuns).toMatchObject([
      { name: 'ML report', head_sha: theirs.head_sha, conclusion: 'success' },
    ]);
    expect(result.outputs['comment-url']).toContain('#issuecomment-');
    runs.api.expectNoViolations();
  });

  test('replaces the one of the run before, and is posted once for a run', async () => {
    upload(honest({}, [gated('fail')]));
    await relay();
    await relay();
    theirs = runs.repository.addWorkflowRun(theirs.workflow, { ...theirs, id: theirs.id + 10_000 });
    upload(honest());
    await relay();
    expect(bodies()).toEqual([expect.stringContaining('Gate: pass')]);
  });

  test('is posted for each project of the repository', async () => {
    upload(honest(), 'mlops-report-models-a');
    upload(honest({}, [gated('fail')]), 'mlops-report-models-b');
    upload('{}', 'mlops-record.train-1234');
    await relay();
    expect(
      bodies()
        .map((body) => /Gate: (\w+)/.exec(body)?.[1])
        .sort(),
    ).toEqual(['fail', 'pass']);
    expect(runs.repository.checkRuns.map(({ name }) => name).sort()).toEqual([
      'ML report (models-a)',
      'ML report (models-b)',
    ]);
    await relay({ 'artifact-name': 'mlops-report-models-b', 'comment-mode': 'recreate' });
    expect(bodies()).toHaveLength(2);
  });

  test('of which a job ran again counts the newest, also from an earlier attempt', async () => {
    theirs.run_attempt = 3;
    upload(honest({ attempt: 1 }, [gated('fail')]));
    upload(honest({ attempt: 2 }));
    await relay();
    expect(bodies()).toEqual([expect.stringContaining('Gate: pass')]);
  });
});

describe('a hostile artifact', () => {
  test.each<[string, () => void, RegExp]>([
    ['of another run', () => upload(honest({ id: '1' })), /its record is of run 1$/m],
    [
      'of another commit',
      () => upload(honest({ commit: 'c'.repeat(40) })),
      /its record is of commit c{40}, but/,
    ],
    [
      'of an attempt to come',
      () => upload(honest({ attempt: 9 })),
      /its record is of attempt 9, but the run is at 1/,
    ],
    ['that is no record', () => upload({ schema: 1, run: {}, jobs: 'all' }), /its record is none: run\.id: /],
    ['that is no JSON', () => upload('{"schema": 1'), /its record is none: /],
    [
      'that is no archive',
      () => void runs.repository.addArtifact(theirs, 'mlops-report', strToU8('<html>')),
      /invalid zip data/,
    ],
    [
      'without a record',
      () =>
        void runs.repository.addArtifact(
          theirs,
          'mlops-report',
          zipSync({ '../run-record.json': strToU8(JSON.stringify(honest())) }),
        ),
      /there is no run-record\.json in it/,
    ],
    [
      'that unpacks to very much',
      () => upload(honest(), 'mlops-report', { 'run-record.json': new Uint8Array(33e6) }),
      /its record has 33000000 bytes, more than 32 MB/,
    ],
    [
      'that unpacks to more than it says',
      () => {
        const archive = zipSync({ 'run-record.json': new Uint8Array(200e6).fill(32) });
        // The size in the directory at the end, 24 bytes into the entry.
        const at = Buffer.from(archive).indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 24;
        new DataView(archive.buffer, archive.byteOffset).setUint32(at, 1000, true);
        runs.repository.addArtifact(theirs, 'mlops-report', archive);
      },
      /its record is none: /,
    ],
    [
      'that is very large',
      () => void runs.repository.addArtifact(theirs, 'mlops-report', new Uint8Array(65e6)),
      /it has 65000000 bytes, more than 64 MB/,
    ],
  ])('%s is refused by name, and nothing is posted', async (_, attack, reason) => {
    attack();
    const result = await relay();
    expect(result.exitCode).toBe(1);
    expect(messages(result, 'error')).toHaveLength(1);
    expect(messages(result, 'error')[0]).toMatch(
      new RegExp(`^the artifact 'mlops-report' of run ${theirs.id} is not reported: `),
    );
    expect(messages(result, 'error')[0]).toMatch(reason);
    expectNothingPosted();
  });

  test('gets no markup, link, picture, mention or reference into what is posted in the name of the repository', async () => {
    const hostile =
      '</details><!-- --> <img src=//e> ![x](//e/p) [y](https://e.test) https://e.test www.e.test e@e.test @acme/all #1 acme/model#2 GH-3 `';
    const record = honest(
      {
        message: hostile,
        ref: hostile,
        actor: hostile,
        url: 'https://e.test',
        repository: 'e/e',
        workflow: hostile,
      },
      [
        {
          ...gated('fail', {
            verdict: 'fail',
            rules: [rule(hostile, 'fail', { explanation: hostile })],
          }),
          job: hostile,
          trainings: [training({ name: hostile, metrics: { [hostile]: 1 } })],
          matrix: { [hostile]: hostile },
        },
      ],
    );
    upload(record);
    const result = await relay();
    expect(messages(result, 'error')).toEqual([]);
    const [check] = runs.repository.checkRuns;
    for (const text of [bodies()[0] ?? '', check?.output.summary ?? '']) {
      const own = text
        .replace(/^<!-- mlops-report [^>]+ -->/, '')
        .replaceAll(/\]\(https:\/\/github\.com\/acme\/model\/[\w/]+\)/g, '')
        .replaceAll(/<\/?(code|details|summary)>/g, '');
      expect(own).toContain('e.test');
      expect(own).not.toMatch(/<(?!\/?(code|details|summary)\b)|!\[|\]\(|:\/\/|www\.|@\w|#\d(?!\d*;)|GH-\d/);
    }
    expect(check).toMatchObject({ name: 'ML report', head_sha: theirs.head_sha });
    expect(check?.details_url).toMatch(/^https:\/\/github\.com\/acme\/model\//);
  });

  test('cannot have another pull request commented on', async () => {
    const victim = runs.repository.addPullRequest({ head: 'feature' });
    const lookalike = runs.repository.addPullRequest({ head: 'improve', fork: 'mallory/model' });
    upload({ ...honest(), pull_request: victim.number });
    await relay();
    const commented = runs.repository.comments.map(({ issue_number }) => issue_number);
    expect(commented).toEqual([pull.number]);
    expect(commented).not.toContain(lookalike.number);
  });

  test('by the dozen is refused as a whole', async () => {
    for (let i = 0; i < 21; i++) upload(honest(), `mlops-report-${i}`);
    const result = await relay();
    expect(messages(result, 'error')[0]).toContain('has uploaded 21 reports, more than 20');
    expectNothingPosted();
  });
});

describe('nothing is posted', () => {
  test.each<[string, Event, () => void, RegExp]>([
    ['a push', { payload: { event: 'push' } }, () => {}, /the event 'push' started run/],
    [
      'the repository itself',
      { payload: { head_repository: { full_name: 'acme/model' } } },
      () => {},
      /is of no fork and could post its report itself/,
    ],
    ['a fork that is gone', { payload: { head_repository: null } }, () => {}, /the fork has been deleted/],
    [
      'a commit that has been replaced',
      { payload: { head_sha: 'd'.repeat(40) } },
      () => {},
      /d{40} is not the newest commit of an open pull request any more/,
    ],
    [
      'a pull request that is closed',
      {},
      () => {
        pull.state = 'closed';
      },
      /is not the newest commit of an open pull request any more/,
    ],
    ['a run without a report', {}, () => runs.repository.artifacts.splice(0), /has uploaded no report/],
  ])('for %s', async (_, event, change, reason) => {
    upload(honest());
    change();
    const result = await relay({}, event);
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toMatch(reason);
    expectNothingPosted();
  });

  test.each<[string, Record<string, string>, Event, RegExp]>([
    [
      'in another workflow',
      {},
      { event: 'pull_request_target' },
      /is for workflows that 'workflow_run' starts, not/,
    ],
    ['for a number', { 'pull-request': '1' }, {}, /'pull-request' cannot be combined with/],
    [
      'without actions: read',
      {},
      { permissions: { ...everyPower, actions: 'none' } },
      /Grant 'permissions: actions: read'/,
    ],
  ])('%s, and it is said what is wrong', async (_, inputs, event, reason) => {
    upload(honest());
    const result = await relay(inputs, event);
    expect(result.exitCode).toBe(1);
    expect(messages(result, 'error')[0]).toMatch(reason);
    expectNothingPosted();
  });

  test('where the relay may not write, which a notice says', async () => {
    upload(honest());
    const result = await relay({}, { permissions: { actions: 'read', 'pull-requests': 'read' } });
    expect(result.exitCode).toBe(0);
    expect(messages(result, 'notice')[0]).toContain(
      'the token lacks `pull-requests: write` for the comment and `checks: write` for the check run. Grant this',
    );
  });
});

test('a run for Dependabot, whose token can only read, too, is reported', async () => {
  pull = runs.repository.addPullRequest({ head: 'dependabot/pip' });
  Object.assign(theirs, { head_branch: 'dependabot/pip', head_sha: pull.pull_request.head.sha });
  upload(honest());
  await relay(
    {},
    {
      payload: { head_repository: { full_name: 'acme/model' }, actor: { login: 'dependabot[bot]' } },
    },
  );
  expect(runs.repository.comments.map(({ issue_number }) => issue_number)).toEqual([pull.number]);
});
