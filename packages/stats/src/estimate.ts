import { normalCdf, normalQuantile } from './distributions.ts';

/** What is known of a number that was estimated from examples, seeds or folds. */
export interface Estimate {
  readonly value: number;
  /** How its uncertainty was found, for people. */
  readonly method: string;
  /** Examples, or seeds or folds, that it rests on. */
  readonly size: number;
  /** Two-sided confidence interval, such as of 0.95; NaN at both ends where nothing can be said. */
  interval(confidence: number): readonly [low: number, high: number];
  /** Probability of an estimate at least as low if the truth were `bound`: when small, the truth lies below. */
  pBelow(bound: number): number;
  /** Probability of an estimate at least as high if the truth were `bound`: when small, the truth lies above. */
  pAbove(bound: number): number;
  /** A test of no difference, two-sided, where one belongs to the method. */
  readonly test?: { readonly name: string; readonly pValue: number } | undefined;
}

interface Tested {
  value: number;
  method: string;
  size: number;
  /** Where the truth can lie. */
  range: readonly [number, number];
  /** `pBelow`: falls as the bound rises. */
  pBelow(bound: number): number;
  /** Default: what `pBelow` leaves. */
  pAbove?(bound: number): number;
  test?: Estimate['test'];
}

/** An estimate from its one-sided tests: the interval holds the bounds that neither of them rejects. */
export function fromTests({ range, ...tested }: Tested): Estimate {
  const [lowest, highest] = range;
  // The truth lies within the range, whatever the test makes of a bound beyond it.
  const within = (bound: number, test: (bound: number) => number, beyond: [low: number, high: number]) =>
    // Adding 0 makes 0 of -0, by which a test would divide the wrong way.
    bound < lowest ? beyond[0] : bound > highest ? beyond[1] : test(bound + 0);
  const pBelow = (bound: number) => within(bound, tested.pBelow, [1, 0]);
  const pAbove = (bound: number) =>
    within(bound, tested.pAbove ?? ((inside) => 1 - tested.pBelow(inside)), [0, 1]);
  return {
    ...tested,
    pBelow,
    pAbove,
    interval(confidence) {
      const tail = (1 - confidence) / 2;
      if (!Number.isFinite(tested.value)) return [Number.NaN, Number.NaN];
      return [
        crossing((bound) => pAbove(bound) - tail, tested.value, lowest),
        crossing((bound) => pBelow(bound) - tail, tested.value, highest),
      ];
    },
  };
}

/**
 * An estimate from a score that is normal: `score(bound)` is how many standard errors the value lies above the bound.
 */
export function fromScore({
  score,
  ...rest
}: Omit<Tested, 'pBelow' | 'pAbove'> & { score(bound: number): number }): Estimate {
  const { value, range } = rest;
  return {
    ...fromTests({
      ...rest,
      pBelow: (bound) => normalCdf(score(bound)),
      pAbove: (bound) => normalCdf(-score(bound)),
    }),
    interval(confidence) {
      const z = normalQuantile((1 + confidence) / 2);
      if (!Number.isFinite(value)) return [Number.NaN, Number.NaN];
      return [
        crossing((bound) => z - score(bound), value, range[0]),
        crossing((bound) => z + score(bound), value, range[1]),
      ];
    },
  };
}

/** Between `inside`, where `sign` is positive, and `end`: where it turns negative; `end` itself when it never does. */
function crossing(sign: (bound: number) => number, inside: number, end: number): number {
  if (inside === end) return end;
  let near = inside;
  let far = Number.isFinite(end) ? end : inside + Math.sign(end) * Math.max(1, Math.abs(inside));
  while (!Number.isFinite(end) && sign(far) > 0) {
    if (Math.abs(far) > 1e300) return end;
    [near, far] = [far, inside + (far - inside) * 2];
  }
  if (sign(far) > 0) return end;
  for (let i = 0; i < 200; i++) {
    const middle = near + (far - near) / 2;
    if (middle === near || middle === far) break;
    if (sign(middle) > 0) near = middle;
    else far = middle;
  }
  return near + (far - near) / 2;
}

/** An estimate of which no noise is known, with the reason. */
export function withoutNoise(value: number, size: number, why: string): Estimate {
  return {
    ...{ value, size, method: why },
    interval: () => [Number.NaN, Number.NaN],
    pBelow: () => Number.NaN,
    pAbove: () => Number.NaN,
  };
}

/** A value in whose examples nothing varies. */
interface Unvaried {
  value: number;
  size: number;
  /** Examples of the smallest class: no more than these can have been seen not to fail. */
  smallest: number;
  /** Where the truth can lie. */
  range: readonly [number, number];
  /** How far the metric can move when all examples fail. */
  width: number;
}

/**
 * Where no example differs, as without any error, no noise is seen, which is not to say that there is none: a share
 * without a failure among n examples may be off by z² / (n + z²), the end of Wilson's interval; so may a bounded metric,
 * of the width of its range.
 */
export function withoutVariation({ value, size, smallest, range, width }: Unvaried): Estimate {
  if (!Number.isFinite(width))
    return withoutNoise(value, size, 'nothing varies among the examples, which says nothing of others');
  const [lowest, highest] = range;
  const pBeyond = (distance: number) => {
    const share = Math.min(1, Math.abs(distance) / width);
    return normalCdf(-Math.sqrt((smallest * share) / (1 - share)));
  };
  return fromTests({
    ...{ value, size, range: [Math.max(lowest, value - width), Math.min(highest, value + width)] },
    method: "nothing varies: Wilson's reach without failures",
    pBelow: (bound) => (bound >= value ? pBeyond(bound - value) : 1 - pBeyond(bound - value)),
  });
}

/** An estimate of what cannot lie outside of a range. */
export function within([lowest, highest]: readonly [number, number], estimate: Estimate): Estimate {
  return {
    ...estimate,
    interval(confidence) {
      const [low, high] = estimate.interval(confidence);
      return [Math.max(low, lowest), Math.min(high, highest)];
    },
  };
}

/** What two estimates of one value leave open together: it is decided only where both decide it. */
export function together(one: Estimate, other: Estimate, method: string): Estimate {
  return {
    ...{ value: one.value, size: one.size, method },
    pBelow: (bound) => Math.max(one.pBelow(bound), other.pBelow(bound)),
    pAbove: (bound) => Math.max(one.pAbove(bound), other.pAbove(bound)),
    interval(confidence) {
      const [[low, high], [lower, higher]] = [one.interval(confidence), other.interval(confidence)];
      return [Math.min(low, lower), Math.max(high, higher)];
    },
  };
}

/** The same estimate of the opposite. */
export function turned(estimate: Estimate): Estimate {
  return {
    ...estimate,
    value: -estimate.value,
    pBelow: (bound) => estimate.pAbove(-bound),
    pAbove: (bound) => estimate.pBelow(-bound),
    interval(confidence) {
      const [low, high] = estimate.interval(confidence);
      return [-high, -low];
    },
  };
}

/**
 * How many examples, or seeds, would have decided on which side of the bound the truth lies if the value stayed: an
 * interval's width shrinks with the root of their number. Undefined where none would: the value lies on the bound.
 */
export function examplesNeeded(estimate: Estimate, bound: number, confidence: number): number | undefined {
  const [low, high] = estimate.interval(confidence);
  const distance = Math.abs(estimate.value - bound);
  const reach = estimate.value >= bound ? estimate.value - low : high - estimate.value;
  if (distance === 0 || !Number.isFinite(reach)) return undefined;
  const needed = estimate.size * (reach / distance) ** 2;
  return needed > Number.MAX_SAFE_INTEGER ? undefined : Math.ceil(needed);
}

/** P-values of several tests, raised so that one in all is wrong no more often than one test may be (Holm, 1979). */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const adjusted = new Array<number>(pValues.length);
  let highest = 0;
  for (const [rank, i] of order.entries()) {
    highest = Math.max(highest, Math.min(1, (pValues[i] as number) * (pValues.length - rank)));
    adjusted[i] = highest;
  }
  return adjusted;
}
