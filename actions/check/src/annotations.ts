import { annotate } from '@mlops/core';
import type { Finding, Result } from './finding.ts';

/** GitHub shows this many annotations of each level for a step. */
const perStep = 10;
/** Enough for an assertion with its values; the log has the rest. */
const longest = 4000;

interface Selected {
  check: Result['check'];
  finding: Finding;
}

/**
 * Which findings are shown as annotations: of each level as many as there is room for, in turns from each tool, so that
 * a thousand findings of one do not hide the only one of another. `reserved` errors are left for what comes after.
 */
export function selectFindings(results: readonly Result[], reserved: number): Selected[] {
  return (['error', 'warning', 'notice'] as const).flatMap((level) => {
    const queues = results.map(({ check, findings }) =>
      findings.filter((finding) => finding.level === level).map((finding) => ({ check, finding })),
    );
    const room = Math.max(perStep - (level === 'error' ? reserved : 0), 0);
    return inTurns(queues).slice(0, room);
  });
}

function inTurns<T>(queues: readonly (readonly T[])[]): T[] {
  const rounds = Math.max(0, ...queues.map(({ length }) => length));
  return Array.from({ length: Math.min(rounds, perStep) }, (_, round) =>
    queues.flatMap((queue) => queue.slice(round, round + 1)),
  ).flat();
}

/** Shows a finding at its place, with the rule in the title and the link to its explanation at the end. */
export function annotateFinding({ level, message, rule, url, place }: Finding, check: Result['check']): void {
  const text = message.length > longest ? `${message.slice(0, longest)}…` : message;
  annotate(level, url ? `${text}\n${url}` : text, { ...place, title: rule ? `${check}: ${rule}` : check });
}
