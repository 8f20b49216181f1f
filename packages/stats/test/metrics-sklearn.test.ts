import type { Task } from '@mlops/stats';
import { normal, random } from '@mlops/testkit/random';
import { expect, test } from 'vitest';
import { predictions, valueIn } from './predictions.ts';
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
        of_query = lambda q: w[queries == q][0] if w is not None else 1
        return np.average([of(q) for q in np.unique(queries)], weights=[of_query(q) for q in np.unique(queries)])
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
    ...['log_loss', 'brier', 'top_1_accuracy', 'top_2_accuracy', 'top_3_accuracy', 'top_4_accuracy'],
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
      ...(weighted && { weight: query.map((one) => (one % 3) + 0.5) }),
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
  {
    ...{ name: 'certain and wrong', task: 'multiclass' },
    given: {
      ...{ label: [0, 1, 2], prediction: [0, 2, 1], classes: ['a', 'b', 'c'] },
      score: [1, 0, 0, 0, 0, 1, 0, 1, 0],
    },
  },
  {
    ...{ name: 'one true class', task: 'multiclass' },
    given: {
      ...{ label: [0, 0], prediction: [0, 1], classes: ['a', 'b', 'c'] },
      score: [0.8, 0.1, 0.1, 0.2, 0.6, 0.2],
    },
  },
  {
    ...{ name: 'equal scores of all classes', task: 'multiclass' },
    given: {
      ...{ label: [0, 1, 2], prediction: [0, 0, 0], classes: ['a', 'b', 'c'] },
      score: new Array(9).fill(1 / 3),
    },
  },
  {
    ...{ name: 'weights of 0', task: 'binary' },
    given: {
      ...{ label: [0, 1, 1, 0, 1], prediction: [0, 1, 0, 1, 1], score: [0.1, 0.9, 0.3, 0.6, 0.6] },
      weight: [1, 0, 2, 0.5, 3],
    },
  },
  {
    ...{ name: 'huge targets that differ little', task: 'regression' },
    given: {
      label: repeat(50, (i) => 1e9 + (i % 7)),
      prediction: repeat(50, (i) => 1e9 + (i % 5)),
      weight: repeat(50, (i) => 1 + (i % 3)),
    },
  },
  { name: 'all met', task: 'regression', given: { label: [-1, 0, 5], prediction: [-1, 0, 5] } },
  { name: 'always the mean', task: 'regression', given: { label: [1, 2, 3], prediction: [2, 2, 2] } },
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
  ...[30, 31].map((seed) => randomCase('ranking', seed, 80, seed === 31)),
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

test('the calibration error is that of its definition, bin by bin', async () => {
  const uniform = random(40);
  const label = repeat(400, () => Math.floor(uniform() * 3));
  const rows = label.map(() => {
    const row = repeat(3, () => uniform());
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((one) => one / sum);
  });
  const weight = repeat(400, () => uniform());
  const binary = { label: label.map((one) => Number(one > 0)), score: rows.map(([first]) => first), weight };
  const several = { label, score: rows.flat(), weight, classes: ['a', 'b', 'c'] };
  const expected = await science<number[]>(
    `
def ece(stated, happened, weight, bins):
    inside = [(stated >= b / bins) & (stated < (b + 1) / bins) for b in range(bins)]
    gap = lambda at: abs(np.average(happened[at], weights=weight[at]) - np.average(stated[at], weights=weight[at]))
    return sum(weight[at].sum() * gap(at) for at in inside if at.any()) / weight.sum()
binary, several = given
w = np.array(binary['weight']); s = np.array(several['score']).reshape(-1, 3)
parts = [(np.array(binary['score']), np.array(binary['label'])), (s.max(axis=1), s.argmax(axis=1) == several['label'])]
answer([ece(stated, happened, w, bins) for stated, happened in parts for bins in (15, 10)])
`,
    [binary, several],
  );
  const found = [predictions('binary', binary), predictions('multiclass', several)].flatMap((given) =>
    ['ece', 'ece@10'].map((name) => valueIn(name, given)),
  );
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i] as number, 12);
});

test('average precision over queries is the mean over all orders of documents with one score', async () => {
  const uniform = random(41);
  const documents = repeat(60, (i) => ({
    query: Math.floor(i / 6),
    label: Number(uniform() < 0.4),
    score: Math.floor(uniform() * 3),
  }));
  const cuts = [1, 2, 3, 4, 6, 100];
  const expected = await science<number[]>(
    `
from itertools import permutations
from sklearn.metrics import average_precision_score
def at(k, labels):
    hits = np.cumsum(labels); most = min(k, sum(labels))
    return sum(hits[i] / (i + 1) for i in range(min(k, len(labels))) if labels[i]) / most if most else 0
def of(k, documents):
    orders = [o for o in permutations(documents) if all(a['score'] >= b['score'] for a, b in zip(o, o[1:]))]
    return np.mean([at(k, [d['label'] for d in o]) for o in orders])
queries = [[d for d in given['documents'] if d['query'] == q] for q in range(10)]
untied = [average_precision_score([d['label'] for d in q], [-i for i in range(len(q))]) if any(d['label'] for d in q) else 0 for q in queries]
answer([np.mean([of(k, q) for q in queries]) for k in given['cuts']] + [np.mean(untied)])
`,
    { documents, cuts },
  );
  const columns = {
    label: documents.map(({ label }) => label),
    query: documents.map(({ query }) => query),
  };
  const tied = predictions('ranking', { ...columns, score: documents.map(({ score }) => score) });
  const untied = predictions('ranking', { ...columns, score: documents.map((_, i) => -i) });
  const found = [...cuts.map((k) => valueIn(`map@${k}`, tied)), valueIn('map', untied)];
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i] as number, 12);
});
