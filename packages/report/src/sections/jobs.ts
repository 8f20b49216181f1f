import type { JobRecord } from '@mlops/core/record';
import { type Html, html } from '../html.ts';
import { table } from '../table.ts';
import { bytesText, jobName } from '../text.ts';

/** The machines that jobs ran on. */
export function jobsPart(jobs: readonly JobRecord[]): Html {
  return table(
    ['Job', '#Attempt', 'Runner', 'Machine'],
    jobs.map((job) => {
      const { runner, os, arch, cores, cpu, memoryBytes } = job.hardware;
      return [
        jobName(job),
        job.attempt,
        runner,
        `${os} ${arch}, ${cores} × ${cpu}, ${bytesText(memoryBytes)}`,
      ];
    }),
  );
}

/** Errors of steps, which a reader wants before anything else. */
export function failuresPart(jobs: readonly JobRecord[]): Html {
  const failed = jobs.flatMap((job) =>
    job.steps.filter(({ outcome }) => outcome !== 'success').map((step) => ({ job, step })),
  );
  return html`${failed.map(
    ({ job, step }) =>
      html`<p><span class="fail-text">✗ ${step.action} ${step.outcome}</span> in ${jobName(job)}</p>${step.error && html`<pre tabindex="0">${step.error}</pre>`}`,
  )}`;
}
