import { code, plain } from '@mlops/core';
import type { Model } from '../models.ts';
import { mainMetrics, worstVerdict } from '../models.ts';
import { valueText } from '../rule-text.ts';
import { digestText, durationText, signs } from '../text.ts';
import { longTable } from './fold.ts';

/** All trainings in a table, so that legs of a matrix can be compared. */
export function overview(models: readonly Model[]): string {
  const metrics = mainMetrics(models);
  return longTable(
    ['Training', 'Gate', ...metrics.map((name) => `#${code(name)}`), '#Time', 'Model'],
    models.map(({ label, training, gates }) => {
      const verdict = worstVerdict(gates);
      return [
        plain(label),
        verdict ? `${signs[verdict]} ${verdict}` : '–',
        ...metrics.map((metric) => valueText(metric, measuredOf(metric, { training, gates }))),
        durationText(training.durationMs),
        code(digestText(training.model?.digest)),
      ];
    }),
  );
}

/** The gate's value may be of predictions, which the training knows nothing of. */
function measuredOf(metric: string, { training, gates }: Pick<Model, 'training' | 'gates'>) {
  const judged = gates.flatMap(({ metrics = [] }) => metrics).find(({ name }) => name === metric);
  return judged?.candidate ?? training.metrics[metric] ?? null;
}
