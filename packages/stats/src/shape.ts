/**
 * Positions of the points that keep a line's shape best: again and again the one that is farthest from the line so far
 * is added (Ramer, 1972; Douglas and Peucker, 1973), until there are `most`.
 */
export function shapeOf(x: Float64Array, y: Float64Array, most: number): number[] {
  if (x.length <= most) return [...x.keys()];
  const stretches = [farthest(x, y, 0, x.length - 1)];
  while (stretches.length < most - 1) {
    const worst = stretches.reduce((a, b) => (b.distance > a.distance ? b : a));
    if (worst.distance === 0) break;
    const { from, at, to } = worst;
    stretches.splice(stretches.indexOf(worst), 1, farthest(x, y, from, at), farthest(x, y, at, to));
  }
  return [0, ...stretches.map(({ to }) => to)];
}

/** The point between two others that is farthest from the straight line between them. */
function farthest(x: Float64Array, y: Float64Array, from: number, to: number) {
  const [x0, y0] = [x[from] as number, y[from] as number];
  const [dx, dy] = [(x[to] as number) - x0, (y[to] as number) - y0];
  const length = Math.hypot(dx, dy);
  let [at, distance] = [from, 0];
  for (let i = from + 1; i < to; i++) {
    const [px, py] = [(x[i] as number) - x0, (y[i] as number) - y0];
    const own = length ? Math.abs(dx * py - dy * px) / length : Math.hypot(px, py);
    if (own > distance) [at, distance] = [i, own];
  }
  return { from, at, to, distance };
}
