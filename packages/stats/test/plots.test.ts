import { jobRecordSchema } from '@mlops/core/record';
import { evaluate, metricNamed, plotsOf } from '@mlops/stats';
import { normal, random } from '@mlops/testkit/random';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { predictions } from './predictions.ts';
import { science } from './science.ts';

type Points = [number, number][];

const repeat = <T>(size: number, make: (i: number) => T): T[] =>
  Array.from({ length: size }, (_, i) => make(i));

/** Scores of so many decimals, by which labels are likely. */
function scored(size: number, seed: number, decimals: number) {
  const uniform = random(seed);
  const score = repeat(size, () => Number(uniform().toFixed(decimals)));
  return {
    score,
    label: score.map((one) => Number(uniform() < one)),
    prediction: score.map((one) => Number(one >= 0.5)),
    weight: repeat(size, () => Math.round(uniform() * 3)),
  };
}

test('curves, bins and confusions are those of scikit-learn', async () => {
  const given = [scored(150, 1, 12), scored(150, 2, 1)];
  const expected = await science<Record<'roc' | 'precisionRecall' | 'confusion' | 'calibration', Points>[]>(
    `
from sklearn import metrics as m
from sklearn.calibration import calibration_curve
def of(g):
    y, s, p, w = (np.array(g[name]) for name in ('label', 'score', 'prediction', 'weight'))
    fpr, tpr, _ = m.roc_curve(y, s, sample_weight=w, drop_intermediate=False)
    precision, recall, _ = m.precision_recall_curve(y, s, sample_weight=w)
    observed, predicted = calibration_curve(y, s, n_bins=15)
    return dict(roc=list(zip(fpr, tpr)), precisionRecall=list(zip(recall, precision))[::-1],
        confusion=m.confusion_matrix(y, p, sample_weight=w), calibration=list(zip(predicted, observed)))
answer([of(g) for g in given])
`,
    given,
  );
  for (const [i, columns] of given.entries()) {
    const weighted = plotsOf(predictions('binary', columns));
    const { roc, precisionRecall, confusion, calibration } = expected[i] as (typeof expected)[number];
    expect(weighted.confusion).toEqual({ classes: ['0', '1'], candidate: confusion });
    expectPoints(weighted.roc?.candidate, roc);
    expectPoints(weighted.precisionRecall?.candidate, precisionRecall);
    if (i > 0) continue; // On the edge between two bins scikit-learn has the lower one.
    const bins = plotsOf(predictions('binary', { ...columns, weight: undefined })).calibration?.candidate;
    expectPoints(
      bins?.map(({ predicted, observed }): [number, number] => [predicted, observed]),
      calibration,
    );
    expect(bins?.reduce((sum, { examples }) => sum + examples, 0)).toBe(150);
  }
});

/** The same to five decimals. */
function expectPoints(found: Points | undefined, expected: Points): void {
  expect(found).toHaveLength(expected.length);
  const far = found?.filter((point, i) =>
    point.some((value, axis) => Math.abs(value - (expected[i]?.[axis] as number)) > 5.001e-6),
  );
  expect(far).toEqual([]);
}

test('a curve of many points keeps its shape and its ends with 200', () => {
  const given = predictions('binary', { ...scored(20_000, 3, 12), weight: undefined });
  const roc = plotsOf(given).roc?.candidate as Points;
  const area = evaluate(
    (metricNamed('roc_auc') as NonNullable<ReturnType<typeof metricNamed>>).statistic(given),
  );
  expect(roc).toHaveLength(200);
  expect([roc[0], roc.at(-1)]).toEqual([
    [0, 0],
    [1, 1],
  ]);
  expect(areaBelow(roc)).toBeCloseTo(area, 3);
});

test('a curve starts at none and ends at all, and never turns back', () => {
  const example = fc.record({
    label: fc.integer({ min: 0, max: 1 }),
    score: fc.double({ min: -1, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(example, { minLength: 2, maxLength: 600 }), (examples) => {
      const label = examples.map((one) => one.label);
      fc.pre(new Set(label).size === 2);
      const given = predictions('binary', { label, score: examples.map((one) => one.score) });
      const { roc, precisionRecall } = plotsOf(given);
      for (const points of [roc?.candidate, precisionRecall?.candidate] as Points[]) {
        expect(points.length).toBeLessThanOrEqual(200);
        expect(points.every(([x], i) => i === 0 || x >= (points[i - 1]?.[0] as number))).toBe(true);
        expect([points[0]?.[0], points.at(-1)?.[0]]).toEqual([0, 1]);
      }
      expect(roc?.candidate.every(([, y], i, all) => i === 0 || y >= (all[i - 1]?.[1] as number))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

function areaBelow(points: Points): number {
  return points.reduce((sum, [x, y], i) => {
    const [x0, y0] = points[i - 1] ?? [x, y];
    return sum + ((x - x0) * (y + y0)) / 2;
  }, 0);
}

test('the baseline is drawn beside the candidate', () => {
  const [candidate, baseline] = [scored(50, 4, 3), scored(50, 5, 3)].map((columns) =>
    predictions('binary', columns),
  ) as [ReturnType<typeof predictions>, ReturnType<typeof predictions>];
  const [plots, alone] = [plotsOf(candidate, baseline), plotsOf(baseline)];
  expect(Object.keys(plots)).toEqual(['confusion', 'roc', 'precisionRecall', 'calibration']);
  expect(plots.roc?.baseline).toEqual(alone.roc?.candidate);
  expect(plots.confusion?.baseline).toEqual(alone.confusion?.candidate);
  expect(plots.calibration?.baseline).toEqual(alone.calibration?.candidate);
});

test('of more than 100 classes the most confused are kept, and the others counted together', () => {
  const classes = repeat(300, (i) => `class ${i}`);
  const label = repeat(600, (i) => i % 300);
  // Those from 250 on are taken for the one before.
  const prediction = label.map((c) => (c >= 250 ? c - 1 : c));
  const confusion = plotsOf(predictions('multiclass', { label, prediction, classes })).confusion;
  expect(confusion?.classes).toHaveLength(100);
  expect(confusion?.classes).toEqual(
    expect.arrayContaining(['class 249', 'class 299', 'the other 201 classes']),
  );
  const at = (name: string) => confusion?.classes.indexOf(name) as number;
  expect(confusion?.candidate[at('class 260')]?.[at('class 259')]).toBe(2);
  expect(confusion?.candidate.flat().reduce((sum, count) => sum + count, 0)).toBe(600);
});

test('residuals are of 500 examples that are spread over the true values, the same of both models', () => {
  const uniform = random(6);
  const label = repeat(5_000, () => normal(uniform) * 10);
  const [candidate, baseline] = [1, 2].map((error) =>
    predictions('regression', { label, prediction: label.map((one) => one + error) }),
  ) as [ReturnType<typeof predictions>, ReturnType<typeof predictions>];
  const { residuals } = plotsOf(candidate, baseline);
  expect(residuals?.candidate).toHaveLength(500);
  const truths = residuals?.candidate.map(([truth]) => truth) as number[];
  expect([truths[0], truths.at(-1)]).toEqual([Math.min(...label), Math.max(...label)]);
  expect(residuals?.baseline?.map(([truth]) => truth)).toEqual(truths);
});

test.each([
  ['scores of one class', predictions('binary', { label: [1, 1], score: [0.2, 0.9] }), ['calibration']],
  [
    'scores that are no probabilities',
    predictions('binary', { label: [0, 1], score: [-3, 3] }),
    ['roc', 'precisionRecall'],
  ],
  [
    'positives that count nothing',
    predictions('binary', { label: [0, 1], score: [0.2, 0.9], weight: [1, 0] }),
    ['calibration'],
  ],
  ['no example', predictions('regression', { label: [], prediction: [] }), []],
  ['a ranking', predictions('ranking', { label: [1, 0], score: [1, 2], query: [0, 0] }), []],
  ['one number', predictions('regression', { label: [1], prediction: [2] }), ['residuals']],
])('of %s is drawn what there is', (_, given, names) => {
  expect(Object.keys(plotsOf(given))).toEqual(names);
});

test('plots fit into a record', () => {
  const plots = plotsOf(predictions('binary', scored(1_000, 7, 12)));
  const schema = jobRecordSchema.shape.gates.element.shape.plots;
  expect(schema.parse(JSON.parse(JSON.stringify(plots)))).toEqual(plots);
});
