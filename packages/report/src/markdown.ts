import type { JobRecord, RunRecord } from '@mlops/core/record';
import { digestText, durationText, headline, measuredText, signs } from './text.ts';

/** The run as Markdown, for the step summary: verdict first, then evidence, metrics, stages and deployments. */
export function renderMarkdown(record: RunRecord): string {
  const { run } = record;
  const source = `\`${run.commit.slice(0, 7)}\`${run.dirty ? ' (with uncommitted changes)' : ''} on \`${run.ref}\` by ${run.event}`;
  return [
    `## ${headline(record, signs).text}`,
    `${escapeCell(run.message)} — ${source}`,
    ...record.jobs.flatMap((job) => [...gates(job), ...trainings(job), ...deployments(job)]),
    ...failures(record),
  ].join('\n\n');
}

function gates(job: JobRecord): string[] {
  return job.gates.map((gate) =>
    table(
      ['', 'Metric', 'Rule', 'Candidate', `Baseline${gate.baseline ? ` (${gate.baseline.ref})` : ''}`, 'Why'],
      gate.rules.map((rule) => [
        signs[rule.verdict],
        `\`${rule.metric}\``,
        `${rule.rule} ${rule.bound}`,
        measuredText(rule.candidate),
        measuredText(rule.baseline),
        rule.explanation,
      ]),
    ),
  );
}

function trainings(job: JobRecord): string[] {
  return job.trainings.flatMap((training) => [
    `### ${training.name}${training.model ? ` · model \`${digestText(training.model.digest)}\`` : ''}`,
    table(
      ['Stage', 'Outcome', 'Time', 'Why'],
      training.stages.map((stage) => [
        `\`${stage.name}\``,
        stage.outcome,
        stage.outcome === 'skipped' ? `saved ${durationText(stage.savedMs)}` : durationText(stage.durationMs),
        stage.reason,
      ]),
    ),
    table(
      ['Metric', 'Value'],
      Object.entries(training.metrics).map(([metric, value]) => [`\`${metric}\``, measuredText(value)]),
    ),
  ]);
}

function deployments(job: JobRecord): string[] {
  return job.deployments.flatMap((deployment) => [
    `### ${deployment.environment}: ${deployment.outcome}${deployment.url ? ` at ${deployment.url}` : ''}`,
    ...(deployment.reason ? [deployment.reason] : []),
    ...(deployment.smoke.length
      ? [
          table(
            ['', 'Smoke request', 'Status', 'Time'],
            deployment.smoke.map((smoke) => [
              smoke.passed ? signs.pass : signs.fail,
              `\`${smoke.request}\``,
              String(smoke.status ?? '–'),
              durationText(smoke.durationMs),
            ]),
          ),
        ]
      : []),
  ]);
}

function failures(record: RunRecord): string[] {
  const failed = record.jobs.flatMap((job) => job.steps.filter((step) => step.outcome !== 'success'));
  return failed.map((step) => `**${step.action} ${step.outcome}**: ${escapeCell(step.error ?? '')}`);
}

function table(head: string[], rows: string[][]): string {
  if (rows.length === 0) return '';
  const line = (cells: string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
}
