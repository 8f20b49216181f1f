import { code, milliseconds, table, UserError } from '@mlops/core';
import { quantity } from '@mlops/metrics/quantity';
import type { Job } from './build.ts';
import { refuseBeyondBudget } from './image/budget.ts';
import type { ImageFacts } from './image/facts.ts';
import type { Layout } from './image/layout.ts';
import { wantsSmoke } from './request.ts';
import { type SmokeReport, smokeTest } from './smoke/index.ts';

/** Looks at an image before it is pushed: its size, and whether it serves. Answers what it said to the requests. */
export async function inspect(job: Job, layout: Layout, facts: ImageFacts): Promise<SmokeReport | undefined> {
  const { inputs, context } = job;
  if (inputs.sizeBudget !== undefined)
    await refuseBeyondBudget(facts, bytesOf('size-budget', inputs.sizeBudget), layout, context.summary);
  if (!wantsSmoke(inputs)) return undefined;
  const report = await smokeTest({
    ...{ layout: layout.folder, runtime: inputs.smokeRuntime, port: inputs.port },
    ...{ requests: inputs.smoke, healthPath: inputs.healthPath, signal: context.signal },
    healthTimeoutMs: milliseconds(inputs.healthTimeout),
    memoryBytes: bytesOf('smoke-memory', inputs.smokeMemory),
    env: variables(inputs.smokeEnv),
    onLog: (line) => console.log(`image: ${line}`),
  });
  context.summary.push(
    table(
      ['Smoke test', 'Status', 'ms'],
      [
        ['healthy', '', String(Math.round(report.healthyMs ?? 0))],
        ...report.results.map(({ request, status, durationMs }) => [
          ...[code(request), String(status), String(Math.round(durationMs))],
        ]),
      ],
    ),
  );
  return report;
}

function variables(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(line) ?? [];
      if (name !== undefined && value !== undefined) return [name, value];
      throw new UserError(`'${line}' in 'smoke-env' is no variable`, { advice: "Write it as 'NAME=value'." });
    }),
  );
}

/** @throws UserError for what is no size */
export function bytesOf(input: string, written: string): number {
  const found = quantity('image_size', written);
  if ('problem' in found || found.amount <= 0)
    throw new UserError(`the input '${input}' is '${written}', which is no size`, {
      advice: "Write it as '2 GB' or '500 MB'.",
    });
  return found.amount;
}
