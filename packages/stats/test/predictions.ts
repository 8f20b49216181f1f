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

/** A built-in metric's value; null where it is not defined. */
export function valueIn(name: string, given: Predictions): number | null {
  const definition = metricNamed(name);
  if (!definition) throw new Error(`there is no metric ${name}`);
  if (definition.problem(given)) return null;
  const value = evaluate(definition.statistic(given));
  return Number.isFinite(value) ? value : null;
}
