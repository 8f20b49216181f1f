import { ascending } from '../order.ts';
import type { Predictions } from '../predictions.ts';
import type { Statistic } from '../statistic.ts';
import { type MetricDefinition, meanOf, metric } from './definition.ts';

/**
 * Metrics of documents in the order of their scores, a value for each query: `ndcg`, `map`, `ndcg@10`, `map@10`. An
 * example is a query with all its documents, so resamples are of queries, and weights are of queries too.
 */
export function rankingMetric(name: string): MetricDefinition | undefined {
  const [, kind, cut] = /^(ndcg|map)(?:@([1-9]\d{0,5}))?$/.exec(name) ?? [];
  if (!kind) return undefined;
  const k = cut ? Number(cut) : Number.POSITIVE_INFINITY;
  const upTo = cut ? ` of the first ${cut} documents` : '';
  return metric({
    ...{ name, greaterIsBetter: true, range: [0, 1], tasks: ['ranking'], needs: ['score', 'query'] },
    description:
      kind === 'ndcg'
        ? `Normalised discounted cumulative gain${upTo}, the mean over the queries (Järvelin and Kekäläinen, 2002).`
        : `Average precision${upTo}, the mean over the queries; relevant is what is above 0.`,
    unless: (predictions) =>
      predictions.label.some((relevance) => relevance < 0)
        ? 'a relevance is below 0'
        : differentWeights(predictions),
    statistic: (predictions) => meanOverQueries(predictions, kind === 'ndcg' ? ndcg(k) : averagePrecision(k)),
  });
}

/** The value of one query from its documents' relevances and scores, the highest score first. */
type OfQuery = (relevance: Float64Array, score: Float64Array) => number;

function meanOverQueries(predictions: Predictions, of: OfQuery): Statistic {
  const { starts, relevance, score } = sortedQueries(predictions);
  const size = starts.length - 1;
  const values = new Float64Array(size);
  for (let q = 0; q < size; q++) {
    const [from, to] = [starts[q], starts[q + 1]];
    values[q] = of(relevance.subarray(from, to), score.subarray(from, to));
  }
  const weight = predictions.weight && byQuery(predictions, predictions.weight, (w) => w);
  return meanOf({ ...predictions, size, weight }, (q) => values[q] as number);
}

function differentWeights({ query, weight }: Predictions): string | undefined {
  if (!query || !weight) return undefined;
  const first = new Map<number, number>();
  const odd = query.findIndex((q, i) => {
    if (!first.has(q)) first.set(q, weight[i] as number);
    return first.get(q) !== weight[i];
  });
  return odd < 0
    ? undefined
    : `a query counts as a whole, and row ${odd + 1} has the weight ${weight[odd]} where another of its query has ${first.get(query[odd] as number)}`;
}

/** A value of each query: those of its documents, one after the other. */
export function byQuery(
  { query = new Int32Array() }: Predictions,
  values: Float64Array,
  together: (value: number, before: number) => number,
): Float64Array {
  const all = new Float64Array(queriesIn(query)).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < query.length; i++) {
    const q = query[i] as number;
    all[q] = together(values[i] as number, all[q] as number);
  }
  return all;
}

/** The documents query by query, and in each the highest score first. */
function sortedQueries({ query = new Int32Array(), label, score = new Float64Array() }: Predictions) {
  const starts = new Uint32Array(queriesIn(query) + 1);
  for (const q of query) starts[q + 1] = (starts[q + 1] as number) + 1;
  for (let q = 1; q < starts.length; q++) starts[q] = (starts[q] as number) + (starts[q - 1] as number);
  const next = starts.slice();
  const [relevances, scores] = [new Float64Array(label.length), new Float64Array(label.length)];
  const order = ascending(score);
  for (let rank = order.length - 1; rank >= 0; rank--) {
    const document = order[rank] as number;
    const q = query[document] as number;
    const at = next[q] as number;
    relevances[at] = label[document] as number;
    scores[at] = score[document] as number;
    next[q] = at + 1;
  }
  return { starts, relevance: relevances, score: scores };
}

function queriesIn(query: Int32Array): number {
  return query.reduce((most, q) => Math.max(most, q + 1), 0);
}

/**
 * As sklearn.metrics.ndcg_score: linear gains, documents of one score share their discounts; a query without gain has 0.
 * A query of one document, which scikit-learn refuses, has 1 if that is relevant.
 */
function ndcg(k: number): OfQuery {
  return (relevance, score) => {
    const best = Float64Array.from(relevance).sort().reverse();
    const ideal = gain(best, best, k);
    return ideal === 0 ? 0 : gain(relevance, score, k) / ideal;
  };
}

function gain(relevance: Float64Array, score: Float64Array, k: number): number {
  let sum = 0;
  for (const [from, to] of ties(score, k)) {
    let [gains, discounts] = [0, 0];
    for (let i = from; i < to; i++) {
      gains += relevance[i] as number;
      if (i < k) discounts += 1 / Math.log2(i + 2);
    }
    sum += (gains / (to - from)) * discounts;
  }
  return sum;
}

/**
 * Of the first `k`, over as many relevant ones as could be among them; a query without a relevant one has 0. Documents of
 * one score are in any order, so theirs is the mean over all orders (McSherry and Najork, 2008).
 */
function averagePrecision(k: number): OfQuery {
  return (relevance, score) => {
    const isRelevant = (i: number) => Number((relevance[i] as number) > 0);
    let [before, sum] = [0, 0];
    for (const [from, to] of ties(score, k)) {
      const tied = to - from;
      let relevant = 0;
      for (let i = from; i < to; i++) relevant += isRelevant(i);
      // Of the other documents of this score, so many are relevant on average.
      const share = tied > 1 ? (relevant - 1) / (tied - 1) : 0;
      for (let i = from; i < Math.min(to, k); i++)
        sum += ((relevant / tied) * (before + 1 + (i - from) * share)) / (i + 1);
      before += relevant;
    }
    let all = 0;
    for (let i = 0; i < relevance.length; i++) all += isRelevant(i);
    return all === 0 ? 0 : sum / Math.min(k, all);
  };
}

/** From and to of each run of equal scores that begins among the first `k`. */
function* ties(score: Float64Array, k: number): Generator<[from: number, to: number]> {
  for (let from = 0; from < Math.min(k, score.length); ) {
    let to = from + 1;
    while (to < score.length && score[to] === score[from]) to++;
    yield [from, to];
    from = to;
  }
}
