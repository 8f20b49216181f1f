import { ascending } from '../order.ts';
import type { Predictions } from '../predictions.ts';
import type { Statistic } from '../statistic.ts';
import { type MetricDefinition, metric } from './definition.ts';

/** Metrics of documents in the order of their scores, a value for each query; resamples are of queries. */
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
    unless: ({ label }) => (label.some((relevance) => relevance < 0) ? 'a relevance is below 0' : undefined),
    statistic: (predictions) => meanOverQueries(predictions, kind === 'ndcg' ? ndcg(k) : averagePrecision(k)),
  });
}

/** Relevances of one query, best score first, with the scores. */
type OfQuery = (relevance: readonly number[], score: readonly number[]) => number;

function meanOverQueries({ label, score, query }: Predictions, of: OfQuery): Statistic {
  const order = ascending(score ?? new Float64Array()).reverse();
  const queries: { relevance: number[]; score: number[] }[] = [];
  for (const i of order) {
    const at = query?.[i] as number;
    queries[at] ??= { relevance: [], score: [] };
    queries[at].relevance.push(label[i] as number);
    queries[at].score.push(score?.[i] as number);
  }
  const values = Float64Array.from(queries, (one) => of(one.relevance, one.score));
  return {
    ...{
      kind: 'sums',
      columns: [values, new Float64Array(values.length).fill(1)],
      cell: undefined,
      cells: 1,
    },
    value: (totals) => (totals[0] as number) / (totals[1] as number),
  };
}

/** As sklearn.metrics.ndcg_score: linear gains, ties share theirs; a query without gain has 0. */
function ndcg(k: number): OfQuery {
  return (relevance, score) => {
    const ideal = gain(
      relevance.toSorted((a, b) => b - a),
      undefined,
      k,
    );
    return ideal === 0 ? 0 : gain(relevance, score, k) / ideal;
  };
}

function gain(relevance: readonly number[], score: readonly number[] | undefined, k: number): number {
  let sum = 0;
  for (let from = 0; from < relevance.length; ) {
    let [to, tied, discounts] = [from, 0, 0];
    do {
      tied += relevance[to] as number;
      discounts += to < k ? 1 / Math.log2(to + 2) : 0;
      to++;
    } while (score && to < relevance.length && score[to] === score[from]);
    sum += (tied / (to - from)) * discounts;
    from = to;
  }
  return sum;
}

/** Of the first `k`, over as many relevant ones as could be among them; a query without a relevant one has 0. */
function averagePrecision(k: number): OfQuery {
  return (relevance) => {
    const relevant = relevance.filter((one) => one > 0).length;
    let [hits, sum] = [0, 0];
    for (let i = 0; i < Math.min(k, relevance.length); i++) {
      if (!((relevance[i] as number) > 0)) continue;
      hits++;
      sum += hits / (i + 1);
    }
    return relevant === 0 ? 0 : sum / Math.min(k, relevant);
  };
}
