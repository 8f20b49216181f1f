import type { Predictions } from '../predictions.ts';
import type { Statistic } from '../statistic.ts';
import { classification, type MetricDefinition, metric, weights } from './definition.ts';
import { notProbabilities } from './probability.ts';

const usualBins = 15;

/**
 * Expected calibration error over bins of equal width, `ece` or with their number `ece@10`: of the positive class's
 * probability (Naeini, Cooper and Hauskrecht, 2015), of several classes of the most probable one's (Guo et al., 2017).
 */
export function calibrationMetric(name: string): MetricDefinition | undefined {
  const [kind, given] = /^ece(?:@([1-9]\d{0,3}))?$/.exec(name) ?? [];
  if (!kind) return undefined;
  const bins = given ? Number(given) : usualBins;
  return metric({
    ...{ name, greaterIsBetter: false, range: [0, 1], tasks: classification, needs: 'score' },
    description: `Expected calibration error over ${bins} bins: how far probabilities are from shares.`,
    unless: notProbabilities,
    statistic: (predictions) => calibrationError(predictions, bins),
  });
}

function calibrationError(predictions: Predictions, bins: number): Statistic {
  const { stated, happened, bin } = binned(predictions, bins);
  const weight = weights(predictions);
  const gap = stated.map((probability, i) => (probability - (happened[i] as number)) * (weight[i] as number));
  return {
    ...{ kind: 'sums', columns: [gap, weight], cell: bin, cells: bins },
    value(totals) {
      let [distance, total] = [0, 0];
      for (let at = 0; at < bins; at++) {
        distance += Math.abs(totals[2 * at] as number);
        total += totals[2 * at + 1] as number;
      }
      return distance / total;
    },
  };
}

/** Examples of about the same probability. */
export interface CalibrationBin {
  /** Mean probability. */
  readonly predicted: number;
  /** Share of those that came true. */
  readonly observed: number;
  readonly examples: number;
}

/** The bins of `ece` that have examples, weighted as they are. */
export function calibrationBins(predictions: Predictions): CalibrationBin[] {
  const { stated, happened, bin } = binned(predictions, usualBins);
  const weight = weights(predictions);
  const sums = Array.from({ length: usualBins }, () => ({
    predicted: 0,
    observed: 0,
    weight: 0,
    examples: 0,
  }));
  for (let i = 0; i < bin.length; i++) {
    const sum = sums[bin[i] as number] as (typeof sums)[number];
    const w = weight[i] as number;
    sum.predicted += w * (stated[i] as number);
    sum.observed += w * (happened[i] as number);
    sum.weight += w;
    sum.examples++;
  }
  return sums
    .filter((sum) => sum.weight > 0)
    .map((sum) => ({
      predicted: sum.predicted / sum.weight,
      observed: sum.observed / sum.weight,
      examples: sum.examples,
    }));
}

/** The probability that each example's prediction was given, whether it came true, and the bin that it falls into. */
function binned(predictions: Predictions, bins: number) {
  const { task, size, score = new Float64Array(), label, positive, classes } = predictions;
  const [stated, happened, bin] = [new Float64Array(size), new Uint8Array(size), new Int32Array(size)];
  for (let i = 0; i < size; i++) {
    const told = task === 'binary' ? (positive as number) : mostProbable(score, i, classes.length);
    const probability = (task === 'binary' ? score[i] : score[i * classes.length + told]) as number;
    stated[i] = probability;
    happened[i] = Number(label[i] === told);
    // Bins include their lower end, the last one 1 as well.
    bin[i] = Math.min(bins - 1, Math.floor(probability * bins));
  }
  return { stated, happened, bin };
}

function mostProbable(score: Float64Array, example: number, classes: number): number {
  const from = example * classes;
  let top = 0;
  for (let c = 1; c < classes; c++) if ((score[from + c] as number) > (score[from + top] as number)) top = c;
  return top;
}
