import { code, plain } from '@mlops/core';
import type { DeploymentRecord } from '@mlops/core/record';
import { dataDifferences, parameterDifferences } from '../differences.ts';
import type { Model } from '../models.ts';
import { facts } from '../resources.ts';
import { bytesText, digestText, durationText, measuredText, signs } from '../text.ts';
import { folded, longTable } from './fold.ts';

/** Of a training that no gate judged. */
export function trainingMetrics({ label, training }: Model): string[] {
  return [
    `### ${plain(label)}${training.model ? ` · model ${code(digestText(training.model.digest))}` : ''}`,
    longTable(
      ['Metric', '#Value'],
      Object.entries(training.metrics).map(([metric, value]) => [code(metric), measuredText(value)]),
    ),
  ];
}

/** What differs from the baseline, the stages, and what was used, folded. */
export function trainingDetails({ label, training, gates }: Model): string[] {
  const baseline = gates.find((gate) => gate.baseline)?.baseline ?? null;
  const of = `of ${plain(label)}`;
  const shown = (value: unknown) => (value === undefined ? '–' : code(JSON.stringify(value)));
  return [
    folded(
      `Parameters ${of} that differ from the baseline's`,
      longTable(
        ['What', 'Parameter', 'Baseline', 'Candidate'],
        (parameterDifferences(training, baseline) ?? []).map((one) => [
          ...[one.kind, code(one.name), shown(one.baseline), shown(one.candidate)],
        ]),
      ),
    ),
    folded(
      `Data and code ${of} that differ from the baseline's`,
      longTable(
        ['What', 'Path', '#Baseline', '#Candidate'],
        (dataDifferences(training, baseline) ?? []).map((one) => [
          ...[one.kind, code(one.name), contentText(one.baseline), contentText(one.candidate)],
        ]),
      ),
    ),
    folded(
      `Stages ${of}`,
      longTable(
        ['Stage', 'Outcome', '#Time', 'Why'],
        training.stages.map(({ name, outcome, savedMs, durationMs, reason }) => [
          code(name),
          outcome,
          outcome === 'skipped' ? `saved ${durationText(savedMs)}` : durationText(durationMs),
          plain(reason),
        ]),
      ),
    ),
    folded(
      `Resources and cost ${of}`,
      training.resources
        ? facts(training.resources)
            .map(([what, used]) => `**${what}** ${plain(used)}`)
            .join(' · ')
        : '',
    ),
  ];
}

function contentText(content: { bytes: number; digest: string } | undefined): string {
  return content ? `${bytesText(content.bytes)}, ${code(digestText(content.digest))}` : '–';
}

export function deployments(deployment: DeploymentRecord): string[] {
  const { environment, outcome, url, reason, smoke } = deployment;
  return [
    `### ${plain(environment)}: ${outcome}${url ? ` at ${plain(url)}` : ''}`,
    ...(reason ? [plain(reason)] : []),
    longTable(
      ['Outcome', 'Smoke request', '#Status', '#Time'],
      smoke.map(({ passed, request, status, durationMs }) => [
        passed ? `${signs.pass} passed` : `${signs.fail} failed`,
        code(request),
        String(status ?? '–'),
        durationText(durationMs),
      ]),
    ),
  ];
}
