import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { ActionResult } from '@mlops/testkit/runner-files';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { job } from './origin.ts';
import { everyPower, gated, messages, type ReportOptions, ReportRuns, rule } from './report-runs.ts';

const mlopsYaml = `train:
  run: python train.py
evaluate-gate:
  rules:
    f1: { threshold: 0.9 }
    # As good as the one before.
    accuracy: { threshold: 0.9 }
environments:
  production:
    evaluate-gate:
      rules:
        f1: { threshold: 0.95 }
        accuracy:
          threshold: 0.95
`;

let runs: ReportRuns;
let pull: ReturnType<ReportRuns['repository']['addPullRequest']>;
beforeEach(async () => {
  runs = await ReportRuns.start({ 'train.py': '', 'mlops.yaml': mlopsYaml });
  pull = runs.repository.addPullRequest();
});
afterEach(async () => {
  await runs.stop();
});

/** The report of a run that the pull request started. */
const onPull = (inputs: Record<string, string> = {}, options: ReportOptions = {}) =>
  runs.report(inputs, { record: gated('pass'), ...runs.ofPull(pull), ...options });

const comments = () => runs.repository.comments;
const bodies = () => comments().map(({ body }) => body);

const failedStep = {
  action: 'train',
  startedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 1,
  outcome: 'failure' as const,
  error: 'out of memory',
};
const failed = job(1, { steps: [failedStep] });

function expectFine(...results: ActionResult[]): void {
  for (const result of results) {
    expect(result.annotations.filter(({ level }) => level !== 'notice')).toEqual([]);
    expect(result.exitCode).toBe(0);
  }
  runs.api.expectNoViolations();
}

describe('the comment', () => {
  test('is posted on the pull request that started the run, and then kept up in place', async () => {
    const first = await onPull({}, { record: gated('fail') });
    const second = await onPull();
    expect(bodies()).toHaveLength(1);
    expect(bodies()[0]).toContain('## ✅ Gate: pass');
    expect(bodies()[0]).toContain('/acme/model/actions/runs/102/artifacts/');
    expect(comments()[0]?.issue_number).toBe(pull.number);
    expect(first.outputs['comment-url']).toMatch(/\/acme\/model\/pull\/\d+#issuecomment-\d+$/);
    expect(second.outputs['comment-url']).toBe(first.outputs['comment-url']);
    expectFine(first, second);
  });

  test('is never one of somebody else, whatever it says', async () => {
    await onPull();
    const [ours] = comments();
    Object.assign(ours ?? {}, { user: { login: 'eve', id: 7, type: 'User' } });
    const before = bodies()[0];
    await onPull();
    expect(bodies()).toHaveLength(2);
    expect(bodies()[0]).toBe(before);
  });

  test('is found among hundreds of others', async () => {
    await onPull();
    const [ours] = comments();
    for (let i = 0; i < 250; i++)
      comments().push({ ...(ours as NonNullable<typeof ours>), id: 5000 + i, body: 'Nice.' });
    await onPull({}, { record: gated('fail') });
    expect(bodies().filter((body) => body !== 'Nice.')).toEqual([expect.stringContaining('❌ Gate: fail')]);
    runs.api.expectNoViolations();
  });

  test.each([
    ['recreate', [['fail', false]]],
    [
      'append',
      [
        ['pass', false],
        ['fail', false],
      ],
    ],
    [
      'hide',
      [
        ['pass', true],
        ['fail', false],
      ],
    ],
    ['delete', []],
  ] as const)("in the mode '%s' leaves what that says", async (mode, expected) => {
    await onPull();
    const result = await onPull({ 'comment-mode': mode }, { record: gated('fail') });
    const left = comments().map(({ body, minimized }) => [
      /Gate: (\w+)/.exec(body)?.[1],
      minimized === 'OUTDATED',
    ]);
    expect(left).toEqual(expected);
    expectFine(result);
  });

  test('hides what is not hidden yet, and of the same run and attempt is written only once', async () => {
    for (const run of [1, 2]) await onPull({ 'comment-mode': 'hide' }, { run });
    await onPull({ 'comment-mode': 'hide', 'artifact-name': 'again' }, { run: 2 });
    await onPull({ 'comment-mode': 'hide', 'artifact-name': 'attempt' }, { run: 2, attempt: 2 });
    expect(comments().map(({ minimized }) => minimized)).toEqual(['OUTDATED', 'OUTDATED', undefined]);
    const minimised = runs.api.requests.filter(({ body }) =>
      JSON.stringify(body)?.includes('minimizeComment'),
    );
    expect(minimised).toHaveLength(2);
  });

  test("with 'on-change' is left alone until verdicts, numbers or outcomes differ", async () => {
    const inputs = { comment: 'on-change' };
    await onPull(inputs);
    const before = bodies();
    const same = await onPull(inputs);
    expect(bodies()).toEqual(before);
    expect(same.stdout).toContain(': left, ');
    await onPull(inputs, {
      record: gated('pass', { rules: [rule('accuracy', 'pass', { candidate: 0.81 })] }),
    });
    expect(bodies()).not.toEqual(before);
    expect(bodies()).toHaveLength(1);
  });

  test("with 'on-failure' is posted when something fails, and says so when it is mended", async () => {
    const inputs = { comment: 'on-failure' };
    await onPull(inputs);
    expect(bodies()).toEqual([]);
    await onPull(inputs, { record: failed });
    expect(bodies()).toEqual([expect.stringContaining('❌ train failed')]);
    await onPull(inputs);
    const mended = bodies();
    expect(mended).toEqual([expect.stringContaining('✅ Gate: pass')]);
    await onPull(inputs);
    expect(bodies()).toEqual(mended);
  });

  test('stands by itself for each workflow, project and key', async () => {
    await onPull();
    await onPull({}, { env: { GITHUB_WORKFLOW: 'Nightly -->' } });
    await onPull({ 'comment-key': 'mine -->' });
    await onPull({ 'comment-key': 'mine -->' });
    expect(bodies()).toHaveLength(3);
    for (const body of bodies()) expect(body.match(/-->/g)).toHaveLength(1);
  });

  test('of a push goes to the open pull request of its commit, where that is asked for', async () => {
    const env = { GITHUB_SHA: pull.pull_request.head.sha, GITHUB_REF: 'refs/heads/feature' };
    const quiet = await runs.report({}, { record: gated('pass'), env });
    expect(bodies()).toEqual([]);
    const posted = await runs.report({ comment: 'always' }, { record: gated('pass'), env });
    expect(comments().map(({ issue_number }) => issue_number)).toEqual([pull.number]);
    pull.state = 'closed';
    const late = await runs.report(
      { comment: 'always', 'comment-mode': 'append' },
      { record: gated('pass'), env },
    );
    expect(late.stdout).toContain('is the newest commit of no open pull request');
    expect(comments()).toHaveLength(1);
    expectFine(quiet, posted, late);
  });

  test('goes to another pull request by its number', async () => {
    const other = runs.repository.addPullRequest({ head: 'other' });
    await onPull({ 'pull-request': String(other.number) });
    expect(comments().map(({ issue_number }) => issue_number)).toEqual([other.number]);
    const missing = await onPull({ 'pull-request': '99' });
    expect(messages(missing, 'warning').join()).toContain(
      'Could not resolve to a PullRequest with the number of 99',
    );
    expect(missing.exitCode).toBe(0);
  });

  test('mentions whom it should when something failed, and nobody else ever', async () => {
    await runs.origin.commit('Thanks @grace, see @acme/all', {});
    const record = { ...failed, steps: [{ ...failedStep, error: 'ask @linus' }] };
    await onPull({ cc: 'ada\n@acme/ml-team' }, { record });
    expect(bodies()[0]).toMatch(/\n\ncc @ada @acme\/ml-team$/);
    expect(bodies()[0]?.match(/@[\w/-]+/g)).toEqual(['@ada', '@acme/ml-team']);
    await onPull({ cc: 'ada' });
    expect(bodies()[0]).not.toMatch(/@\w/);
    const wrong = await onPull({ cc: 'ada lovelace' });
    expect(messages(wrong, 'error')).toEqual([
      "input cc: 'ada lovelace' is no user or team\nGive names as GitHub has them, one a line: 'ada' for a user, 'acme/ml' for a team.",
    ]);
  });

  test('is as long as GitHub takes it, and leaves the rest to the page', async () => {
    const rules = Array.from({ length: 3000 }, (_, i) =>
      rule(`metric_${i}`, 'fail', { explanation: `🙂 ${'so it is '.repeat(40)}` }),
    );
    const result = await onPull({}, { record: gated('fail', { rules }) });
    expect(bodies()).toHaveLength(1);
    expect(Buffer.byteLength(bodies()[0] ?? '')).toBeLessThanOrEqual(65_536);
    expect(result.summary.length).toBeGreaterThan(0);
    expectFine(result);
  });

  test('is posted once when the answer of the server is lost', async () => {
    runs.api.inject({ kind: 'lost-answer' }, { operation: 'issues/create-comment' });
    const result = await onPull();
    expect(bodies()).toHaveLength(1);
    expect(result.outputs['comment-url']).toMatch(/#issuecomment-\d+$/);
    expectFine(result);
  });
});

test('GitHub is reached through the proxy that the runner has', async () => {
  const asked: string[] = [];
  // A name that only the proxy knows.
  const proxy = createServer((_, response) => response.writeHead(400).end()).on(
    'connect',
    ({ url = '' }, socket) => {
      asked.push(url);
      const upstream = connect(Number(new URL(runs.api.url).port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [upstream, socket])
        end.on('error', () => [upstream, socket].map((one) => one.destroy()));
    },
  );
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const env = { GITHUB_API_URL: 'http://github.test/api/v3', http_proxy: address, no_proxy: '127.0.0.1' };
  const result = await onPull({}, { env });
  proxy.close();
  expect(new Set(asked)).toEqual(new Set(['github.test:80']));
  expect(bodies()).toHaveLength(1);
  expectFine(result);
});

describe('what the token may not do', () => {
  test('is left out, with one notice that names the permissions', async () => {
    const result = await onPull({}, { permissions: { contents: 'read' } });
    expect(result.exitCode).toBe(0);
    expect(result.annotations.map(({ level, message }) => [level, message])).toContainEqual([
      'notice',
      "The report is only in the summary and its page: the token lacks `pull-requests: write` for the comment and `checks: write` for the check run. Grant this to the job, or to the one that calls this workflow; or set 'comment: never' or 'check: never'.",
    ]);
    expect(result.summary).toContain('Gate: pass');
    const partly = await onPull({}, { permissions: { ...everyPower, checks: 'none' } });
    expect(messages(partly, 'notice').join('\n')).toContain(
      'the token lacks `checks: write` for the check run.',
    );
    expect(bodies()).toHaveLength(1);
  });

  test.each([
    ['fork', { fork: 'eve/model', head: 'theirs' }, 'octocat'],
    ['Dependabot', { head: 'dependabot/pip' }, 'dependabot[bot]'],
  ])('in a run for a %s leads to the recipe', async (who, options, actor) => {
    pull = runs.repository.addPullRequest(options);
    const result = await onPull(
      {},
      { permissions: { contents: 'read', 'pull-requests': 'read' }, env: { GITHUB_ACTOR: actor } },
    );
    expect(messages(result, 'notice').join('\n')).toMatch(
      new RegExp(
        `A run for a pull request .*${who} can only read; a workflow that 'workflow_run' starts can post`,
      ),
    );
    expect(result.exitCode).toBe(0);
  });

  test('is not even tried when it is not wanted', async () => {
    const result = await onPull({ comment: 'never', check: 'never' }, { permissions: {} });
    expect(runs.api.requests).toEqual([]);
    expect(messages(result, 'notice')).toEqual(["The run is not recorded: the input 'record' is 'never'."]);
  });

  test('or a server that is down, fails no job', async () => {
    runs.api.inject({ kind: 'server-error', status: 503 }, { times: 5, operation: 'graphql' });
    runs.api.inject({ kind: 'rate-limit' }, { operation: 'checks/create' });
    const result = await onPull();
    expect(messages(result, 'warning')).toEqual([
      'The comment was not posted: No server is currently available to service your request. Sorry about that. (503). The report is in the summary.',
      'The check run was not posted: API rate limit exceeded for installation. (403). The report is in the summary.',
    ]);
    expect(result.exitCode).toBe(0);
  });
});

describe('the check run', () => {
  const checkRuns = () => runs.repository.checkRuns;

  test.each([
    ['pass', gated('pass'), 'success'],
    ['warn', gated('warn'), 'neutral'],
    ['inconclusive, passed', gated('inconclusive', { passed: true }), 'neutral'],
    ['inconclusive', gated('inconclusive'), 'failure'],
    ['fail', gated('fail'), 'failure'],
    ['a step that failed', failed, 'failure'],
    ['a step that was cancelled', job(1, { steps: [{ ...failedStep, outcome: 'cancelled' }] }), 'cancelled'],
    ['no gate', job(1), 'success'],
    ['nothing', undefined, 'neutral'],
  ])('concludes from %s', async (_, record, conclusion) => {
    const result = await runs.report(
      {},
      { ...(record && { record }), env: { GITHUB_SHA: pull.pull_request.head.sha } },
    );
    expect(checkRuns().map((check) => check.conclusion)).toEqual([conclusion]);
    expectFine(result);
  });

  test('is attached to the head of the pull request under a name of its own, with a link to the page', async () => {
    const result = await onPull();
    const named = await onPull({ 'check-name': 'Model' });
    expect(checkRuns().map(({ name, head_sha, status }) => [name, head_sha, status])).toEqual([
      ['ML report', pull.pull_request.head.sha, 'completed'],
      ['Model', pull.pull_request.head.sha, 'completed'],
    ]);
    const [check] = checkRuns();
    expect(check?.details_url).toMatch(/\/acme\/model\/actions\/runs\/101\/artifacts\/\d+$/);
    expect(check?.output.title).toContain('Gate: pass');
    expect(check?.output.summary).toContain('| `accuracy` |');
    expect(result.outputs['check-url']).toContain(`/runs/${check?.id}`);
    expectFine(result, named);
  });

  test('shows what did not pass where it is written', async () => {
    const rules = [rule('f1', 'pass'), rule('accuracy', 'warn'), rule('auc', 'fail', { slices })];
    const record = gated('fail', { rules });
    const steps = [failedStep, { ...failedStep, action: 'evaluate-gate', error: 'the gate failed' }];
    await onPull({}, { record: { ...record, steps, matrix: { size: 'small' } } });
    expect(checkRuns()[0]?.annotations).toEqual([
      {
        path: 'mlops.yaml',
        start_line: 1,
        end_line: 1,
        annotation_level: 'failure',
        title: 'auc: fail, size=small',
        message: 'threshold 0.9: it is fail\ncountry=DE: fail, it is worse',
      },
      {
        path: 'mlops.yaml',
        start_line: 1,
        end_line: 1,
        annotation_level: 'failure',
        title: 'train failed, size=small',
        message: 'out of memory',
      },
      {
        path: 'mlops.yaml',
        start_line: 7,
        end_line: 7,
        annotation_level: 'warning',
        title: 'accuracy: warn, size=small',
        message: 'threshold 0.9: it is warn',
      },
    ]);
    await onPull({ environment: 'production', 'check-name': 'other' }, { record });
    expect(checkRuns()[1]?.annotations.map(({ start_line }) => start_line)).toEqual([1, 13]);
  });

  test('points to the workflow where there is no config file', async () => {
    const project = await ReportRuns.start();
    const { sha } = project.repository.addPullRequest().pull_request.head;
    await project.report({}, { record: gated('fail'), env: { GITHUB_SHA: sha } });
    expect(project.repository.checkRuns[0]?.annotations.map(({ path }) => path)).toEqual([
      '.github/workflows/ml.yml',
    ]);
    await project.stop();
  });

  test('has its annotations in batches, each exactly once, and not more than can be read', async () => {
    const rules = Array.from({ length: 620 }, (_, i) => rule(`m${i}`, i % 2 ? 'warn' : 'fail'));
    runs.api.inject({ kind: 'lost-answer' }, { operation: 'checks/create' });
    runs.api.inject({ kind: 'lost-answer' }, { operation: 'checks/update' });
    runs.api.inject({ kind: 'disconnect' }, { operation: 'checks/update' });
    const result = await onPull({}, { record: gated('fail', { rules }) });
    const [check, ...others] = checkRuns();
    expect(others).toEqual([]);
    const titles = check?.annotations.map(({ title }) => title) ?? [];
    expect(titles).toHaveLength(500);
    expect(new Set(titles).size).toBe(500);
    expect(titles.slice(0, 310)).toEqual(Array.from({ length: 310 }, (_, i) => `m${2 * i}: fail`));
    expect(titles.at(-1)).toBe('121 more');
    expectFine(result);
  });
});

const slices = [
  {
    column: 'country',
    value: 'DE',
    candidate: 0.5,
    baseline: null,
    change: null,
    explanation: 'it is worse',
    verdict: 'fail' as const,
  },
];
