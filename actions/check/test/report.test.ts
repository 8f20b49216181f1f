import type { GitHub } from '@mlops/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { selectFindings } from '../src/annotations.ts';
import type { Finding, Result } from '../src/finding.ts';
import { renderSummary } from '../src/summary.ts';

function result(check: Result['check'], findings: number, level: Finding['level'] = 'error'): Result {
  return {
    check,
    tool: `${check} 1.0`,
    outcome: findings ? 'failed' : 'passed',
    said: `${findings} findings`,
    findings: Array.from({ length: findings }, (_, line) => ({
      level,
      message: `${check} ${line + 1}`,
      rule: 'R1',
      place: { file: 'src/a.py', line: line + 1 },
    })),
  };
}

describe('annotations', () => {
  test('many findings of one check do not hide those of another, and leave room for what follows', () => {
    const selected = selectFindings([result('lint', 500), result('types', 2), result('tests', 1)], 1);
    expect(selected.map(({ finding }) => finding.message)).toEqual([
      ...['lint 1', 'types 1', 'tests 1', 'lint 2', 'types 2', 'lint 3', 'lint 4', 'lint 5', 'lint 6'],
    ]);
  });

  test('are never more than GitHub shows, and as many as there are below that', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { maxLength: 4 }), fc.nat(12), (counts, reserved) => {
        const selected = selectFindings(
          counts.map((findings) => result('lint', findings)),
          reserved,
        );
        const total = counts.reduce((sum, findings) => sum + findings, 0);
        expect(selected).toHaveLength(Math.min(total, Math.max(10 - reserved, 0)));
        const room = selectFindings([result('lint', 20), result('types', 20, 'warning')], 1);
        expect(room).toHaveLength(19);
      }),
    );
  });
});

describe('summary', () => {
  const github = {
    serverUrl: 'https://github.com',
    repository: 'acme/model',
    sha: 'abc',
  } as GitHub;

  test('names each check and links findings to their lines', () => {
    const text = renderSummary([result('lint', 1), result('tests', 0)], github);
    expect(text).toContain('### ❌ Check: 1 of 2 failed');
    expect(text).toContain('| ❌ lint | lint 1.0 | 1 findings |');
    expect(text).toContain('[<code>src/a.py:1</code>](https://github.com/acme/model/blob/abc/src/a.py#L1)');
  });

  test('shows 50 findings of a check and counts the rest', () => {
    const text = renderSummary([result('lint', 73)], github);
    expect(text.match(/<code>src\/a\.py/g)).toHaveLength(50);
    expect(text).toContain('_23 more are in the log._');
  });

  test('nothing in a message breaks the table or becomes markup', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('|', '\n', '\r', '<', '`', '[', 'a', '\\', '&', '*') }),
        (message) => {
          const failed = result('tests', 1);
          failed.findings = [{ level: 'error', message, rule: message, place: { file: 'a.py' } }];
          const rows = renderSummary([failed], github)
            .split('\n')
            .filter((line) => line.includes('a.py'));
          expect(rows).toHaveLength(1);
          expect(rows[0]?.match(/\|/g)).toHaveLength(4);
          expect(rows[0]?.replace(/<\/?(code|pre|br)>/g, '')).not.toMatch(/[<`*\\]/);
        },
      ),
    );
  });
});
