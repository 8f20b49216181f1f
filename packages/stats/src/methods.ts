/** How an interval over examples is found. */
export const methods = [
  'auto',
  'bootstrap',
  'bootstrap-bca',
  'bootstrap-percentile',
  'delong',
  'mcnemar',
  'permutation',
] as const;
/**
 * `auto` takes what fits the metric: score intervals for shares, DeLong for areas, order statistics for quantiles, sign
 * flips for changes of means of few examples, else the bootstrap, which is BCa where that is defined, and no narrower
 * than the jackknife.
 */
export type Method = (typeof methods)[number];
