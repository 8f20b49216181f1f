import { type GateRecord, type Measured, numberOf, type TrainingRecord } from '@mlops/core/record';
import type { MetricSeries, ModelSeries, StageSeries } from './data.ts';
import { baselineName } from './details.ts';

/** Of one model no more metrics and stages have a trend; the page would grow by all of them for every run. */
const seriesKept = 100;

interface Point {
  number: number;
  value: Measured;
  low: number | null;
  high: number | null;
}

/** Collects the numbers of one model; runs come in any order and are numbered as they come. */
export class SeriesOfModel {
  readonly #metrics = new Map<string, { greaterIsBetter: boolean | null; points: Point[] }>();
  readonly #leftOut = new Set<string>();
  readonly #stages = new Map<string, { number: number; ms: number; cached: boolean }[]>();
  readonly #baselines: { number: number; ref: string; key: string; name: string }[] = [];

  add(number: number, ref: string, training: TrainingRecord, gate: GateRecord | undefined): void {
    // Metrics with a rule first: they are those that somebody looks at.
    const judged = gate?.rules.map(({ metric }) => metric) ?? [];
    const names = new Set([
      ...judged.filter((name) => Object.hasOwn(training.metrics, name)),
      ...Object.keys(training.metrics),
    ]);
    for (const name of names) this.#addMetric(number, name, training.metrics[name] ?? 'NaN', gate);
    for (const stage of training.stages) {
      if (stage.outcome !== 'ran' && stage.outcome !== 'skipped') continue;
      const cached = stage.outcome === 'skipped';
      const points = kept(this.#stages, stage.name, () => []);
      points?.push({ number, ms: Math.round(cached ? stage.savedMs : stage.durationMs), cached });
    }
    const baseline = gate?.baseline;
    if (baseline)
      this.#baselines.push({
        ...{ number, ref, name: baselineName(baseline) },
        key: baseline.modelDigest ?? baseline.commit ?? baseline.ref,
      });
  }

  /** @param rowOf the run's row, by its number; rows are newest first */
  finish(rowOf: Int32Array): ModelSeries {
    const row = ({ number }: { number: number }) => rowOf[number] ?? 0;
    return {
      metrics: [...this.#metrics].map(([name, { greaterIsBetter, points }]): MetricSeries => {
        const sorted = newestFirst(points, row);
        return {
          ...{ name, greaterIsBetter, row: sorted.map(row) },
          value: sorted.map(({ value }) => shortened(numberOf(value))),
          ...(points.some(({ low }) => low !== null) && {
            low: sorted.map(({ low }) => low),
            high: sorted.map(({ high }) => high),
          }),
        };
      }),
      metricsLeftOut: this.#leftOut.size,
      stages: [...this.#stages].map(([name, points]): StageSeries => {
        const sorted = newestFirst(points, row);
        return {
          name,
          row: sorted.map(row),
          ms: sorted.map(({ ms }) => ms),
          cached: sorted.map(({ cached }) => (cached ? 1 : 0)),
        };
      }),
      baselines: this.#baselineChanges(row),
    };
  }

  #addMetric(number: number, name: string, value: Measured, gate: GateRecord | undefined): void {
    const metric = kept(this.#metrics, name, () => ({ greaterIsBetter: null, points: [] }));
    // A bound on the names that are counted, too.
    if (!metric) return void (this.#leftOut.size < 100_000 && this.#leftOut.add(name));
    const judged = gate?.metrics?.find((one) => one.name === name);
    const rules = gate?.rules.filter((rule) => rule.metric === name) ?? [];
    const threshold = rules.find(({ rule }) => rule === 'threshold');
    const interval = judged?.candidateInterval ?? threshold?.interval;
    metric.greaterIsBetter = judged?.greaterIsBetter ?? rules[0]?.greaterIsBetter ?? metric.greaterIsBetter;
    metric.points.push({
      ...{ number, value },
      low: interval ? shortened(numberOf(interval.low)) : null,
      high: interval ? shortened(numberOf(interval.high)) : null,
    });
  }

  #baselineChanges(row: (point: { number: number }) => number): ModelSeries['baselines'] {
    const last = new Map<string, string>();
    const changes: ModelSeries['baselines'] = [];
    for (const baseline of this.#baselines.toSorted((a, b) => row(b) - row(a))) {
      const { ref, key, name } = baseline;
      const before = last.get(ref);
      if (before !== undefined && before !== key) changes.push({ row: row(baseline), name });
      last.set(ref, key);
    }
    return changes;
  }
}

/** One point a run: of trainings with the same name in one run, the last counts. */
function newestFirst<T extends { number: number }>(points: readonly T[], row: (point: T) => number): T[] {
  const last = new Map(points.map((point) => [point.number, point]));
  return [...last.values()].sort((a, b) => row(a) - row(b));
}

/** The entry of a name, made where there is room for one more. */
function kept<T>(entries: Map<string, T>, name: string, make: () => T): T | undefined {
  const entry = entries.get(name);
  if (entry || entries.size >= seriesKept) return entry;
  const made = make();
  entries.set(name, made);
  return made;
}

/** Seven digits that count are more than a chart shows. */
function shortened(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(7)) : null;
}
