import { evaluate, metricNamed, metricNames, metricsOf, type Predictions, type Task } from '@mlops/stats';
import { describe, expect, test } from 'vitest';
import { normal, predictions, random } from './predictions.ts';
import { science } from './science.ts';

interface Case {
  name: string;
  task: Task;
  given: { label: number[] } & Record<string, unknown>;
}

/** scikit-learn's value of each metric; null where it has none, or answers only with a warning that it is undefined. */
const sklearn = `
import warnings
from sklearn import metrics as m
from sklearn.exceptions import UndefinedMetricWarning

def value(name, case):
    g, task = case['given'], case['task']
    y = np.array(g['label']); w = np.array(g['weight']) if 'weight' in g else None
    p = np.array(g['prediction']) if 'prediction' in g else None
    classes = list(range(len(g['classes']))) if 'classes' in g else [0, 1]
    s = np.array(g['score']) if 'score' in g else None
    if s is not None and task == 'multiclass': s = s.reshape(len(y), -1)
    base, _, at = name.partition('@')
    if task == 'ranking':
        queries = np.array(g['query']); k = int(at) if at else None
        of = lambda q: m.ndcg_score([y[queries == q]], [s[queries == q]], k=k)
        return np.mean([of(q) for q in np.unique(queries)])
    if name == 'rmse': return m.root_mean_squared_error(y, p, sample_weight=w)
    if name == 'mae': return m.mean_absolute_error(y, p, sample_weight=w)
    if name == 'mape': return m.mean_absolute_percentage_error(y, p, sample_weight=w)
    if name == 'r2': return m.r2_score(y, p, sample_weight=w)
    if name == 'median_absolute_error': return m.median_absolute_error(y, p) if w is None else np.nan  # not offered with weights
    if base == 'quantile_loss': return m.mean_pinball_loss(y, p, sample_weight=w, alpha=float(at))
    if name == 'accuracy': return m.accuracy_score(y, p, sample_weight=w)
    if name == 'balanced_accuracy': return m.balanced_accuracy_score(y, p, sample_weight=w)
    if name == 'mcc': return m.matthews_corrcoef(y, p, sample_weight=w)
    if name == 'cohen_kappa': return m.cohen_kappa_score(y, p, sample_weight=w)
    if name == 'specificity': return m.recall_score(y, p, pos_label=0, sample_weight=w, zero_division=np.nan)
    if name == 'selection_rate': return np.average(p == 1, weights=w)
    for score, f in dict(precision=m.precision_score, recall=m.recall_score, f1=m.f1_score).items():
        if name == score: return f(y, p, sample_weight=w, zero_division=np.nan)
        if name.startswith(score + '['):
            return f(y, p, labels=[g['classes'].index(name[len(score) + 1:-1])], average=None, sample_weight=w, zero_division=np.nan)[0]
        for average in 'macro', 'micro', 'weighted':
            if name == score + '_' + average: return f(y, p, average=average, sample_weight=w, zero_division=0)
    if name == 'roc_auc': return m.roc_auc_score(y, s, sample_weight=w)
    if name == 'pr_auc': return m.average_precision_score(y, s, sample_weight=w) if (y == 1).any() and (y == 0).any() else np.nan
    if name.startswith('roc_auc_ovr_'): return m.roc_auc_score(y, s, multi_class='ovr', average=name[12:], sample_weight=w, labels=classes)
    if name == 'pr_auc_macro' and len(np.unique(y)) < len(classes): return np.nan  # a class without examples counts 0
    if name == 'pr_auc_macro': return np.mean([m.average_precision_score(y == c, s[:, c], sample_weight=w) for c in classes])
    if name == 'log_loss': return m.log_loss(y, s, sample_weight=w, labels=classes)
    if name == 'brier': return m.brier_score_loss(y, s, sample_weight=w, labels=classes)
    if name.startswith('top_'): return m.top_k_accuracy_score(y, s, k=int(name.split('_')[1]), labels=classes, sample_weight=w)
    raise ValueError(name)

def guarded(name, case):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', UndefinedMetricWarning)
            return value(name, case)
    except (ValueError, UndefinedMetricWarning) as error:
        if str(error) == name: raise
        return np.nan

answer([{name: guarded(name, case) for name in case['names']} for case in given])
`;

const classificationNames = ['accuracy', 'balanced_accuracy', 'mcc', 'cohen_kappa'].concat(
  ['precision', 'recall', 'f1'].flatMap((name) =>
    ['macro', 'micro', 'weighted'].map((how) => `${name}_${how}`),
  ),
);
const names: Readonly<Record<Task, readonly string[]>> = {
  binary: [
    ...classificationNames,
    ...[
      'precision',
      'recall',
      'f1',
      'specificity',
      'selection_rate',
      'roc_auc',
      'pr_auc',
      'log_loss',
      'brier',
    ],
  ],
  multiclass: [
    ...classificationNames,
    ...['precision[a]', 'recall[b]', 'f1[c]', 'roc_auc_ovr_macro', 'roc_auc_ovr_weighted', 'pr_auc_macro'],
    ...['log_loss', 'brier', 'top_1_accuracy', 'top_2_accuracy'],
  ],
  regression: [
    'rmse',
    'mae',
    'mape',
    'r2',
    'median_absolute_error',
    'quantile_loss@0.9',
    'quantile_loss@0.1',
  ],
  ranking: ['ndcg', 'ndcg@3', 'ndcg@10'],
};

const repeat = <T>(size: number, make: (i: number) => T): T[] =>
  Array.from({ length: size }, (_, i) => make(i));

/** Rounded scores have ties. */
function randomCase(task: Task, seed: number, size: number, weighted: boolean): Case {
  const uniform = random(seed);
  const name = `${task}, ${size} examples, seed ${seed}${weighted ? ', weighted' : ''}`;
  const weight = weighted ? { weight: repeat(size, () => uniform() * 3) } : {};
  const rounded = (value: number) => Math.round(value * 20) / 20;
  if (task === 'binary') {
    const score = repeat(size, () => rounded(uniform()));
    const label = score.map((one) => Number(uniform() < one));
    return {
      name,
      task,
      given: { label, score, prediction: score.map((one) => Number(one >= 0.5)), ...weight },
    };
  }
  if (task === 'multiclass') {
    const rows = repeat(size, () => {
      const row = repeat(4, () => rounded(uniform()) + 0.05);
      const sum = row.reduce((a, b) => a + b, 0);
      return row.map((one) => one / sum);
    });
    const prediction = rows.map((row) => row.indexOf(Math.max(...row)));
    const label = prediction.map((one) => (uniform() < 0.6 ? one : Math.floor(uniform() * 4)));
    return {
      name,
      task,
      given: { label, prediction, score: rows.flat(), classes: ['a', 'b', 'c', 'd'], ...weight },
    };
  }
  if (task === 'regression') {
    const label = repeat(size, () => 1000 + normal(uniform) * 5);
    return { name, task, given: { label, prediction: label.map((one) => one + normal(uniform)), ...weight } };
  }
  const query = repeat(size, () => Math.floor(uniform() * Math.max(1, size / 8)));
  const used = [...new Set(query)];
  return {
    ...{ name, task },
    given: {
      label: repeat(size, () => Math.floor(uniform() * 4)),
      score: repeat(size, () => rounded(uniform())),
      query: query.map((one) => used.indexOf(one)),
    },
  };
}

const randomCases = (['binary', 'multiclass', 'regression'] as const).flatMap((task) =>
  [5, 40, 300].flatMap((size, i) =>
    [false, true].map((weighted) => randomCase(task, 10 * i + Number(weighted), size, weighted)),
  ),
);
const degenerate: Case[] = [
  { name: 'all right', task: 'binary', given: { label: [0, 1, 1], prediction: [0, 1, 1], score: [0, 1, 1] } },
  { name: 'all wrong', task: 'binary', given: { label: [0, 1, 1], prediction: [1, 0, 0], score: [1, 0, 0] } },
  {
    name: 'one score',
    task: 'binary',
    given: { label: [0, 1, 1], prediction: [1, 1, 1], score: [0.5, 0.5, 0.5] },
  },
  {
    name: 'no positive',
    task: 'binary',
    given: { label: [0, 0, 0], prediction: [0, 1, 0], score: [0.1, 0.8, 0.2] },
  },
  { name: 'no negative', task: 'binary', given: { label: [1, 1], prediction: [0, 1], score: [0.1, 0.8] } },
  { name: 'none predicted', task: 'binary', given: { label: [0, 1], prediction: [0, 0], score: [0.1, 0.3] } },
  { name: 'one example', task: 'binary', given: { label: [1], prediction: [1], score: [0.7] } },
  {
    ...{ name: 'a class that is never predicted', task: 'multiclass' },
    given: {
      ...{ label: [0, 1, 2], prediction: [0, 1, 1], classes: ['a', 'b', 'c'] },
      score: [0.8, 0.1, 0.1, 0.2, 0.6, 0.2, 0.1, 0.5, 0.4],
    },
  },
  {
    ...{ name: 'a class that is only predicted', task: 'multiclass' },
    given: {
      ...{ label: [0, 1, 1], prediction: [0, 1, 2], classes: ['a', 'b', 'c'] },
      score: [0.8, 0.1, 0.1, 0.2, 0.6, 0.2, 0.1, 0.4, 0.5],
    },
  },
  { name: 'constant target', task: 'regression', given: { label: [3, 3, 3], prediction: [3, 2, 4] } },
  { name: 'constant target, met', task: 'regression', given: { label: [3, 3, 3], prediction: [3, 3, 3] } },
  { name: 'zero among the targets', task: 'regression', given: { label: [0, 1], prediction: [0.5, 1] } },
  { name: 'one number', task: 'regression', given: { label: [2], prediction: [3] } },
  {
    name: 'no gain',
    task: 'ranking',
    given: { label: [0, 0, 1, 0], score: [1, 2, 3, 4], query: [0, 0, 1, 1] },
  },
];
const cases = [
  ...randomCases,
  ...[30, 31].map((seed) => randomCase('ranking', seed, 80, false)),
  ...degenerate,
];

test('every metric is what scikit-learn computes, and undefined where it says so', async () => {
  const asked = cases.map((one) => ({ ...one, names: names[one.task] }));
  const expected = await science<Record<string, number | null>[]>(sklearn, asked);
  const found = asked.map(({ task, given, names }) =>
    Object.fromEntries(names.map((name) => [name, valueIn(name, predictions(task, given))])),
  );
  const different = cases.flatMap(({ name }, i) =>
    Object.entries(expected[i] ?? {}).flatMap(([metric, value]) => {
      const own = found[i]?.[metric] ?? null;
      return agree(own, value) ? [] : [`${metric} of ${name}: ${own}, and scikit-learn has ${value}`];
    }),
  );
  expect(different).toEqual([]);
}, 300_000);

function agree(a: number | null, b: number | null): boolean {
  return a === null || b === null ? a === b : Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
}

/** Null where it is not defined. */
function valueIn(name: string, given: Predictions): number | null {
  const definition = metricNamed(name);
  if (!definition) throw new Error(`there is no metric ${name}`);
  if (definition.problem(given)) return null;
  const value = evaluate(definition.statistic(given));
  return Number.isFinite(value) ? value : null;
}

describe('by hand', () => {
  test('average precision at k is over as many relevant documents as could be among the first k', () => {
    const given = predictions('ranking', { label: [1, 0, 1, 1], score: [4, 3, 2, 1], query: [0, 0, 0, 0] });
    expect(valueIn('map@2', given)).toBeCloseTo(1 / 2, 12);
    expect(valueIn('map', given)).toBeCloseTo((1 + 2 / 3 + 3 / 4) / 3, 12);
  });

  test('the calibration error is the distance of probabilities from shares in each bin', () => {
    const given = predictions('binary', { label: [1, 0, 1, 1], score: [0.1, 0.1, 0.9, 0.9] });
    expect(valueIn('ece@2', given)).toBeCloseTo((0.8 + 0.2) / 4, 12);
  });

  test('latencies are seconds at a percentile', () => {
    const latency = Array.from({ length: 101 }, (_, i) => i / 100);
    const given = predictions('regression', { label: latency, prediction: latency, latency });
    expect(valueIn('latency_p95', given)).toBeCloseTo(0.95, 12);
    expect(valueIn('latency_mean', given)).toBeCloseTo(0.5, 12);
  });
});

describe('a metric that cannot be computed', () => {
  test.each([
    [
      'rmse',
      predictions('binary', { label: [0, 1] }),
      "'rmse' is a metric of regression tasks, and this is binary",
    ],
    [
      'roc_auc',
      predictions('binary', { label: [0, 1] }),
      "'roc_auc' needs the column 'score', which the predictions lack",
    ],
    [
      'log_loss',
      predictions('binary', { label: [0, 1], score: [0.1, 7] }),
      'the score 7 of example 2 is no probability',
    ],
    ['accuracy', predictions('binary', { label: [], prediction: [] }), 'there are no examples'],
    [
      'recall[x]',
      predictions('binary', { label: [1], prediction: [1] }),
      "there is no class 'x'; there are 0, 1",
    ],
  ])('%s says why', (name, given, problem) => {
    expect(metricNamed(name)?.problem(given)).toBe(problem);
  });
});

test('every name that is listed is a metric, and what is none is undefined', () => {
  expect(metricNames.filter((name) => metricNamed(name)?.name !== name)).toEqual([]);
  for (const name of [
    'constructor',
    'toString',
    'accuracyy',
    'top_0_accuracy',
    'latency_p',
    'quantile_loss@1.5',
    'test.accuracy',
  ])
    expect(metricNamed(name), name).toBeUndefined();
});

test('the usual metrics are those that the columns allow', () => {
  const given = predictions('binary', { label: [0, 1, 1], prediction: [0, 1, 0] });
  expect(metricsOf(given).map(({ name }) => name)).toEqual([
    ...['accuracy', 'balanced_accuracy', 'precision', 'recall', 'specificity', 'f1'],
  ]);
});
