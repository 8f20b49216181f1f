import type { RuleRecord } from '@mlops/core/record';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Evidence, isPassed, judge, type Verdict, verdictOf } from '../src/judge.ts';
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
  const metrics = (value: number | undefined) => (value === undefined ? { other: 1 } : { m: value });
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
      candidate: { accuracy: 1, loss: 2 },
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
          expect(isPassed(judged({ rule, candidate, baseline, verdict: 'fail' }).verdict)).toBe(false);
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

  test('lets pass and warn through, and nothing else', () => {
    expect((['pass', 'warn', 'fail', 'inconclusive'] as const).map(isPassed)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
