/** What a model has to do, which decides which metrics there are. */
export type Task = 'binary' | 'multiclass' | 'regression' | 'ranking';

/** What one model said of `size` examples, in columns. The models of a pair share `label`, `classes` and the order. */
export interface Predictions {
  readonly task: Task;
  readonly size: number;
  /** Names of the classes in the order of `scores`; empty for regression and ranking. */
  readonly classes: readonly string[];
  /** The positive class's index among `classes`; undefined unless the task is binary. */
  readonly positive: number | undefined;
  /** Index of the true class, the true value, or the relevance of a document. */
  readonly label: Float64Array;
  /** Index of the predicted class, or the predicted value; undefined where only scores are known. */
  readonly prediction: Float64Array | undefined;
  /** binary: probability or score of the positive class; multiclass: `size` × `classes.length`, row by row; ranking: one a document. */
  readonly score: Float64Array | undefined;
  /** How much each example counts; undefined where all count alike. */
  readonly weight: Float64Array | undefined;
  /** The query that a document belongs to, from 0; for ranking alone. */
  readonly query: Int32Array | undefined;
  /** Seconds that each prediction took. */
  readonly latency: Float64Array | undefined;
}

/** The examples at `rows`, in that order; classes stay those of all. */
export function examplesAt(predictions: Predictions, rows: Int32Array): Predictions {
  const { score, size, query } = predictions;
  const numbers = (column: Float64Array | undefined) =>
    column && Float64Array.from(rows, (row) => column[row] as number);
  const width = score && size ? score.length / size : 1;
  return {
    ...predictions,
    size: rows.length,
    label: numbers(predictions.label) as Float64Array,
    prediction: numbers(predictions.prediction),
    score:
      score &&
      Float64Array.from(
        { length: rows.length * width },
        (_, at) => score[(rows[Math.floor(at / width)] as number) * width + (at % width)] as number,
      ),
    weight: numbers(predictions.weight),
    query: query && counted(rows, query),
    latency: numbers(predictions.latency),
  };
}

/** Queries of some documents, numbered from 0 without gaps. */
function counted(rows: Int32Array, query: Int32Array): Int32Array {
  const numbers = new Map<number, number>();
  return rows.map((row) => {
    const before = query[row] as number;
    const number = numbers.get(before) ?? numbers.size;
    numbers.set(before, number);
    return number;
  });
}
