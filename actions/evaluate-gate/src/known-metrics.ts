import { UserError } from '@mlops/core';
import { metricNamed } from '@mlops/stats/metrics';
import type { Rule, Rules } from './rules.ts';

/** Names whose last word says that less is better, whatever stands before it. */
const lessIsBetter =
  /(^|[._/-])(loss|error|err|mse|rmse|mae|mape|perplexity|wer|cer|latency|duration|time|seconds|cost|bytes)$/i;

/** The built-in metric that a dotted name ends in, as `test.log_loss` does; a class may follow, as in `recall.1`. */
function builtIn(name: string) {
  const parts = name.split('.');
  while (/^\d+$/.test(parts.at(-1) ?? '')) parts.pop();
  return metricNamed(parts.at(-1) ?? '');
}

/** Whether more of a metric is better: as the rule says, else as its name does. */
export function isGreaterBetter(metric: string, { greater_is_better: stated }: Rule): boolean {
  // scikit-learn negates losses, so that more of a score is always better.
  const negated = /(^|\.)neg(ative)?_[^.]*$/.test(metric);
  return stated ?? (negated || (builtIn(metric)?.greaterIsBetter ?? !lessIsBetter.test(metric)));
}

/** Refuses rules that would judge the wrong way round. */
export function checkDirections(rules: Rules): void {
  for (const [metric, { greater_is_better: stated }] of Object.entries(rules)) {
    const known = builtIn(metric)?.greaterIsBetter;
    if (known === undefined || stated === undefined || stated === known) continue;
    throw new UserError(
      `the rule for '${metric}' says 'greater_is_better: ${stated}', but of ${builtIn(metric)?.name} ${known ? 'more' : 'less'} is better`,
      {
        advice: `Leave 'greater_is_better' out, or give the metric another name, such as 'neg_${metric.split('.').at(-1)}' for a negated one.`,
      },
    );
  }
}

/** Why a number cannot be the metric that its name says; undefined when it can, or nothing is known of the name. */
export function implausible(
  metric: string,
  value: number,
  threshold: number | undefined,
): string | undefined {
  const known = builtIn(metric);
  if (!known) return undefined;
  const [lowest, highest] = known.range;
  const rounding = 1e-9;
  if (value < lowest - rounding)
    return `${known.name} is never below ${lowest}; a negated one would be called 'neg_${known.name}'`;
  if (value <= highest + rounding) return undefined;
  // Shares are often given in percent. Then the bound must be, too.
  if (highest !== 1 || lowest < 0 || value > 100) return `${known.name} is never above ${highest}`;
  return threshold !== undefined && threshold <= 1
    ? `it seems to be in percent, and the threshold ${threshold} is not`
    : undefined;
}
