import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  BranchStore,
  type JobRecord,
  keptPath,
  type RuleRecord,
  type TrainingRecord,
  verdictSchema,
} from '@mlops/core/record';
import { type ActionOptions, type ActionResult, fakeRunner, runAction } from '@mlops/testkit/runner-files';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digest, git, job, Origin, run, training } from './origin.ts';

const action = fileURLToPath(new URL('../../actions/evaluate-gate', import.meta.url));
const notWorse = 'accuracy: { min_absolute_change: -0.01 }';

let origin: Origin;
const results: ActionResult[] = [];
beforeEach(async () => {
  origin = await Origin.with({ 'metrics.json': '{"accuracy": 0.9}' });
});
afterEach(async () => {
  for (const result of results.splice(0)) await result.runner.remove();
  await origin.remove();
});

/** Runs the gate in the checkout; with `record`, after a step that recorded it. */
async function gate(
  inputs: Record<string, string>,
  { record, ...options }: ActionOptions & { record?: JobRecord } = {},
): Promise<ActionResult> {
  const before = await fakeRunner({ workspace: origin.checkout });
  if (record) {
    await mkdir(join(before.temp, 'mlops'), { recursive: true });
    await writeFile(join(before.temp, 'mlops', 'run-record.json'), JSON.stringify(record));
  }
  const result = await runAction(action, { after: before, workspace: origin.checkout, inputs, ...options });
  results.push(result);
  return result;
}

const errors = ({ annotations }: ActionResult) => messages(annotations, 'error');
const notices = ({ annotations }: ActionResult) => messages(annotations, 'notice');
function messages(annotations: ActionResult['annotations'], level: string): string[] {
  return annotations.flatMap((one) => (one.level === level ? [one.message] : []));
}

const trained = (accuracy: number, name = 'model') =>
  job(1, { trainings: [training({ name, metrics: { accuracy } })] });

const move = (name: string, model = 'model') => ({
  ...{ model, name, modelDigest: digest('a'), revision: 'r1', since: '2026-01-01T00:00:00.000Z' },
});

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(origin.checkout, path)), { recursive: true });
    await writeFile(join(origin.checkout, path), content);
  }
}

describe('the candidate', () => {
  test('is what was trained in the same job', async () => {
    const result = await gate(
      { rules: 'accuracy: { threshold: 0.94 }\nloss: { threshold: 1, greater_is_better: false }' },
      { record: job(1, { trainings: [training({ metrics: { accuracy: 0.95, loss: 0.3 } })] }) },
    );
    expect(result.exitCode).toBe(0);
    expect(result.outputs).toMatchObject({
      verdict: 'pass',
      passed: 'true',
      'baseline-ref': '',
      'failed-rules': '[]',
    });
    expect(result.record?.gates).toMatchObject([{ verdict: 'pass', passed: true, baseline: null }]);
    expect(result.record?.steps.map((step) => step.action)).toEqual(['train', 'evaluate-gate']);
    expect(result.summary).toMatchSnapshot();
  });

  test.each([
    ['json', 'm.json', '{"test": {"accuracy": 0.95}}', 'pass'],
    ['json with NaN', 'm.json', '{"test": {"accuracy": NaN}}', 'fail'],
    ['json with an infinity', 'm.json', '{"test": {"accuracy": Infinity}}', 'fail'],
    ['json with null', 'm.json', '{"test": {"accuracy": null}}', 'fail'],
    ['json without it', 'm.json', '{"test": {"acuracy": 0.95}}', 'fail'],
    ['yaml', 'm.yaml', 'test:\n  accuracy: 0.95\n', 'pass'],
    ['yaml with NaN', 'm.yml', 'test: { accuracy: .nan }\n', 'fail'],
    ['csv', 'm.csv', 'metric,value\ntest.accuracy,0.95\n', 'pass'],
    ['csv with NaN', 'm.csv', 'metric,value\ntest.accuracy,nan\n', 'fail'],
  ])('is read from %s', async (_, path, content, verdict) => {
    await write({ [path]: content });
    const result = await gate({ rules: 'test.accuracy: { threshold: 0.9 }', metrics: path });
    expect(result.outputs.verdict).toBe(verdict);
    expect(result.exitCode).toBe(verdict === 'pass' ? 0 : 1);
  });

  test('is read from a file outside of the working directory', async () => {
    const elsewhere = join(origin.root, 'downloaded', 'metrics.json');
    await mkdir(dirname(elsewhere), { recursive: true });
    await writeFile(elsewhere, '{"accuracy": 0.95}');
    const result = await gate({
      rules: 'accuracy: { threshold: 0.9, min_absolute_change: 0.05 }',
      metrics: elsewhere,
      baseline: 'file:metrics.json',
    });
    expect(errors(result)).toEqual([]);
    expect(result.outputs).toMatchObject({ verdict: 'pass', 'baseline-ref': 'file:metrics.json' });
  });

  test('has no metric that every object has', async () => {
    const rules = 'constructor: { threshold: 1 }\ntoString: { min_absolute_change: 0 }';
    const result = await gate({ rules, metrics: 'metrics.json', baseline: 'file:metrics.json' });
    expect(result.outputs.verdict).toBe('fail');
    expect(result.record?.gates[0]?.rules.map(({ candidate }) => candidate)).toEqual([null, null]);
  });

  test('must be there', async () => {
    const none = await gate({ rules: 'accuracy: { threshold: 0.9 }' });
    expect(errors(none)[0]).toContain("there are no metrics to judge: no 'train' ran earlier in this job");
    const missing = await gate({ rules: 'accuracy: { threshold: 0.9 }', metrics: 'metrcs.json' });
    expect(errors(missing)[0]).toContain("Did you mean 'metrics.json'?");
    expect([none.exitCode, missing.exitCode]).toEqual([1, 1]);
  });
});

describe('the verdict', () => {
  const twoRules =
    'accuracy: { threshold: 0.94, min_absolute_change: -0.01 }\nrecall: { threshold: 0.5, severity: warn }';

  test('that is not passed fails the step, and says in every place why', async () => {
    const result = await gate({ rules: twoRules, baseline: 'none' }, { record: trained(0.9) });
    expect(result.exitCode).toBe(1);
    expect(result.outputs).toMatchObject({ verdict: 'fail', passed: 'false' });
    expect(JSON.parse(result.outputs['failed-rules'] ?? '')).toEqual([
      'accuracy: threshold ≥ 0.94',
      'accuracy: min_absolute_change -0.01',
      'recall: threshold ≥ 0.5',
    ]);
    expect(result.annotations.map(({ level, message }) => `${level}: ${message}`)).toMatchSnapshot();
    expect(result.summary).toMatchSnapshot();
    expect(result.record?.steps.at(-1)).toMatchObject({ action: 'evaluate-gate', outcome: 'failure' });
  });

  test('that is not enforced lets the job go on, without an error', async () => {
    const result = await gate(
      { rules: twoRules, enforce: 'false', baseline: 'none' },
      { record: trained(0.9) },
    );
    expect(result.exitCode).toBe(0);
    expect(result.outputs).toMatchObject({ verdict: 'fail', passed: 'false' });
    expect(errors(result)).toEqual([]);
    expect(messages(result.annotations, 'warning')).toHaveLength(3);
  });

  test.each([
    ['pass', 'pass', 0],
    ['warn', 'warn', 0],
    ['fail', 'fail', 1],
  ])('of rules without a baseline is %s where that is asked for', async (ifNoBaseline, verdict, exitCode) => {
    const inputs = { rules: notWorse, 'if-no-baseline': ifNoBaseline, metrics: 'metrics.json' };
    const result = await gate(inputs);
    expect(result.outputs).toMatchObject({ verdict, 'baseline-ref': '' });
    expect(result.exitCode).toBe(exitCode);
    const lost = await gate({ ...inputs, rules: 'accurcy: { min_absolute_change: 0 }' });
    expect(lost.outputs.verdict).toBe('fail');
  });

  test('and its evidence are a file, the same bytes for the same inputs', async () => {
    const inputs = { rules: twoRules, baseline: 'git:main', metrics: 'metrics.json', enforce: 'false' };
    const [first, second] = [await gate(inputs), await gate(inputs)];
    const file = await readFile(first.outputs['verdict-file'] ?? '', 'utf8');
    expect(await readFile(second.outputs['verdict-file'] ?? '', 'utf8')).toBe(file);
    expect(file).not.toContain(origin.root);
    const { rules, ...rest } = JSON.parse(file) as { rules: RuleRecord[] };
    const commit = await git(origin.checkout, ['rev-parse', 'HEAD']);
    expect(rest).toEqual({
      schema: 1,
      verdict: 'fail',
      name: 'model',
      passed: false,
      baseline: { kind: 'git', ref: 'git:main', commit },
      metrics: [{ name: 'accuracy', greaterIsBetter: true, candidate: 0.9, baseline: 0.9, change: 0 }],
      versions: { 'evaluate-gate': expect.stringMatching(/^\d+\.\d+\.\d+/) },
    });
    expect(rules[1]).toEqual({
      metric: 'accuracy',
      rule: 'min_absolute_change',
      bound: -0.01,
      candidate: 0.9,
      baseline: 0.9,
      change: 0,
      greaterIsBetter: true,
      severity: 'fail',
      verdict: 'pass',
      explanation: '0.9 is unchanged against 0.9; asked: at most 0.01 worse',
    });
  });

  test('does not let a name of a metric into the markup of the summary', async () => {
    const name = 'a|b`c <img src=x> [d](e)';
    await write({ 'odd.json': JSON.stringify({ [name]: 1 }) });
    const rules = JSON.stringify({ [name]: { threshold: 2 }, 'a|b': { threshold: 1 } });
    const result = await gate({ rules, metrics: 'odd.json', enforce: 'false' });
    const rows = result.summary.split('\n').filter((line) => line.startsWith('| ❌'));
    expect(rows.map((row) => row.split('|').length)).toEqual([8, 8]);
    expect(result.summary.replace(/<\/?code>/g, '')).not.toMatch(/<|\]\(/);
  });
});

describe('a baseline on the records branch', () => {
  const passed = { gates: [{ verdict: 'pass' as const, passed: true, rules: [], baseline: null }] };
  const refused = { gates: [{ verdict: 'fail' as const, passed: false, rules: [], baseline: null }] };
  let store: BranchStore;
  beforeEach(() => {
    store = new BranchStore({ remote: { url: origin.bare } });
  });

  test('is the model in production, or in the environment of the step', async () => {
    await store.append(run(1, [trained(0.95)]), [move('production')]);
    await store.append(run(2, [trained(0.8)]), [move('staging'), move('review/7')]);
    const production = await gate({ rules: notWorse }, { record: trained(0.9) });
    expect(production.outputs).toMatchObject({
      verdict: 'fail',
      'baseline-ref': 'alias:production at 1111111',
    });
    const staging = await gate({ rules: notWorse, environment: 'staging' }, { record: trained(0.9) });
    expect(staging.outputs).toMatchObject({ verdict: 'pass', 'baseline-ref': 'alias:staging at 2222222' });
    const review = await gate({ rules: notWorse, baseline: 'alias:review/7' }, { record: trained(0.9) });
    expect(review.outputs['baseline-ref']).toBe('alias:review/7 at 2222222');
    const none = await gate({ rules: notWorse, baseline: 'alias:canary' }, { record: trained(0.9) });
    expect(none.outputs).toMatchObject({ verdict: 'warn', 'baseline-ref': '' });
  });

  test('is the training of the same leg of a matrix', async () => {
    await store.append(run(1, [trained(0.5, 'model-small'), trained(0.95, 'model-large')]), [
      move('production', 'model-small'),
      move('production', 'model-large'),
    ]);
    const small = await gate({ rules: notWorse }, { record: trained(0.6, 'model-small') });
    expect(small.outputs.verdict).toBe('pass');
    const large = await gate({ rules: notWorse }, { record: trained(0.6, 'model-large') });
    expect(large.outputs.verdict).toBe('fail');
    const added = await gate({ rules: notWorse }, { record: trained(0.6, 'model-huge') });
    expect(added.outputs.verdict).toBe('warn');
    expect(notices(added)).toEqual([]);
  });

  test('is the newest run of a branch whose model passed, and never the very same run', async () => {
    await store.append(run(1, [{ ...trained(0.95), ...passed }]));
    await store.append(run(2, [{ ...trained(0.5), ...refused }]));
    const failed = { ...trained(0.4), steps: [{ ...trained(0).steps[0], outcome: 'failure' }] } as JobRecord;
    await store.append(run(3, [failed]));
    await store.append(run(4, [job(4)]));
    await store.append(run(5, [{ ...trained(0.9), ...passed }], { id: '1' }));
    await store.append(run(6, [trained(0.7)], { ref: 'refs/heads/feature/x' }));
    const main = await gate({ rules: notWorse, baseline: 'branch' }, { record: trained(0.9) });
    expect(main.outputs).toMatchObject({ verdict: 'fail', 'baseline-ref': 'branch:main at 1111111' });
    const feature = await gate({ rules: notWorse, baseline: 'branch:feature/x' }, { record: trained(0.9) });
    expect(feature.outputs).toMatchObject({ verdict: 'pass', 'baseline-ref': 'branch:feature/x at 6666666' });
    const unknown = await gate({ rules: notWorse, baseline: 'branch:feature' }, { record: trained(0.9) });
    expect(unknown.outputs).toMatchObject({ verdict: 'warn', 'baseline-ref': '' });
  });

  test('holds a metric that is no number, or lacks it: inconclusive, which is not passed', async () => {
    const metrics = { accuracy: 'NaN' as const };
    await store.append(run(1, [job(1, { trainings: [training({ metrics })] })]), [move('production')]);
    await store.append(run(2, [job(1, { trainings: [training()] })]), [move('staging')]);
    for (const baseline of ['alias:production', 'alias:staging']) {
      const result = await gate({ rules: notWorse, baseline }, { record: trained(0.9) });
      expect(result.outputs).toMatchObject({ verdict: 'inconclusive', passed: 'false' });
      expect(result.exitCode).toBe(1);
    }
  });

  test('on a branch of another name', async () => {
    await new BranchStore({ remote: { url: origin.bare }, branch: 'history' }).append(
      run(1, [trained(0.95)]),
      [move('production')],
    );
    const inputs = { rules: notWorse, 'records-branch': 'history' };
    expect((await gate(inputs, { record: trained(0.95) })).outputs.verdict).toBe('pass');
  });

  test('that cannot be read is an error, not a missing baseline', async () => {
    await git(origin.checkout, ['remote', 'set-url', 'origin', join(origin.root, 'gone.git')]);
    const result = await gate({ rules: notWorse, 'if-no-baseline': 'pass' }, { record: trained(0.9) });
    expect(result.exitCode).toBe(1);
    expect(errors(result)).toHaveLength(1);
    expect(errors(result)[0]).toMatch(/^the records on the branch 'mlops-records' cannot be read: /);
    expect(errors(result)[0]).toContain('Run the job again once the remote can be reached.');
    expect(result.outputs.verdict).toBeUndefined();
  });

  test('is not looked for when no rule compares', async () => {
    await git(origin.checkout, ['remote', 'set-url', 'origin', join(origin.root, 'gone.git')]);
    const result = await gate({ rules: 'accuracy: { threshold: 0.9 }' }, { record: trained(0.9) });
    expect(result.exitCode).toBe(0);
  });
});

describe('a baseline in a commit', () => {
  const inputs = { rules: notWorse, metrics: 'metrics.json' };

  test.each(['HEAD~1', 'v1', 'release/1', 'the id'])('is that of %s', async (ref) => {
    const id = await origin.commit('Better', { 'metrics.json': '{"accuracy": 0.95}' });
    await git(origin.checkout, ['tag', 'v1']);
    await git(origin.checkout, ['branch', 'release/1']);
    await origin.commit('Now', { 'metrics.json': '{"accuracy": 0.9}' });
    const result = await gate({ ...inputs, baseline: `git:${ref === 'the id' ? id : ref}` });
    expect(result.outputs.verdict).toBe('fail');
    expect(result.outputs['baseline-ref']).toMatch(new RegExp(` at ${id.slice(0, 7)}$`));
  });

  test('is fetched beside a shallow checkout, which stays as it is', async () => {
    await git(origin.checkout, ['checkout', '--quiet', '-b', 'release']);
    const id = await origin.commit('Better', { 'metrics.json': '{"accuracy": 0.95}' });
    await git(origin.checkout, ['tag', 'v1']);
    await git(origin.checkout, ['push', '--quiet', 'origin', 'v1']);
    await git(origin.checkout, ['checkout', '--quiet', 'main']);
    await origin.commit('Now', { 'metrics.json': '{"accuracy": 0.9}' });
    const workspace = await origin.clone('--depth=1', '--branch=main', '--no-tags', '--single-branch');
    const state = () =>
      git(workspace, ['for-each-ref']).then(async (refs) => [
        refs,
        await git(workspace, ['log', '--format=%H']),
      ]);
    const before = await state();
    for (const ref of ['release', 'v1', id]) {
      const result = await gate({ ...inputs, baseline: `git:${ref}` }, { workspace });
      expect(errors(result).at(-1)).toContain("the gate's verdict is 'fail'");
      expect(result.outputs['baseline-ref']).toBe(`git:${ref} at ${id.slice(0, 7)}`);
    }
    expect(await state()).toEqual(before);
  });

  test('is found from a folder of the repository', async () => {
    const id = await origin.commit('Two models', {
      'a/metrics.json': '{"accuracy": 0.99}',
      'a/x/m.csv': 'metric,value\nf1,0.5\n',
    });
    await write({ 'a/metrics.json': '{"accuracy": 0.9}', 'a/x/m.csv': 'metric,value\nf1,0.7\n' });
    const given = {
      'working-directory': 'a',
      metrics: 'metrics.json\n./x/m.csv',
      baseline: 'git:HEAD',
      enforce: 'false',
    };
    const result = await gate({ ...given, rules: `${notWorse}\nf1: { min_absolute_change: 0.1 }` });
    expect(result.record?.gates[0]?.rules.map(({ verdict }) => verdict)).toEqual(['fail', 'pass']);
    expect(result.outputs['baseline-ref']).toBe(`git:HEAD at ${id.slice(0, 7)}`);
    const upwards = await gate({
      ...given,
      'working-directory': 'a/x',
      metrics: '../metrics.json',
      rules: notWorse,
    });
    expect(upwards.outputs.verdict).toBe('fail');
  });

  test('that has no such file is none, and a notice says so', async () => {
    await write({ 'new.json': '{"accuracy": 0.9}' });
    const result = await gate({ rules: notWorse, metrics: 'new.json', baseline: 'git:main' });
    expect(result.outputs).toMatchObject({ verdict: 'warn', 'baseline-ref': '' });
    expect(notices(result)).toEqual([
      expect.stringMatching(/^'git:main' is no baseline: [0-9a-f]{7} has no new\.json\.$/),
    ]);
  });

  test('that is malformed is an error which names file and commit', async () => {
    await origin.commit('Broken', { 'metrics.json': '{"accuracy": ' });
    await write({ 'metrics.json': '{"accuracy": 0.9}' });
    const result = await gate({ ...inputs, baseline: 'git:HEAD' });
    expect(result.exitCode).toBe(1);
    expect(result.annotations[0]).toMatchObject({ level: 'error', file: 'metrics.json at HEAD' });
  });

  test.each(['nowhere', 'main~9', 'a..b', '0'.repeat(40)])('of an unknown %s is an error', async (ref) => {
    const result = await gate({ ...inputs, baseline: `git:${ref}`, 'if-no-baseline': 'pass' });
    expect(result.exitCode).toBe(1);
    expect(errors(result)[0]).toMatch(
      `the baseline 'git:${ref}' is no commit, tag or branch of this repository`,
    );
  });

  test('of a ref that looks like an option is an error, and no option', async () => {
    const trace = join(origin.root, 'pwned');
    for (const ref of [`--upload-pack=touch ${trace}`, '--all', '-v']) {
      const result = await gate({ ...inputs, baseline: `git:${ref}` });
      expect(result.exitCode).toBe(1);
      expect(errors(result)[0]).toContain('is no commit, tag or branch of this repository');
    }
    await expect(readFile(trace)).rejects.toThrow('ENOENT');
  });

  test('that cannot be fetched is an error', async () => {
    await git(origin.checkout, ['remote', 'set-url', 'origin', join(origin.root, 'gone.git')]);
    const result = await gate({ ...inputs, baseline: 'git:release' });
    expect(errors(result)[0]).toContain("the baseline 'git:release' could not be fetched");
  });
});

test.each(['', 'alias', 'alias:', 'production', 'gti:main', 'fil:metrics.json', 'file', 'git:', 'http://x'])(
  "the baseline '%s' is refused, or is the default when empty",
  async (baseline) => {
    const result = await gate({ rules: notWorse, metrics: 'metrics.json', baseline });
    expect(errors(result)).toMatchSnapshot();
  },
);

describe('a training with several seeds', () => {
  const seeds = (values: readonly number[]) =>
    training({
      metrics: { accuracy: values.reduce((sum, value) => sum + value, 0) / values.length },
      repeats: values.map((accuracy, i) => ({ seed: String(i), metrics: { accuracy }, durationMs: 1 })),
    });
  // By Student's t, paired: the change is 0.014 with an interval from -0.0048 to 0.0328.
  const candidate = job(2, { trainings: [seeds([0.91, 0.93, 0.9, 0.94, 0.92])] });
  const baseline = job(1, { trainings: [seeds([0.9, 0.9, 0.91, 0.92, 0.9])] });
  const compare = async (rule: string, inputs: Record<string, string> = {}) => {
    await new BranchStore({ remote: { url: origin.bare } }).append(run(1, [baseline]));
    return gate({ rules: `accuracy: ${rule}`, baseline: 'branch:main', ...inputs }, { record: candidate });
  };

  test('is held against the seeds of its baseline, one by one', async () => {
    const result = await compare('{ non_inferiority_margin: 0.005 }');
    expect(result.outputs).toMatchObject({ verdict: 'pass', passed: 'true' });
    expect(result.record?.gates[0]?.rules[0]).toMatchObject({
      method: 'paired t over 5 seeds',
      interval: { low: expect.closeTo(-0.004831, 6), high: expect.closeTo(0.032831, 6), confidence: 0.95 },
    });
  });

  test.each([
    ['fail', 1, 'false', 'error'],
    ['warn', 0, 'true', 'warning'],
    ['pass', 0, 'true', 'notice'],
  ])('that noise leaves open: on-inconclusive: %s', async (onInconclusive, exitCode, passed, level) => {
    const result = await compare('{ min_absolute_change: 0 }', { 'on-inconclusive': onInconclusive });
    expect(result.exitCode).toBe(exitCode);
    expect(result.outputs).toMatchObject({ verdict: 'inconclusive', passed });
    expect(messages(result.annotations, level)[0]).toMatch(
      /may be enough, or not; asked: at least 0 better; some 10 seeds would have decided it$/,
    );
  });
});

describe('predictions', () => {
  const rows = (wrong: (i: number) => boolean) =>
    Array.from({ length: 200 }, (_, i) => `${i},${i % 2},${wrong(i) ? 1 - (i % 2) : i % 2}`);
  const table = (lines: readonly string[]) => `id,label,prediction\n${lines.join('\n')}\n`;
  const candidate = table(rows((i) => i < 20));

  test('need no training, and are judged with the noise of their examples', async () => {
    await write({ 'predictions.csv': candidate });
    const result = await gate({
      rules: 'accuracy: { threshold: 0.85 }\nf1: { threshold: 0.8 }',
      predictions: 'predictions.csv',
    });
    expect(errors(result)).toEqual([]);
    expect(result.outputs).toMatchObject({ verdict: 'pass', passed: 'true' });
    expect(result.record?.gates[0]).toMatchObject({
      kept: { digest: expect.stringMatching(/^sha256:/) },
      // Wilson's interval of 180 of 200.
      rules: [
        { interval: { low: expect.closeTo(0.850594, 6), high: expect.closeTo(0.93433, 6) } },
        { method: "bootstrap, BCa, 10,000 resamples, no narrower than the jackknife's t" },
      ],
      data: { candidate: { examples: 200, duplicates: 0 }, baseline: null },
      settings: { resamples: 10_000, seed: 0 },
    });
  });

  test('are not kept where that is not wanted', async () => {
    await write({ 'predictions.csv': candidate });
    const inputs = { rules: 'accuracy: { threshold: 0.5 }', predictions: 'predictions.csv' };
    const result = await gate({ ...inputs, 'keep-predictions': 'false' });
    expect(result.record?.gates[0]?.kept).toBeUndefined();
    expect(existsSync(join(result.runner.temp, 'mlops', 'predictions'))).toBe(false);
  });

  test('are compared with those of a baseline, and give the same verdict file each time', async () => {
    await write({ 'predictions.csv': candidate, 'before.csv': table(rows((i) => i < 60).toReversed()) });
    const inputs = {
      rules: 'accuracy: { min_absolute_change: 0.1 }\nbalanced_accuracy: { min_absolute_change: 0.1 }',
      ...{ predictions: 'predictions.csv', 'baseline-predictions': 'before.csv' },
    };
    const results = [await gate(inputs), await gate(inputs)];
    expect(results[0]?.outputs).toMatchObject({ verdict: 'pass', 'baseline-ref': 'file:before.csv' });
    const files = await Promise.all(
      results.map(({ outputs }) => readFile(outputs['verdict-file'] ?? '', 'utf8')),
    );
    expect(files[1]).toBe(files[0]);
    expect(JSON.parse(files[0] ?? '')).toMatchObject({
      data: { paired: 200, unpaired: { candidate: 0, baseline: 0 } },
    });
  });

  const rules = 'accuracy: { min_absolute_change: 0.1 }';
  const before = table(rows((i) => i < 60).toReversed());

  /** Gates a baseline's predictions in a run of its own and records that run, as the report does. */
  async function recordBaseline(changes: { lost?: boolean } = {}): Promise<void> {
    await write({ 'predictions.csv': before });
    const result = await gate({ rules: 'accuracy: { threshold: 0.5 }', predictions: 'predictions.csv' });
    const record = result.record as JobRecord;
    const path = keptPath(record.gates[0]?.kept?.digest ?? '');
    const content = await readFile(join(result.runner.temp, 'mlops', path));
    const stages = [
      {
        ...{
          name: 'train',
          outcome: 'ran',
          reason: '',
          key: null,
          durationMs: 1,
          savedMs: 0,
          parameters: {},
        },
        startedAt: '2026-01-01T00:00:00.000Z',
        inputs: [{ path: 'data.csv', digest: `md5:${'1'.repeat(32)}`, bytes: 1 }],
        outputs: [],
      },
    ] as TrainingRecord['stages'];
    const model = { path: 'model', digest: digest('d'), bytes: 1, artifact: null };
    record.trainings = [training({ metrics: { accuracy: 0.7 }, parameters: { depth: 3 }, stages, model })];
    await new BranchStore({ remote: { url: origin.bare } }).append(
      run(1, [record]),
      [move('production')],
      changes.lost ? new Map() : new Map([[path, content]]),
    );
  }

  test('are compared with those that the run of the baseline kept', async () => {
    await recordBaseline();
    await write({ 'predictions.csv': candidate });
    const result = await gate({ rules, predictions: 'predictions.csv' });
    expect([errors(result), notices(result)]).toEqual([[], []]);
    expect(result.outputs).toMatchObject({ verdict: 'pass', 'baseline-ref': 'alias:production at 1111111' });
    expect(result.record?.gates[0]).toMatchObject({
      name: 'model',
      baseline: {
        ...{ kind: 'alias', run: { id: '1001' }, modelDigest: digest('d'), parameters: { depth: 3 } },
        inputs: [{ path: 'data.csv' }],
      },
      data: { paired: 200, baseline: { examples: 200 } },
      rules: [{ interval: { confidence: 0.95 }, candidate: 0.9, baseline: 0.7 }],
    });
  });

  test('of a baseline that lost its own are held against its metrics, and a notice says so', async () => {
    await recordBaseline({ lost: true });
    await write({ 'predictions.csv': candidate });
    const result = await gate({ rules, predictions: 'predictions.csv' });
    expect(notices(result)).toEqual([
      "There are no predictions of 'alias:production': they did not reach the records branch. Its metrics are compared instead, without the noise of examples.",
    ]);
    expect(result.record?.gates[0]?.rules[0]).toMatchObject({ verdict: 'pass', baseline: 0.7 });
    expect(result.record?.gates[0]?.rules[0]?.interval).toBeUndefined();
  });

  test('are compared with those of a commit, of a folder as of a file', async () => {
    await origin.commit('Before', { 'out/1.csv': before, 'metrics.json': '{"accuracy": 0.7}' });
    await write({ 'out/1.csv': candidate });
    for (const predictions of ['out', 'out/1.csv']) {
      const result = await gate({ rules, predictions, baseline: 'git:HEAD' });
      expect([errors(result), notices(result)]).toEqual([[], []]);
      expect(result.record?.gates[0]?.data).toMatchObject({
        paired: 200,
        baseline: { files: [{ path: 'out/1.csv at HEAD' }] },
      });
    }
    const other = await gate({ rules, predictions: 'out/1.csv', baseline: 'git:HEAD~1', enforce: 'false' });
    expect(notices(other)).toEqual([
      "There are no predictions of 'git:HEAD~1': they were not committed. Its metrics are compared instead, without the noise of examples.",
    ]);
  });

  test('that are damaged are told with their row', async () => {
    await write({ 'predictions.csv': candidate.replace('\n7,1,0', '\n7,1,') });
    const result = await gate({ rules: 'accuracy: { threshold: 0.5 }', predictions: 'predictions.csv' });
    expect(result.exitCode).toBe(1);
    expect(errors(result)[0]).toContain("'prediction' is missing");
    expect(result.annotations[0]).toMatchObject({ file: 'predictions.csv', line: 9 });
  });

  test('of a baseline alone are a mistake', async () => {
    const result = await gate({ rules: 'accuracy: { threshold: 0.5 }', 'baseline-predictions': 'b.csv' });
    expect(errors(result)[0]).toContain("the input 'baseline-predictions' is set, and 'predictions' is not");
  });
});

describe('slices, groups, patterns and budgets', () => {
  /** 200 examples of two sites, of which every tenth is wrong in Ghent and every fourth in Lyon. */
  const table = [
    'id,label,prediction,score,site',
    ...Array.from({ length: 200 }, (_, i) => {
      const [label, site] = [i % 2, i < 100 ? 'Ghent' : 'Lyon'];
      const wrong = Math.floor(i / 2) % (site === 'Ghent' ? 10 : 4) === 0;
      return [i, label, wrong ? 1 - label : label, Math.abs(label - (wrong ? 0.7 : 0.2)), site].join();
    }),
  ].join('\n');

  test('are judged from predictions, and the evidence is complete', async () => {
    await write({ 'predictions.csv': table });
    const rules = [
      'accuracy: { threshold: 0.7, slices: { columns: site, threshold: 0.9 } }',
      'demographic_parity_difference: { threshold: 30 %, groups: site }',
      'training_time: 1 min',
      'cv.*: 0.8',
    ].join('\n');
    const record = job(1, {
      trainings: [
        training({
          metrics: { 'cv.loss': 0.1 },
          lists: { 'cv.f1': [0.9, 0.91, 0.92] },
          durationMs: 30_000,
        }),
      ],
    });
    const result = await gate({ rules, predictions: 'predictions.csv', enforce: 'false' }, { record });
    expect(errors(result)).toEqual([]);
    const found = result.record?.gates[0];
    expect(found?.rules.map((rule) => [rule.metric, rule.columns, rule.verdict])).toEqual([
      ['accuracy', undefined, 'pass'],
      ['accuracy', ['site'], 'fail'],
      ['demographic_parity_difference', ['site'], 'pass'],
      ['training_time', undefined, 'pass'],
      ['cv.loss', undefined, 'pass'],
      ['cv.f1', undefined, 'pass'],
    ]);
    expect(JSON.parse(result.outputs['failed-rules'] ?? '')).toEqual(['accuracy by site: threshold ≥ 0.9']);
    expect(found?.rules[4]).toMatchObject({ pattern: 'cv.*', greaterIsBetter: false });
    expect(found?.plots?.confusion?.classes).toEqual(['0', '1']);
    expect(found?.metrics?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['accuracy', 'roc_auc', 'training_time', 'cv.f1']),
    );
    expect(
      verdictSchema.parse(JSON.parse(await readFile(result.outputs['verdict-file'] ?? '', 'utf8'))),
    ).toEqual({ schema: 1, ...found });
    expect(result.summary).toContain(
      await readFile(result.outputs.report ?? '', 'utf8').then((text) => text.trim()),
    );
    expect(result.summary).toMatchSnapshot();
  });

  test('of columns that are not there are errors that name those that are', async () => {
    await write({ 'predictions.csv': table });
    const rules = 'accuracy: { threshold: 0.7, slices: sites }';
    const result = await gate({ rules, predictions: 'predictions.csv' });
    expect(result.exitCode).toBe(1);
    expect(result.annotations[0]).toMatchObject({
      level: 'error',
      file: 'predictions.csv',
      message: expect.stringContaining("Did you mean 'site'?"),
    });
  });

  test('the shortest gate is two lines', async () => {
    await write({ 'mlops.yaml': 'evaluate-gate:\n  rules: { accuracy: 0.85 }\n' });
    const result = await gate({}, { record: trained(0.9) });
    expect(result.outputs).toMatchObject({ verdict: 'pass', passed: 'true' });
  });

  test.each([
    ['accuracy: 95', "the rule 'accuracy: threshold: 95' is out of range", 'Did you mean 0.95?'],
    ['accuracy: { threshold: 0.9, slcies: site }', "unknown key 'slcies'", "Did you mean 'slices'"],
    ['latency_p95: 20 MB', 'counted in seconds', 'allowed: us'],
  ])('%s is an error that says what to do', async (rules, message, advice) => {
    await write({ 'predictions.csv': table });
    const result = await gate({ rules, predictions: 'predictions.csv' });
    expect(errors(result)[0]).toContain(message);
    expect(errors(result)[0]).toContain(advice);
  });
});
