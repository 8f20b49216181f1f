import type { UserError } from '@mlops/core';
import type { RuleRecord, TrainingRecord } from '@mlops/core/record';
import { valueText } from '@mlops/metrics/quantity';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { budgetsOf, checkCurrency } from '../src/budgets.ts';
import { type Evidence, isPassed, judge, type Verdict, verdictOf } from '../src/judge.ts';
import { checkRules } from '../src/known-metrics.ts';
import { measurementsIn, withBudgets } from '../src/measurements.ts';
import { withoutPatterns } from '../src/patterns.ts';
import { rulesSchema } from '../src/rules.ts';

const nan = Number.NaN;
const inf = Number.POSITIVE_INFINITY;

interface Case {
  rule: Record<string, unknown>;
  candidate: number | undefined;
  baseline?: number | undefined;
  verdict: Verdict;
}

function judged(
  { rule, candidate, baseline }: Case,
  ifNoBaseline: Evidence['ifNoBaseline'] = 'warn',
  hasBaseline = true,
): RuleRecord {
  const metrics = (value: number | undefined) => ({
    metrics: value === undefined ? { other: 1 } : { m: value },
  });
  const [record] = judge(rulesSchema.parse({ m: rule }), {
    candidate: metrics(candidate),
    baseline: hasBaseline ? metrics(baseline) : undefined,
    ifNoBaseline,
  });
  if (!record) throw new Error('no rule was judged');
  return record;
}

// Each verdict was worked out by hand from MLflow's definitions.
const truth: Case[] = [
  // A threshold is met at its very value, in either direction.
  { rule: { threshold: 0.9 }, candidate: 0.9, verdict: 'pass' },
  { rule: { threshold: 0.9 }, candidate: 0.91, verdict: 'pass' },
  { rule: { threshold: 0.9 }, candidate: 0.899999, verdict: 'fail' },
  { rule: { threshold: 0.2, greater_is_better: false }, candidate: 0.2, verdict: 'pass' },
  { rule: { threshold: 0.2, greater_is_better: false }, candidate: 0.21, verdict: 'fail' },
  { rule: { threshold: -0.5 }, candidate: -0.4, verdict: 'pass' },
  { rule: { threshold: -0.5 }, candidate: -0.6, verdict: 'fail' },
  { rule: { threshold: 0 }, candidate: 0, verdict: 'pass' },
  // What is no measurement never passes.
  { rule: { threshold: 0.9 }, candidate: undefined, verdict: 'fail' },
  { rule: { threshold: 0.9 }, candidate: nan, verdict: 'fail' },
  { rule: { threshold: 0.9 }, candidate: inf, verdict: 'fail' },
  { rule: { threshold: 0.9, greater_is_better: false }, candidate: -inf, verdict: 'fail' },
  { rule: { min_absolute_change: -1 }, candidate: nan, baseline: nan, verdict: 'fail' },
  // An absolute change is counted towards better.
  { rule: { min_absolute_change: 0.01 }, candidate: 0.95, baseline: 0.94, verdict: 'pass' },
  { rule: { min_absolute_change: 0.01 }, candidate: 0.949, baseline: 0.94, verdict: 'fail' },
  { rule: { min_absolute_change: 0 }, candidate: 0.94, baseline: 0.94, verdict: 'pass' },
  { rule: { min_absolute_change: 0 }, candidate: 0.9399, baseline: 0.94, verdict: 'fail' },
  { rule: { min_absolute_change: -0.01 }, candidate: 0.93, baseline: 0.94, verdict: 'pass' },
  { rule: { min_absolute_change: -0.01 }, candidate: 0.92, baseline: 0.94, verdict: 'fail' },
  {
    rule: { min_absolute_change: 0.1, greater_is_better: false },
    candidate: 0.4,
    baseline: 0.5,
    verdict: 'pass',
  },
  {
    rule: { min_absolute_change: 0.1, greater_is_better: false },
    candidate: 0.45,
    baseline: 0.5,
    verdict: 'fail',
  },
  {
    rule: { min_absolute_change: -0.1, greater_is_better: false },
    candidate: 0.6,
    baseline: 0.5,
    verdict: 'pass',
  },
  {
    rule: { min_absolute_change: -0.1, greater_is_better: false },
    candidate: 0.61,
    baseline: 0.5,
    verdict: 'fail',
  },
  // A relative change is a fraction of the baseline's magnitude, so that a sign turns nothing round.
  { rule: { min_relative_change: 0.1 }, candidate: 1.1, baseline: 1, verdict: 'pass' },
  { rule: { min_relative_change: 0.1 }, candidate: 1.09, baseline: 1, verdict: 'fail' },
  { rule: { min_relative_change: 0.1 }, candidate: -0.9, baseline: -1, verdict: 'pass' },
  { rule: { min_relative_change: 0.1 }, candidate: -1.1, baseline: -1, verdict: 'fail' },
  { rule: { min_relative_change: -0.1 }, candidate: -1.1, baseline: -1, verdict: 'pass' },
  {
    rule: { min_relative_change: -0.2, greater_is_better: false },
    candidate: 0.12,
    baseline: 0.1,
    verdict: 'pass',
  },
  {
    rule: { min_relative_change: -0.2, greater_is_better: false },
    candidate: 0.121,
    baseline: 0.1,
    verdict: 'fail',
  },
  {
    rule: { min_relative_change: 0.1, greater_is_better: false },
    candidate: -1.1,
    baseline: -1,
    verdict: 'pass',
  },
  // What cannot be compared is neither passed nor failed.
  { rule: { min_relative_change: 0 }, candidate: 0.1, baseline: 0, verdict: 'inconclusive' },
  { rule: { min_absolute_change: 0 }, candidate: 0.1, baseline: 0, verdict: 'pass' },
  { rule: { min_absolute_change: 0 }, candidate: 0.1, baseline: nan, verdict: 'inconclusive' },
  { rule: { min_absolute_change: 0 }, candidate: 0.1, baseline: inf, verdict: 'inconclusive' },
  { rule: { min_absolute_change: 0 }, candidate: 0.1, baseline: undefined, verdict: 'inconclusive' },
  // Severity warn can do no more than warn.
  { rule: { threshold: 0.9, severity: 'warn' }, candidate: 0.8, verdict: 'warn' },
  { rule: { threshold: 0.9, severity: 'warn' }, candidate: nan, verdict: 'warn' },
  { rule: { threshold: 0.9, severity: 'warn' }, candidate: 0.95, verdict: 'pass' },
  { rule: { min_absolute_change: 0, severity: 'warn' }, candidate: 1, baseline: nan, verdict: 'warn' },
];

describe('a rule', () => {
  test.each(truth)('$rule, candidate $candidate, baseline $baseline: $verdict', (given) => {
    expect(judged(given).verdict).toBe(given.verdict);
  });

  test.each(['pass', 'warn', 'fail'] as const)(
    'without a baseline is what if-no-baseline says: %s',
    (verdict) => {
      const given: Case = { rule: { min_absolute_change: 0 }, candidate: 1, verdict };
      expect(judged(given, verdict, false).verdict).toBe(verdict);
    },
  );

  test('without a baseline still refuses what is no measurement', () => {
    expect(
      judged({ rule: { min_absolute_change: 0 }, candidate: nan, verdict: 'fail' }, 'pass', false).verdict,
    ).toBe('fail');
  });

  test('names the nearest metric when its own is missing', () => {
    const [record] = judge(rulesSchema.parse({ acuracy: { threshold: 1 } }), {
      candidate: { metrics: { accuracy: 1, loss: 2 } },
      baseline: undefined,
      ifNoBaseline: 'warn',
    });
    expect(record?.explanation).toBe(
      "the candidate has no metric 'acuracy'; did you mean 'accuracy'? it has accuracy, loss",
    );
  });

  test('no candidate that is worse passes a rule that asks for an improvement, whatever the signs', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(
        finite,
        finite,
        fc.boolean(),
        fc.constantFrom('min_absolute_change', 'min_relative_change'),
        (candidate, baseline, greater, bound) => {
          const margin = 1e-6 * Math.max(1, Math.abs(baseline));
          const worse = greater ? candidate < baseline - margin : candidate > baseline + margin;
          fc.pre(worse);
          const rule = { [bound]: 0, greater_is_better: greater };
          expect(isPassed([judged({ rule, candidate, baseline, verdict: 'fail' })], 'pass')).toBe(false);
        },
      ),
    );
  });
});

describe('the whole verdict', () => {
  const of = (...verdicts: Verdict[]) => verdictOf(verdicts.map((verdict) => ({ verdict }) as RuleRecord));

  test('is the worst of its rules', () => {
    expect(of('pass', 'pass')).toBe('pass');
    expect(of('pass', 'warn')).toBe('warn');
    expect(of('warn', 'inconclusive', 'pass')).toBe('inconclusive');
    expect(of('inconclusive', 'fail')).toBe('fail');
  });

  test.each([
    ['fail', [true, true, false, false, false]],
    ['warn', [true, true, false, false, true]],
    ['pass', [true, true, false, false, true]],
  ] as const)(
    'with on-inconclusive: %s lets what noise leaves open through, or not',
    (onInconclusive, passed) => {
      const interval = { low: 0, high: 1, confidence: 0.95 };
      const rules = [
        { verdict: 'pass' },
        { verdict: 'warn' },
        { verdict: 'fail', interval },
        { verdict: 'inconclusive' }, // as without the baseline's metric: no noise, no number
        { verdict: 'inconclusive', interval },
      ] as RuleRecord[];
      expect(rules.map((rule) => isPassed([rule], onInconclusive))).toEqual(passed);
      expect(isPassed([], onInconclusive)).toBe(false);
    },
  );
});

describe('over several seeds', () => {
  const a = [0.91, 0.93, 0.9, 0.94, 0.92];
  const b = [0.9, 0.9, 0.91, 0.92, 0.9];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const measured = (values: readonly number[], first = 0, metric = 'm') => ({
    metrics: { [metric]: mean(values) },
    samples: {
      [metric]: {
        over: 'seeds' as const,
        values: Object.fromEntries(values.map((value, i) => [String(first + i), value])),
      },
    },
  });

  // t of 4 degrees of freedom at 97.5 % is 2.776445. a: mean 0.92, s 0.0158114, interval 0.900368 to 0.939632.
  // a - b: mean 0.014, s 0.0151658, interval -0.004831 to 0.032831. Not paired (Welch): s 0.0158114 and 0.0089443,
  // standard error 0.0081240, 6.32 degrees of freedom, t 2.4184, interval -0.005646 to 0.033646.
  test.each<[Record<string, unknown>, readonly number[], readonly number[] | undefined, number, Verdict]>([
    [{ threshold: 0.9 }, a, undefined, 0, 'pass'],
    [{ threshold: 0.901 }, a, undefined, 0, 'inconclusive'],
    [{ threshold: 0.9396 }, a, undefined, 0, 'inconclusive'],
    [{ threshold: 0.94 }, a, undefined, 0, 'fail'],
    [{ threshold: 0.94, severity: 'warn' }, a, undefined, 0, 'warn'],
    [{ threshold: 0.94, greater_is_better: false }, a, undefined, 0, 'pass'],
    [{ threshold: 0.93, greater_is_better: false }, a, undefined, 0, 'inconclusive'],
    [{ threshold: 0.9, greater_is_better: false }, a, undefined, 0, 'fail'],
    // At 80 % t is 1.533206, and the interval 0.909158 to 0.930842.
    [{ threshold: 0.909, confidence: 0.8 }, a, undefined, 0, 'pass'],
    [{ min_absolute_change: -0.005 }, a, b, 0, 'pass'],
    [{ non_inferiority_margin: 0.005 }, a, b, 0, 'pass'],
    [{ non_inferiority_margin: 0.0048 }, a, b, 0, 'inconclusive'],
    [{ non_inferiority_margin: 0 }, a, b, 0, 'inconclusive'],
    [{ min_absolute_change: 0.033 }, a, b, 0, 'fail'],
    [{ min_absolute_change: -0.005 }, a, b, 100, 'inconclusive'],
    [{ min_absolute_change: -0.0057 }, a, b, 100, 'pass'],
    [{ min_absolute_change: 0.0337 }, a, b, 100, 'fail'],
    [{ min_absolute_change: -0.005, greater_is_better: false }, a, b, 0, 'inconclusive'],
    [{ min_absolute_change: 0.005, greater_is_better: false }, a, b, 0, 'fail'],
    // Relative to 0.906: -0.005332 to 0.036237.
    [{ min_relative_change: -0.0054 }, a, b, 0, 'pass'],
    [{ min_relative_change: -0.0053 }, a, b, 0, 'inconclusive'],
    [{ min_relative_change: 0.0363 }, a, b, 0, 'fail'],
    // The same seeds as before: identical models differ by nothing but noise, and here by nothing at all.
    [{ min_absolute_change: 0 }, a, a, 0, 'pass'],
    [{ min_absolute_change: 0 }, a, a, 100, 'inconclusive'],
  ])('%o of %o against %o, from seed %i: %s', (rule, candidate, baseline, first, verdict) => {
    const [record] = judge(rulesSchema.parse({ m: rule }), {
      candidate: measured(candidate),
      baseline: baseline && measured(baseline, first),
      ifNoBaseline: 'warn',
    });
    expect(record?.verdict).toBe(verdict);
  });

  test('says what it knows and how many seeds would have decided', () => {
    const [record] = judge(rulesSchema.parse({ m: { threshold: 0.91 } }), {
      candidate: measured(a),
      baseline: undefined,
      ifNoBaseline: 'warn',
    });
    // 5 × (0.019632 / 0.01)² = 19.3
    expect(record).toMatchObject({
      verdict: 'inconclusive',
      examples: 5,
      needed: 20,
      method: 't over 5 seeds',
    });
    expect(record?.explanation).toBe(
      '0.92 (95 % interval 0.900368 to 0.939632, t over 5 seeds) may be at least 0.91, or not; some 20 seeds would have decided it',
    );
  });
});

describe('what is known of a metric', () => {
  test.each<[string, Record<string, unknown>, number, Verdict]>([
    ['test.log_loss', { threshold: 0.2 }, 0.1, 'pass'],
    ['test.log_loss', { threshold: 0.2 }, 0.3, 'fail'],
    ['val_loss', { threshold: 0.2 }, 0.3, 'fail'],
    ['neg_log_loss', { threshold: -0.2 }, -0.1, 'pass'],
    ['test.recall.8', { threshold: 0.9 }, 0.95, 'pass'],
    ['mystery', { threshold: 0.9 }, 0.95, 'pass'],
    ['latency_ms', { threshold: 100 }, 120, 'fail'],
    ['p95_latency_ms', { threshold: 100 }, 90, 'pass'],
    ['api.latency.p99', { threshold: 100 }, 120, 'fail'],
    ['inference_time_s', { threshold: 1 }, 2, 'fail'],
    ['gpu_memory_mb', { threshold: 1000 }, 2000, 'fail'],
    ['images_per_s', { threshold: 100 }, 120, 'pass'],
    ['recall.s', { threshold: 0.9 }, 0.95, 'pass'], // a class called s
    ['accuracy_us', { threshold: 0.9 }, 0.95, 'pass'],
    ['test.recall_ms', { threshold: 0.9 }, 0.95, 'pass'],
    ['startup_ms', { threshold: 100 }, 120, 'fail'],
    ['throughput_per_second', { threshold: 100 }, 90, 'fail'],
    // What its name cannot be is no measurement.
    ['log_loss', { threshold: 0.2 }, -0.3, 'fail'],
    ['accuracy', { threshold: 0.9 }, 93.5, 'fail'],
    ['accuracy', { threshold: 90 }, 93.5, 'pass'],
    ['accuracy', { threshold: 0.9 }, -0.95, 'fail'],
    ['r2', { threshold: -3 }, -2, 'pass'],
    ['r2', { threshold: 0.5 }, 1.5, 'fail'],
  ])('%s, %o: %d makes %s', (metric, rule, value, verdict) => {
    const [record] = judge(rulesSchema.parse({ [metric]: rule }), {
      candidate: { metrics: { [metric]: value } },
      baseline: undefined,
      ifNoBaseline: 'warn',
    });
    expect(record?.verdict).toBe(verdict);
  });

  const checked = (metric: string, rule: unknown, fromExamples = false) => {
    checkRules(rulesSchema.parse({ [metric]: rule }), fromExamples);
  };

  test('refuses a direction that would judge the wrong way round', () => {
    const rule = (greater: boolean) => ({ threshold: 0.5, greater_is_better: greater });
    expect(() => checked('test.accuracy', rule(false))).toThrow(
      "the rule for 'test.accuracy' says 'greater_is_better: false', but of accuracy more is better",
    );
    expect(() => checked('rmse', rule(true))).toThrow('of rmse less is better');
    expect(() => checked('rmse', rule(false))).not.toThrow();
    expect(() => checked('my_loss', rule(true))).not.toThrow();
  });

  test.each<[string, unknown, boolean, string | undefined]>([
    ['accuracy', 95, true, 'Did you mean 0.95?'],
    ['accuracy', 95, false, undefined], // of a metrics file that may be in percent
    ['accuracy', 9500, false, 'never above 1'],
    ['accuracy', -0.1, false, 'never below 0'],
    ['r2', 95, false, 'Did you mean 0.95?'],
    ['log_loss', -0.2, true, 'never below 0'],
    ['accuracy', { non_inferiority_margin: 2 }, true, 'Did you mean 0.02?'],
    ['accuracy', { non_inferiority_margin: 1 }, true, 'says nothing'],
    ['accuracy', { min_absolute_change: -1 }, true, 'says nothing'],
    ['rmse', { min_absolute_change: -100 }, true, undefined],
    ['equal_opportunity_difference', { threshold: 10, groups: 'sex' }, true, 'Did you mean 0.1?'],
  ])('of %s the rule %o (from examples: %s) is refused or not: %s', (metric, rule, fromExamples, why) => {
    const check = () => {
      try {
        checked(metric, rule, fromExamples);
        return undefined;
      } catch (error) {
        const { message, advice } = error as UserError;
        return `${message} ${advice}`;
      }
    };
    if (why === undefined) expect(check()).toBeUndefined();
    else expect(check()).toContain(why);
  });
});

describe('over folds', () => {
  // Five folds with mean 0.92 and s 0.0158114: the variance of the mean is s² (1/5 + 1/4) (Nadeau and Bengio, 2003),
  // its root 0.0106066, and with t of 4 degrees of freedom the interval 0.890551 to 0.949449.
  const folds = [0.91, 0.93, 0.9, 0.94, 0.92];
  test.each<[Record<string, unknown>, Verdict]>([
    [{ threshold: 0.89 }, 'pass'],
    [{ threshold: 0.891 }, 'inconclusive'],
    [{ threshold: 0.95 }, 'fail'],
  ])('%o: %s', (rule, verdict) => {
    const [record] = judge(rulesSchema.parse({ m: rule }), {
      candidate: measurementsIn({ values: new Map(), lists: new Map([['m', folds]]) }),
      baseline: undefined,
      ifNoBaseline: 'warn',
    });
    expect(record).toMatchObject({ verdict, method: 'corrected t over 5 folds' });
    expect(record?.candidate).toBeCloseTo(0.92, 12);
  });

  test('a fold that is no number leaves none', () => {
    const [record] = judge(rulesSchema.parse({ m: { threshold: 0 } }), {
      candidate: measurementsIn({ values: new Map(), lists: new Map([['m', [0.9, nan]]]) }),
      ...{ baseline: undefined, ifNoBaseline: 'warn' },
    });
    expect(record).toMatchObject({ verdict: 'fail', candidate: 'NaN' });
  });

  test('are not paired with seeds that are called alike', () => {
    const [a, b] = [
      [0.91, 0.93, 0.9],
      [0.9, 0.92, 0.89],
    ];
    const seeds = {
      over: 'seeds' as const,
      values: Object.fromEntries(b.map((one, i) => [String(i + 1), one])),
    };
    const [record] = judge(rulesSchema.parse({ m: { min_absolute_change: 0 } }), {
      candidate: measurementsIn({ values: new Map(), lists: new Map([['m', a]]) }),
      ...{ baseline: { metrics: { m: 0.9033333 }, samples: { m: seeds } }, ifNoBaseline: 'warn' },
    });
    expect(record?.method).toContain("Welch's t");
  });

  test('signed ranks where they are asked for, and no method of examples', () => {
    const evidence = {
      candidate: measurementsIn({
        values: new Map(),
        lists: new Map([['m', [0.9, 0.91, 0.93, 0.94, 0.96, 0.97]]]),
      }),
      ...{ baseline: undefined, ifNoBaseline: 'warn' as const },
    };
    const [record] = judge(rulesSchema.parse({ m: { threshold: 0.8, method: 'wilcoxon' } }), evidence);
    expect(record).toMatchObject({ verdict: 'pass', method: 'Wilcoxon signed ranks over 6 folds' });
    expect(() => judge(rulesSchema.parse({ m: { threshold: 0.8, method: 'delong' } }), evidence)).toThrow(
      "says 'method: delong', which is of examples",
    );
  });
});

describe('how rules are written', () => {
  test.each<[string, unknown, number]>([
    ['accuracy', 0.9, 0.9],
    ['accuracy', '95 %', 0.95],
    ['model_size', '50 MB', 50_000_000],
    ['model_size', '1.5GiB', 1.5 * 2 ** 30],
    ['latency_p95', '200 ms', 0.2],
    ['test.latency_mean', { threshold: '1 min' }, 60],
    ['inference_ms', '0.2 s', 200],
    ['training_time', '2 h', 7200],
    ['training_energy', '1.2 kWh', 1200],
    ['training_co2', '0.5 kg', 500],
    ['training_cost', '2.50 EUR', 2.5],
    ['anything', '0.5', 0.5],
  ])('%s: %o asks for %d', (metric, written, bound) => {
    expect(rulesSchema.parse({ [metric]: written })[metric]?.threshold).toBeCloseTo(bound, 9);
  });

  test.each<[string, number, string]>([
    ['model_size', 175_658, '175.658 kB'],
    ['latency_p95', 0.2, '200 ms'],
    ['training_time', 5400, '1.5 h'],
    ['training_energy', 0.02, '0.02 Wh'],
    ['training_co2', 0, '0'],
    ['inference_ms', 3, '3'],
    ['epoch_time', 120, '120'], // who knows whether it is in seconds
    ['batch_size', 64, '64'],
    ['accuracy', 2 / 3, '0.666667'],
  ])('%s of %d is shown as %s', (metric, value, text) => {
    expect(valueText(metric, value)).toBe(text);
  });

  test.each<[string, unknown, string]>([
    ['accuracy', '200 ms', "what 'accuracy' is counted in is not known"],
    ['latency_p95', '50 MB', "counted in seconds, of which 'MB' is no unit; allowed: us"],
    ['accuracy', 'high', 'neither a number'],
    ['accuracy', {}, 'a rule needs threshold'],
    ['accuracy', { slices: 'size' }, 'a rule needs threshold'],
    ['accuracy', { non_inferiority_margin: -0.1 }, 'at least 0'],
    ['accuracy', { threshold: 0.9, groups: 'sex' }, 'only fairness metrics have groups'],
    ['equalized_odds_difference', { threshold: 0.1, slices: 'sex' }, 'has no slices'],
    ['equalized_odds_difference', { min_absolute_change: 0, groups: 'sex' }, "against a 'threshold' alone"],
    ['accuracy', { threshold: 0.9, slices: { columns: 'a', values: { b: ['x'] } } }, "'b' is none of"],
  ])('%s: %o is refused', (metric, written, why) => {
    const { error } = rulesSchema.safeParse({ [metric]: written });
    expect(error?.issues.map(({ message }) => message).join('; ')).toContain(why);
  });

  test('one rule for many metrics: an exact name first, then the first pattern that matches', () => {
    const rules = rulesSchema.parse({
      'class.*.recall': 0.8,
      'class.cat.recall': 0.9,
      '**.recall': 0.5,
      'no.*': 0,
    });
    const expanded = withoutPatterns(rules, ['class.dog.recall', 'class.cat.recall', 'a.b.recall', 'loss']);
    expect(Object.entries(expanded).map(([metric, { threshold }]) => [metric, threshold])).toEqual([
      ['class.dog.recall', 0.8],
      ['class.cat.recall', 0.9],
      ['a.b.recall', 0.5],
      ['no.*', 0],
    ]);
    const [record] = judge(rulesSchema.parse({ 'no.*': 0 }), {
      candidate: { metrics: { loss: 1 } },
      ...{ baseline: undefined, ifNoBaseline: 'warn' },
    });
    expect(record).toMatchObject({
      verdict: 'fail',
      explanation: "no metric matches 'no.*'; there are loss",
    });
  });
});

describe('what a training took', () => {
  const training = {
    model: { bytes: 48_000_000 },
    stages: [
      { outcome: 'ran', savedMs: 0 },
      { outcome: 'skipped', savedMs: 90_000 },
    ],
    durationMs: 10_000,
    resources: { cost: { amount: 2, currency: 'USD' }, energy: { wattHours: 800, co2Grams: null } },
  } as unknown as TrainingRecord;

  test.each<[string, unknown, Verdict]>([
    ['model_size', '50 MB', 'pass'],
    ['model_size', '45 MB', 'fail'],
    ['training_time', '100 s', 'pass'], // with the 90 s that the stage took when it ran
    ['training_time', '99 s', 'fail'],
    ['training_cost', '2 USD', 'pass'],
    ['training_cost', 1.99, 'fail'],
    ['training_energy', '0.8 kWh', 'pass'],
    ['training_co2', '5 kg', 'fail'], // not known
  ])('%s of %s: %s', (metric, bound, verdict) => {
    const rules = rulesSchema.parse({ [metric]: bound });
    const candidate = withBudgets({ metrics: {}, budgets: budgetsOf(training) }, rules);
    const [record] = judge(rules, { candidate, baseline: undefined, ifNoBaseline: 'warn' });
    expect(record?.verdict).toBe(verdict);
  });

  test('in another currency cannot be held against a bound', () => {
    expect(() => checkCurrency(rulesSchema.parse({ training_cost: '2 EUR' }), training)).toThrow(
      "the rule for 'training_cost' is in EUR, but costs are counted in USD",
    );
  });
});
