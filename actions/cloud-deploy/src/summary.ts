import type { Attempt } from './targets/host/deploy.ts';

const signs = { deployed: '🚀', unchanged: '✅', 'rolled-back': '↩️', failed: '❌' } as const;

/** What became of a deployment, as Markdown. */
export function renderSummary(attempt: Attempt, reason: string | null, environment: string): string {
  const { outcome, revision, previousRevision, url, smoke } = attempt;
  const rows = smoke.map(
    ({ request, status, durationMs, passed, differences, response }) =>
      `| ${passed ? '✅' : '❌'} | ${code(request)} | ${status ?? '–'} | ${Math.round(durationMs)} ms | ${passed ? code(response) : differences.map(code).join('<br>')} |`,
  );
  return [
    `### ${signs[outcome]} Deployment to ${environment}: ${outcome}`,
    '',
    `| | |\n| --- | --- |`,
    ...(url ? [`| URL | ${url} |`] : []),
    ...(revision ? [`| Revision | ${code(revision)} |`] : []),
    `| Before | ${previousRevision ? code(previousRevision) : 'nothing'} |`,
    ...(attempt.modelDigest ? [`| Model | ${code(attempt.modelDigest)} |`] : []),
    ...(rows.length
      ? ['', '| Smoke | Request | Status | Time | Answer |', '| --- | --- | ---: | ---: | --- |']
      : []),
    ...rows,
    ...(reason ? ['', '```text', reason.replaceAll('```', "'''"), '```'] : []),
  ].join('\n');
}

const cellLength = 200;

/** One cell of a table, as code: on one line, without what would end it. */
function code(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const short = line.length > cellLength ? `${line.slice(0, cellLength)}…` : line;
  return short ? `\`${short.replaceAll('`', "'").replaceAll('|', '\\|')}\`` : '';
}
