import { binomialCdf, normalCdf } from './distributions.ts';
import { type Estimate, fromScore, fromTests } from './estimate.ts';

/** A share of independent examples, by the score interval of Wilson (1927). */
export function proportionEstimate(successes: number, size: number): Estimate {
  const share = successes / size;
  return fromScore({
    ...{ value: share, size, method: 'Wilson score interval', range: [0, 1] },
    score: (bound) => standardised(share - bound, Math.sqrt((bound * (1 - bound)) / size)),
  });
}

/** Examples of two models' successes by what each of them did. */
export interface Paired {
  readonly size: number;
  /** The candidate alone was right. */
  readonly gained: number;
  /** The baseline alone was right. */
  readonly lost: number;
}

/**
 * The difference of two shares of the same examples, by the score interval of Tango (1998), which holds where few or no
 * examples differ; with McNemar's test.
 */
export function pairedProportionEstimate({ size, gained, lost }: Paired): Estimate {
  const value = (gained - lost) / size;
  return fromScore({
    ...{ value, size, method: 'Tango score interval', range: [-1, 1], test: mcnemar(gained, lost) },
    score(bound) {
      // The share of lost examples that is most likely when the difference is `bound`.
      const b = (2 * size - gained + lost) * bound - gained - lost;
      const c = -lost * bound * (1 - bound);
      const expected = (Math.sqrt(b * b - 8 * size * c) - b) / (4 * size);
      const variance = size * (2 * expected + bound * (1 - bound));
      return standardised(gained - lost - size * bound, Math.sqrt(Math.max(0, variance)));
    },
  });
}

/** Differing examples from which on McNemar's test is approximated by a normal distribution. */
const manyDifferences = 25;

/** McNemar's test (1947) of whether either model is right more often: exact when few examples differ. */
export function mcnemar(gained: number, lost: number): { name: string; pValue: number } {
  const differing = gained + lost;
  if (differing < manyDifferences)
    return {
      name: 'McNemar, exact',
      pValue: Math.min(1, 2 * binomialCdf(Math.min(gained, lost), differing, 0.5)),
    };
  const z = Math.abs(gained - lost) / Math.sqrt(differing);
  return { name: 'McNemar', pValue: 2 * normalCdf(-z) };
}

interface Share {
  successes: number;
  size: number;
}

/** The difference of the shares of two groups, by the hybrid score interval of Newcombe (1998, method 10). */
export function rateDifference(a: Share, b: Share): Estimate {
  const [first, second] = [proportionEstimate(a.successes, a.size), proportionEstimate(b.successes, b.size)];
  const value = first.value - second.value;
  const limits = (confidence: number): [number, number] => {
    const [[low1, high1], [low2, high2]] = [first.interval(confidence), second.interval(confidence)];
    return [
      value - Math.hypot(first.value - low1, high2 - second.value),
      value + Math.hypot(high1 - first.value, second.value - low2),
    ];
  };
  // The level at which the interval just reaches the bound.
  const tail = (reaches: (confidence: number) => boolean): number => {
    let [low, high] = [0, 1];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (reaches(middle)) high = middle;
      else low = middle;
    }
    return (1 - (low + high) / 2) / 2;
  };
  const pBelow = (bound: number) =>
    bound >= value
      ? tail((level) => limits(level)[1] >= bound)
      : 1 - tail((level) => limits(level)[0] <= bound);
  return {
    ...fromTests({
      ...{ value, size: a.size + b.size, range: [-1, 1], pBelow },
      method: "Newcombe's score interval",
    }),
    interval: limits,
  };
}

function standardised(distance: number, error: number): number {
  return distance === 0 ? 0 : distance / error;
}
