import type { StageRecord, TrainingRecord } from '@mlops/core/record';
import { numberOf } from '@mlops/core/record';
import { duration, number, size } from './format.ts';
import { resourcesText } from './resources/text.ts';

/** More metrics than these are in the record and the report. */
const metricsShown = 100;

/** The step's summary: what became of each stage and why, the metrics, the model. */
export function summaryOf(training: TrainingRecord): string {
  const { stages, metrics, model, resources } = training;
  const saved = stages.reduce((sum, { savedMs }) => sum + savedMs, 0);
  const ran = stages.filter(({ outcome }) => outcome === 'ran').length;
  return [
    `### Training: ${plain(training.name)}`,
    `${ran} of ${stages.length} ${stages.length === 1 ? 'stage' : 'stages'} ran in ${duration(training.durationMs)}${saved ? `; skipping the others saved ${duration(saved)}` : ''}.`,
    ...progressOf(training),
    table(['Stage', 'Outcome', 'Why', 'Time', 'Saved'], ['', '', '', '---:', '---:'], stages.map(row)),
    ...(Object.keys(metrics).length
      ? [
          table(
            ['Metric', 'Value'],
            ['', '---:'],
            Object.entries(metrics)
              .slice(0, metricsShown)
              .map(([name, value]) => [code(name), `${number(numberOf(value))}${spreadOf(name, training)}`]),
          ),
        ]
      : []),
    ...(model
      ? [
          `Model ${code(model.path)}, ${size(model.bytes)}, ${code(model.digest)}${model.artifact ? `, in the artifact ${code(model.artifact)}` : ''}.`,
        ]
      : []),
    ...(resources ? [`Resources: ${plain(resourcesText(resources))}.`] : []),
  ].join('\n\n');
}

/** What a training that is not finished waits for, what it went on from, and over which seeds metrics are means. */
function progressOf({ outcome, checkpoints, repeats }: TrainingRecord): string[] {
  const { resumedFrom = null, newest = null } = checkpoints ?? {};
  const stopped =
    outcome === 'time-limit' || outcome === 'budget'
      ? `Stopped at its ${outcome === 'budget' ? 'budget' : 'time limit'}`
      : 'Not finished';
  return [
    ...(resumedFrom === null ? [] : [`Went on from checkpoint ${resumedFrom}.`]),
    ...(outcome === 'finished' || newest === null
      ? []
      : [`⏸️ ${stopped}; the next attempt goes on from checkpoint ${newest}.`]),
    ...(repeats
      ? [`Means over the seeds ${repeats.map(({ seed }) => seed).join(', ')}, ± standard deviation.`]
      : []),
  ];
}

function spreadOf(name: string, { spread }: TrainingRecord): string {
  const value = spread?.[name];
  return value === undefined ? '' : ` ± ${number(numberOf(value))}`;
}

const outcomes = {
  ran: '🔁 ran',
  skipped: '✅ skipped',
  failed: '❌ failed',
  stopped: '⏸️ stopped',
  'not-reached': '⏹️ not reached',
} as const;

function row({ name, outcome, reason, durationMs, savedMs }: StageRecord): string[] {
  return [
    code(name),
    outcomes[outcome],
    plain(reason),
    outcome === 'skipped' || outcome === 'not-reached' ? '' : duration(durationMs),
    savedMs ? duration(savedMs) : '',
  ];
}

function table(header: string[], alignment: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(alignment.map((mark) => mark || '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}

function plain(text: string): string {
  return text.replace(/[\\|*_<>`]/g, '\\$&').replace(/\s+/g, ' ');
}
