import { evaluate, metricNamed, type Predictions, type Task } from '@mlops/stats';

/** Predictions of a test: what is not given is not there. */
export function predictions(task: Task, given: Partial<Record<keyof Predictions, unknown>>): Predictions {
  const label = Float64Array.from(given.label as number[]);
  const numbers = (name: 'prediction' | 'score' | 'weight' | 'latency') =>
    given[name] === undefined ? undefined : Float64Array.from(given[name] as number[]);
  return {
    task,
    size: label.length,
    classes: (given.classes as string[]) ?? (task === 'binary' ? ['0', '1'] : []),
    positive: task === 'binary' ? 1 : undefined,
    label,
    prediction: numbers('prediction'),
    score: numbers('score'),
    weight: numbers('weight'),
    latency: numbers('latency'),
    query: given.query === undefined ? undefined : Int32Array.from(given.query as number[]),
  };
}

/** Numbers from 0 to 1 that are the same each time (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A number of a normal distribution, by Box and Muller. */
export function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** A built-in metric's value; null where it is not defined. */
export function valueIn(name: string, given: Predictions): number | null {
  const definition = metricNamed(name);
  if (!definition) throw new Error(`there is no metric ${name}`);
  if (definition.problem(given)) return null;
  const value = evaluate(definition.statistic(given));
  return Number.isFinite(value) ? value : null;
}
