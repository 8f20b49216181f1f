import type { GitHub } from '@mlops/core';
import { count, type Finding, type Result } from './finding.ts';
import type { TestReport } from './junit.ts';

const signs = { passed: '✅', failed: '❌', skipped: '➖' } as const;
const rowsShown = 50;
const slowestShown = 5;

/** All that the checks came to, as Markdown; findings link to their lines in the commit. */
export function renderSummary(results: readonly Result[], github: GitHub): string {
  const failed = results.filter(({ outcome }) => outcome === 'failed').length;
  const rows = results.map(
    ({ outcome, check, tool, said, problem }) =>
      `| ${signs[outcome]} ${check} | ${cell(tool)} | ${cell(problem ? `${said}: ${problem.message}` : said)} |`,
  );
  return [
    `### ${failed ? `❌ Check: ${failed} of ${results.length} failed` : '✅ Check: passed'}`,
    '',
    '| Check | Tool | Result |',
    '| --- | --- | --- |',
    ...rows,
    ...results.flatMap((result) => section(result, github)),
  ].join('\n');
}

function section(result: Result, github: GitHub): string[] {
  const findings = result.findings.filter(({ level, place }) => level !== 'notice' && place.file);
  if (!findings.length) return result.details ? ['', result.details] : [];
  const open = result.outcome === 'failed' ? ' open' : '';
  const table = [
    '| Where | Rule | Message |',
    '| --- | --- | --- |',
    ...findings
      .slice(0, rowsShown)
      .map((finding) => `| ${where(finding, github)} | ${rule(finding)} | ${block(finding.message)} |`),
  ];
  const left = findings.length - rowsShown;
  return [
    '',
    `<details${open}><summary>${result.check}: ${count(findings.length, 'finding')}</summary>`,
    '',
    ...table,
    ...(left > 0 ? ['', `_${left} more are in the log._`] : []),
    '',
    '</details>',
    ...(result.details ? ['', result.details] : []),
  ];
}

/** The tests that took longest. */
export function testDetails({ tests }: TestReport): string {
  const slowest = tests.toSorted((a, b) => b.seconds - a.seconds).slice(0, slowestShown);
  if (!slowest.length) return '';
  return [
    '<details><summary>Slowest tests</summary>',
    '',
    '| Test | Seconds |',
    '| --- | ---: |',
    ...slowest.map(({ id, seconds }) => `| ${code(id)} | ${seconds.toFixed(2)} |`),
    '',
    '</details>',
  ].join('\n');
}

function where({ place: { file = '', line } }: Finding, { serverUrl, repository, sha }: GitHub): string {
  const shown = code(line ? `${file}:${line}` : file);
  if (!repository || !sha) return shown;
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `[${shown}](${serverUrl}/${repository}/blob/${sha}/${path}${line ? `#L${line}` : ''})`;
}

function rule({ rule: name, url }: Finding): string {
  if (!name) return '';
  return url ? `[${code(name)}](${url})` : code(name);
}

/** Text that comes from outside, in a cell of a table: no Markdown or HTML of its own, and not at any length. */
function cell(text: string): string {
  return shortened(text.trim())
    .replace(/[\\`*_[\]<>|&~$]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/\r?\n|\r/g, '<br>');
}

/** Several lines keep their indentation, which is what makes a comparison readable. */
function block(text: string): string {
  const shown = cell(text);
  return shown.includes('<br>') ? `<pre>${shown}</pre>` : shown;
}

function code(text: string): string {
  return `<code>${cell(text)}</code>`;
}

const longest = 1000;

function shortened(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
