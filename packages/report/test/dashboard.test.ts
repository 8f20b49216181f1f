import { gunzipSync } from 'node:zlib';
import type { AliasChange, RunRecord } from '@mlops/core/record';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Dashboard, outcomes, type RunDetails } from '../src/dashboard/data.ts';
import { DashboardCollector, renderDashboard } from '../src/dashboard/index.ts';
import { aliasChangesOf, manyRuns, pathOf } from './many-runs.ts';
import { sampleRecord } from './sample-record.ts';

const made = Date.UTC(2026, 1, 1) / 1000;

function dashboardOf(records: Iterable<RunRecord>, history: AliasChange[] = []): Dashboard {
  const collector = new DashboardCollector();
  for (const record of records) collector.add(pathOf(record), record);
  return collector.finish(history, made);
}

const sample = (changes: (record: RunRecord) => void = () => {}): RunRecord => {
  const record = sampleRecord();
  changes(record);
  return record;
};

/** The details of a row, as a browser finds them. */
function detailsOf({ runs, details }: Dashboard, row: number): RunDetails {
  const place = runs.detail[row] ?? -1;
  const block = details[Math.floor(place / 100)] ?? new Uint8Array();
  return (JSON.parse(gunzipSync(block).toString()) as RunDetails[])[place % 100] as RunDetails;
}

describe('the table of runs', () => {
  test('has what a record says of its run, in columns', () => {
    const { runs } = dashboardOf([sample()]);
    const text = (place: number | undefined) => runs.texts[place ?? -1];
    expect(text(runs.refText[0])).toBe('main');
    expect(text(runs.actorText[0])).toBe('ada');
    expect(text(runs.urlText[0])).toBe('https://github.com/acme/tumor/actions/runs/{id}');
    expect(runs).toMatchObject({
      repository: 'acme/tumor',
      made,
      id: ['42'],
      started: [Date.UTC(2026, 0, 31, 9, 5) / 1000],
      durationMs: [48_000],
      message: ['Deepen the trees <script>alert(1)</script>'],
      models: ['model'],
      modelsOf: [[0]],
      stagesRun: [2],
      stagesCached: [2],
      savedMs: [1212],
      wattHours: [24.6],
      co2Grams: [9.8],
      costs: [{ currency: 'USD', amount: [1.04] }],
    });
  });

  test('is newest first, whatever the order in which the records come', () => {
    const records = [...manyRuns(250)];
    const shuffled = records.toSorted((a, b) => (a.run.commit < b.run.commit ? -1 : 1));
    const { runs, models } = dashboardOf(shuffled);
    expect(runs.id).toEqual(records.map(({ run }) => run.id).reverse());
    const ordered = dashboardOf(records);
    expect(ordered.runs.id).toEqual(runs.id);
    // Each metric stays with its run.
    const accuracies = (one: Dashboard, model: string) => {
      const series = one.models[one.runs.models.indexOf(model)];
      return series?.metrics.find(({ name }) => name === 'accuracy');
    };
    for (const model of ['churn', 'ranker'])
      expect(accuracies({ runs, models, details: [] }, model)).toEqual(accuracies(ordered, model));
  });

  test.each<[string, (record: RunRecord) => void, (typeof outcomes)[number]]>([
    ['a warning, though a step failed', () => {}, 'error'],
    ['a warning', (record) => void record.jobs[0]?.steps.pop(), 'warn'],
    ['a gate that failed, and its step with it', failGate, 'fail'],
    ['the worst of several gates', addInconclusive, 'inconclusive'],
    ['no gate', (record) => void record.jobs.splice(0), 'none'],
  ])('tells %s', (_, change, outcome) => {
    const { runs } = dashboardOf([sample(change)]);
    expect(outcomes[runs.outcome[0] ?? -1]).toBe(outcome);
  });

  test('takes several currencies, and runs of which nothing was measured', () => {
    const inEuros = sample((record) => {
      record.run.id = '43';
      const cost = record.jobs[0]?.trainings[0]?.resources?.cost;
      if (cost) cost.currency = 'EUR';
    });
    const unmeasured = sample((record) => {
      record.run.id = '44';
      record.jobs = [];
    });
    const { runs } = dashboardOf([unmeasured, inEuros, sample()]);
    expect(runs.id).toEqual(['42', '43', '44']);
    expect(runs.costs).toEqual([
      { currency: 'EUR', amount: [null, 1.04, null] },
      { currency: 'USD', amount: [1.04, null, null] },
    ]);
    expect(runs.wattHours).toEqual([24.6, 24.6, null]);
  });

  test('links to nothing but the web', () => {
    for (const url of ['javascript:alert(1)', 'data:text/html,x', 'https://x/"onclick=', null])
      expect(dashboardOf([sample((record) => Object.assign(record.run, { url }))]).runs.urlText).toEqual([
        -1,
      ]);
  });
});

describe('trends', () => {
  test("have the gate's intervals where there are any, and gaps for what is not finite", () => {
    const record = sample(({ jobs }) => {
      const gate = jobs[0]?.gates[0];
      // As gates were recorded that did not list the metrics.
      delete gate?.metrics;
      if (gate?.rules[0]) gate.rules[0].interval = { low: 0.96, high: 0.98, confidence: 0.95 };
    });
    const [model] = dashboardOf([record]).models;
    expect(model?.metrics).toEqual([
      { name: 'test.accuracy', greaterIsBetter: true, row: [0], value: [0.9718], low: [0.96], high: [0.98] },
      { name: 'test.log_loss', greaterIsBetter: false, row: [0], value: [0.0873] },
      { name: 'test.auc', greaterIsBetter: null, row: [0], value: [null] },
    ]);
    expect(model?.stages[0]).toEqual({ name: 'data', row: [0], ms: [812], cached: [1] });
  });

  test('mark the runs that were compared with another baseline than the one before on their branch', () => {
    const run = (id: number, ref: string, digest: string) =>
      sample((record) => {
        Object.assign(record.run, {
          id: String(id),
          ref,
          startedAt: new Date(Date.UTC(2026, 0, id)).toISOString(),
        });
        const baseline = record.jobs[0]?.gates[0]?.baseline;
        if (baseline) baseline.modelDigest = `sha256:${digest.repeat(64)}`;
      });
    const [main, other] = ['refs/heads/main', 'refs/heads/other'];
    const { runs, models } = dashboardOf([
      ...[run(1, main, 'a'), run(2, other, 'b'), run(3, main, 'a'), run(4, main, 'b'), run(5, other, 'b')],
    ]);
    expect(models[0]?.baselines.map(({ row, name }) => [runs.id[row], name])).toEqual([
      ['4', 'alias:production at fffffff'],
    ]);
  });

  test('are bounded, whatever records say, and those with a rule are kept', () => {
    const record = sample(({ jobs }) => {
      const training = jobs[0]?.trainings[0];
      if (!training) return;
      const many = Array.from({ length: 5000 }, (_, i) => [`m${i}`, i] as const);
      training.metrics = { ...Object.fromEntries(many), 'test.accuracy': 0.9 };
      training.parameters = Object.fromEntries(many);
    });
    const dashboard = dashboardOf([record]);
    expect(dashboard.models[0]?.metrics).toHaveLength(100);
    expect(dashboard.models[0]?.metrics[0]?.name).toBe('test.accuracy');
    expect(dashboard.models[0]?.metricsLeftOut).toBe(4901);
    expect(detailsOf(dashboard, 0).trainings[0]?.parameters).toMatchObject({ more: 4800 });
  });

  test('take names that objects have by themselves', () => {
    const record = sample(({ jobs }) => {
      const training = jobs[0]?.trainings[0];
      if (training) training.metrics = JSON.parse('{"constructor": 1, "__proto__": 2, "toString": 3}');
    });
    expect(dashboardOf([record]).models[0]?.metrics.map(({ name }) => name)).toEqual([
      ...['constructor', '__proto__', 'toString'],
    ]);
  });
});

describe('aliases', () => {
  test('tell who moved them when: the actor of the run, or who committed it', () => {
    const records = [...manyRuns(400)];
    const history = aliasChangesOf(records);
    const [first] = history;
    if (!first) throw new Error('no run of the sample was deployed');
    const at = '2026-01-31T12:00:00.000Z';
    const { runs } = dashboardOf(records, [
      first,
      { ...first, author: 'Grace', at },
      { ...first, author: 'Grace', at, alias: undefined },
      { ...first, alias: { ...(first.alias as NonNullable<typeof first.alias>), record: 'runs/gone.json' } },
    ]);
    const [byRun, byHand, removed, gone] = runs.aliases;
    const row = byRun?.row ?? -1;
    expect(byRun).toMatchObject({ by: runs.texts[runs.actorText[row] ?? -1], byHand: false });
    expect(pathOf(records[records.length - 1 - row] as RunRecord)).toBe(first.alias?.record);
    expect(byHand).toMatchObject({ by: 'Grace', byHand: true, row, at: Date.parse(at) / 1000 });
    expect(removed).toMatchObject({ by: 'Grace', row: -1, target: null });
    expect(gone).toMatchObject({ by: 'github-actions[bot]', row: -1, target: byRun?.target });
  });
});

describe('the page', () => {
  test('finds the details of every run', () => {
    const dashboard = dashboardOf(manyRuns(250));
    expect(dashboard.details).toHaveLength(3);
    for (const row of [0, 99, 100, 249])
      expect(dashboard.runs.message[row]).toBe(detailsOf(dashboard, row).run.message);
  });

  test('needs nothing from elsewhere, and names the only script that may run', () => {
    const page = renderDashboard(dashboardOf([sample()]));
    expect(page).toMatch(
      /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-/,
    );
    expect(page).not.toMatch(/<link|<img|@import|url\(|\ssrc=|unsafe-inline/);
    expect(page.match(/<script>/g)).toHaveLength(1);
  });

  test('runs a script that is one, and cannot be ended by what is in it', () => {
    const page = renderDashboard(dashboardOf([sample()]));
    const script = page.slice(page.indexOf('<script>') + 8, page.lastIndexOf('</script>'));
    expect(script).not.toMatch(/<\/script|<!--/i);
    expect(() => new Function(script)).not.toThrow();
  });

  test('holds nothing of what records say but as compressed text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 4 }), (text) => {
        const hostile = `<script>${text}</script><!--`;
        const record = sample(({ run, jobs }) => {
          Object.assign(run, { message: hostile, actor: hostile, ref: `refs/heads/${hostile}` });
          const training = jobs[0]?.trainings[0];
          if (training) Object.assign(training, { name: hostile, metrics: { [hostile]: 1 } });
        });
        const page = renderDashboard(dashboardOf([record]));
        expect(page).not.toContain(hostile);
        expect(page.match(/<script/g)).toHaveLength(4);
      }),
      { numRuns: 50 },
    );
  });

  test('is made of no run at all', () => {
    expect(renderDashboard(dashboardOf([]))).toContain('of 0 recorded runs');
  });
});

function failGate({ jobs }: RunRecord): void {
  const gate = jobs[0]?.gates[0];
  if (gate) gate.verdict = 'fail';
}

function addInconclusive({ jobs }: RunRecord): void {
  const job = jobs[0];
  job?.steps.pop();
  if (job?.gates[0]) job.gates.push({ ...job.gates[0], verdict: 'inconclusive' });
}
