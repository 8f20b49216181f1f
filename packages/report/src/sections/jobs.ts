import type { JobRecord } from '@mlops/core/record';
import { failuresOf } from '../failures.ts';
import { type Html, html } from '../html.ts';
import { table } from '../table.ts';
import { bytesText, jobName, marks } from '../text.ts';

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

/** What failed, which a reader wants before anything else. */
export function failuresPart(jobs: readonly JobRecord[]): Html {
  return html`${failuresOf(jobs).map(
    ({ action, outcome, error, jobs }) =>
      html`<p><span class="fail-text">${marks.fail} ${action} ${outcome}</span> in ${jobs.join(', ')}</p>${error && html`<pre tabindex="0">${error}</pre>`}`,
  )}`;
}
