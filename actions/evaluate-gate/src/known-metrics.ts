import { UserError } from '@mlops/core';
import { isFairness } from '@mlops/stats/fairness';
import { metricNamed } from '@mlops/stats/metrics';
import { askedOf, type BoundName, type Rule, type Rules } from './rules.ts';

const units = 'ns|us|ms|s|secs?|seconds|min|minutes|h|hours|[kmg]i?b|bytes|usd|eur|wh|kwh|g|kg';
/** Names that say that less is better: whatever stands before the word, and which unit or percentile behind it. */
const lessIsBetter = new RegExp(
  `(^|[._/-])(loss|error|err|mse|rmse|mae|mape|perplexity|wer|cer|latency|duration|time|runtime|cost|memory|model_size|energy|co2)([._-](p[0-9.]+|mean|avg|median|max|min|peak|total|${units}))*$`,
  'i',
);
/** A length of time or an amount of memory, but not a rate, such as `images_per_second`. */
const amount = /(?<!per)[_-](ms|secs?|seconds|bytes)$/i;

/** Whether a name ends in a unit, which is not some country or class behind a score, as in `recall_ms`. */
function isAmount(metric: string): boolean {
  return amount.test(metric) && !metric.split(/[._/-]/).some((word) => metricNamed(word)?.greaterIsBetter);
}

interface Known {
  name: string;
  greaterIsBetter: boolean;
  range: readonly [number, number];
}

/** By the last word of a name: thousands of metrics are called after a few. */
const knownByWord = new Map<string, Known | undefined>();

/** The built-in metric that a dotted name ends in, as `test.log_loss` does; a class may follow, as in `recall.1`. */
function builtIn(name: string): Known | undefined {
  let end = name.length;
  let word = lastWord(name, end);
  while (end > word.length && /^\d+$/.test(word)) {
    end -= word.length + 1;
    word = lastWord(name, end);
  }
  if (!knownByWord.has(word))
    knownByWord.set(
      word,
      isFairness(word) ? { name: word, greaterIsBetter: false, range: [0, 1] } : metricNamed(word),
    );
  return knownByWord.get(word);
}

function lastWord(name: string, end: number): string {
  return name.slice(end > 0 ? name.lastIndexOf('.', end - 1) + 1 : 0, end);
}

/** Whether more of a metric is better: as the rule says, else as its name does. */
export function isGreaterBetter(metric: string, rule: Pick<Rule, 'greater_is_better'> = {}): boolean {
  return rule.greater_is_better ?? knownDirection(metric) ?? true;
}

/** Whether more of it is better; undefined where nothing is known of the name. */
export function knownDirection(metric: string): boolean | undefined {
  // scikit-learn negates losses, so that more of a score is always better.
  if (/(^|\.)neg(ative)?_[^.]*$/.test(metric)) return true;
  return (
    builtIn(metric)?.greaterIsBetter ?? (lessIsBetter.test(metric) || isAmount(metric) ? false : undefined)
  );
}

/**
 * Refuses rules that would judge the wrong way round, that nothing could meet, or that everything would.
 *
 * @param fromExamples Whether built-in metrics are computed from predictions: then they are never in percent
 */
export function checkRules(rules: Rules, fromExamples: boolean): void {
  for (const [metric, rule] of Object.entries(rules)) checkDirection(metric, rule);
  for (const { metric, name, bound } of askedOf(rules)) {
    const problem = impossible(metric, name, bound, fromExamples);
    if (problem) throw new UserError(`the rule '${metric}: ${name}: ${bound}' ${problem.message}`, problem);
  }
}

function checkDirection(metric: string, { greater_is_better: stated }: Rule): void {
  const known = builtIn(metric);
  if (!known || stated === undefined || stated === known.greaterIsBetter) return;
  throw new UserError(
    `the rule for '${metric}' says 'greater_is_better: ${stated}', but of ${known.name} ${known.greaterIsBetter ? 'more' : 'less'} is better`,
    {
      advice: `Leave 'greater_is_better' out, or give the metric another name, such as 'neg_${metric.split('.').at(-1)}' for a negated one.`,
    },
  );
}

function impossible(
  metric: string,
  name: BoundName,
  bound: number,
  fromExamples: boolean,
): { message: string; advice: string } | undefined {
  const known = builtIn(metric);
  if (!known || name === 'min_relative_change') return undefined;
  const [lowest, highest] = known.range;
  const mayBePercent =
    lowest >= 0 && highest === 1 && !(fromExamples && metricNamed(metric)) && !isFairness(metric);
  const most = mayBePercent ? 100 : highest;
  if (name !== 'threshold')
    return Math.abs(bound) >= most - lowest
      ? {
          message: `says nothing: ${known.name} lies between ${lowest} and ${highest}`,
          advice: percentAdvice(bound, highest) ?? `Give a change below ${most - lowest}.`,
        }
      : undefined;
  if (bound < lowest)
    return {
      message: `is out of range: ${known.name} is never below ${lowest}`,
      advice: `Give at least ${lowest}.`,
    };
  if (bound > most)
    return {
      message: `is out of range: ${known.name} is never above ${highest}`,
      advice: percentAdvice(bound, highest) ?? `Give at most ${highest}.`,
    };
  return undefined;
}

function percentAdvice(bound: number, highest: number): string | undefined {
  return highest === 1 && Math.abs(bound) > 1 && Math.abs(bound) <= 100
    ? `Did you mean ${Number((bound / 100).toPrecision(12))}?`
    : undefined;
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
  const isShare = highest === 1 && lowest >= 0;
  if (value <= highest + rounding)
    return isShare && threshold !== undefined && threshold > 1
      ? `the threshold ${threshold} seems to be in percent; did you mean ${Number((threshold / 100).toPrecision(12))}?`
      : undefined;
  // Shares are often given in percent. Then the bound must be, too.
  if (!isShare || value > 100) return `${known.name} is never above ${highest}`;
  return threshold !== undefined && threshold <= 1
    ? `it seems to be in percent, and the threshold ${threshold} is not`
    : undefined;
}
