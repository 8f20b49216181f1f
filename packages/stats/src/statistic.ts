/**
 * A metric as data, so that it can be computed from any resample of its examples, on any thread: what each example adds,
 * and how the totals make a value. All metrics of one set of predictions have as many examples, in the same order, so
 * one resample serves them all; of a ranking, the examples are its queries.
 */
export type Statistic = Proportion | Sums | Auc | AveragePrecision | Quantile | Mean;

/** A share of examples: of those with `member`, how many are a success. Unweighted. */
export interface Proportion {
  readonly kind: 'proportion';
  readonly success: Uint8Array;
  /** Undefined when all examples count. */
  readonly member: Uint8Array | undefined;
}

/** A function of sums over the examples, or over the examples of each cell. */
export interface Sums {
  readonly kind: 'sums';
  /** What each example adds, weights included; an array that several statistics share is summed once. */
  readonly columns: readonly Float64Array[];
  /** Which cell each example adds to, such as one of a confusion matrix; undefined when there is but one. */
  readonly cell: Int32Array | undefined;
  readonly cells: number;
  /** `totals[cell * columns.length + column]`; NaN where the metric is not defined, as without positives. */
  value(totals: ArrayLike<number>): number;
}

/** Area under the ROC curve; ties count half. */
export interface Auc {
  readonly kind: 'auc';
  readonly score: Float64Array;
  readonly positive: Uint8Array;
  readonly weight: Float64Array | undefined;
}

/** scikit-learn's average precision: the area under the precision-recall curve, by steps. */
export interface AveragePrecision {
  readonly kind: 'average-precision';
  readonly score: Float64Array;
  readonly positive: Uint8Array;
  readonly weight: Float64Array | undefined;
}

/** A quantile, interpolated linearly between order statistics, as NumPy's default does. */
export interface Quantile {
  readonly kind: 'quantile';
  readonly values: Float64Array;
  /** 0 to 1. */
  readonly at: number;
}

/** A weighted mean of other statistics, such as of one curve a class. */
export interface Mean {
  readonly kind: 'mean';
  readonly of: readonly (Auc | AveragePrecision)[];
  /** Add up to 1. */
  readonly weights: readonly number[];
}
