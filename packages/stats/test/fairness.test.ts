import { examplesAt } from '@mlops/stats';
import { fairnessMetrics, fairnessProblem, groupRates } from '@mlops/stats/fairness';
import { random } from '@mlops/testkit/random';
import { describe, expect, test } from 'vitest';
import { predictions, valueIn } from './predictions.ts';
import { science } from './science.ts';

/** 400 examples of three groups, a tenth of them in the last, with weights that are given or not. */
function people(weighted: boolean) {
  const next = random(7);
  const size = 400;
  const group = Int32Array.from({ length: size }, (_, i) => (i % 10 === 0 ? 2 : i % 2));
  const label = Array.from({ length: size }, () => Number(next() < 0.4));
  const prediction = label.map((one, i) => (next() < 0.15 + 0.05 * (group[i] as number) ? 1 - one : one));
  const weight = weighted ? label.map(() => 0.5 + next()) : undefined;
  const given = { label, prediction, ...(weight && { weight }) };
  return { group, given, table: predictions('binary', { ...given, classes: ['0', '1'] }) };
}

describe.each([false, true])('groups, with weights: %s', (weighted) => {
  const { group, given, table } = people(weighted);

  test('have the rates that scikit-learn finds in each', async () => {
    const expected = await science<number[][]>(
      `from sklearn.metrics import recall_score
g = np.array(given['group']); y = np.array(given['label']); p = np.array(given['prediction'])
w = np.array(given['weight']) if 'weight' in given else np.ones(len(y))
def rates(k):
    m = g == k
    return [np.average(p[m], weights=w[m]), recall_score(y[m], p[m], sample_weight=w[m]), 1 - recall_score(y[m], p[m], pos_label=0, sample_weight=w[m])]
answer([[float(one) for one in rates(k)] for k in range(3)])`,
      { ...given, group: [...group] },
    );
    const [selected] = groupRates('demographic_parity_difference', table, group, 3);
    const [found, alarms] = groupRates('equalized_odds_difference', table, group, 3);
    const rates = [selected, found, alarms].map((one) =>
      one?.groups.map(({ successes, size }) => successes / size),
    );
    for (const [k, one] of expected.entries())
      for (const [r, rate] of one.entries()) expect(rates[r]?.[k]).toBeCloseTo(rate, 9);
    expect(groupRates('equal_opportunity_difference', table, group, 3)).toEqual([found]);
  });

  test('count as many examples as there are, or as weights are worth', () => {
    const [selected] = groupRates('demographic_parity_difference', table, group, 3);
    const sizes = selected?.groups.map(({ size }) => size) ?? [];
    const counts = [0, 1, 2].map((k) => group.filter((one) => one === k).length);
    if (!weighted) expect(sizes).toEqual(counts);
    else
      for (const [k, size] of sizes.entries()) {
        expect(size).toBeLessThan(counts[k] as number);
        expect(size).toBeGreaterThan(0.8 * (counts[k] as number));
      }
  });

  test('as examples of their own have the metrics that scikit-learn finds', async () => {
    const names = ['accuracy', 'recall', 'precision', 'f1', 'balanced_accuracy'];
    const expected = await science<number[][]>(
      `from sklearn import metrics as m
g = np.array(given['group']); y = np.array(given['label']); p = np.array(given['prediction'])
w = np.array(given['weight']) if 'weight' in given else np.ones(len(y))
scores = [m.accuracy_score, m.recall_score, m.precision_score, m.f1_score, m.balanced_accuracy_score]
answer([[float(score(y[g == k], p[g == k], sample_weight=w[g == k])) for score in scores] for k in range(3)])`,
      { ...given, group: [...group] },
    );
    for (const [k, values] of expected.entries()) {
      const rows = Int32Array.from([...group.keys()].filter((i) => group[i] === k));
      const part = examplesAt(table, rows);
      for (const [n, name] of names.entries())
        expect(valueIn(name, part)).toBeCloseTo(values[n] as number, 9);
    }
  });
});

test('rankings cut into slices keep whole queries apart', () => {
  const table = predictions('ranking', {
    ...{ label: [3, 2, 0, 1, 3, 0], score: [0.9, 0.8, 0.1, 0.7, 0.2, 0.3], query: [0, 0, 0, 4, 4, 4] },
  });
  const part = examplesAt(table, Int32Array.of(3, 4, 5));
  expect([...(part.query ?? [])]).toEqual([0, 0, 0]);
  // Ranked 1, 0, 3; at best 3, 1, 0.
  expect(valueIn('ndcg@10', part)).toBeCloseTo((1 + 3 / Math.log2(4)) / (3 + 1 / Math.log2(3)), 12);
});

test('no fairness without two classes and what was predicted', () => {
  const numbers = predictions('regression', { label: [1.5, 2], prediction: [1, 2] });
  for (const metric of fairnessMetrics)
    expect(fairnessProblem(metric, numbers)).toContain('a metric of binary tasks');
});
