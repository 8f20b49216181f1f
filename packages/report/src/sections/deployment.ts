import type { DeploymentRecord } from '@mlops/core/record';
import { type Html, html, link } from '../html.ts';
import { table } from '../table.ts';
import { durationText, marks } from '../text.ts';

/** Where a model went, and how it answered there. */
export function deploymentPart(deployment: DeploymentRecord): Html {
  const { url, revision, previousRevision, durationMs, reason, smoke } = deployment;
  return html`<p>${url && html`${link(url)} · `}revision <code>${revision}</code>${previousRevision && html`, before it <code>${previousRevision}</code>`} · ${durationText(durationMs)}</p>
${reason && html`<p class="fail-text">${reason}</p>`}
${
  smoke.length > 0 &&
  table(
    ['Outcome', 'Smoke request', '#Status', '#Time', 'Response'],
    smoke.map(({ passed, request, status, durationMs, response }) => [
      passed
        ? html`<span class="pass-text nowrap">${marks.pass} passed</span>`
        : html`<span class="fail-text nowrap">${marks.fail} failed</span>`,
      html`<code>${request}</code>`,
      status ?? '–',
      durationText(durationMs),
      html`<code>${response.slice(0, 200)}</code>`,
    ]),
  )
}`;
}
