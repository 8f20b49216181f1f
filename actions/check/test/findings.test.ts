import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Finding, findingText, Paths } from '../src/finding.ts';
import { parseDiff, parseUnreadable } from '../src/format.ts';
import { parseRuff } from '../src/lint.ts';
import { parseMypy } from '../src/mypy.ts';
import { parsePyright } from '../src/pyright.ts';
import { paths, recorded } from './fixture.ts';

const texts = (findings: readonly Finding[] | undefined) => findings?.map(findingText);

describe('ruff check', () => {
  test('findings have place, rule and link; those of notebooks name the cell instead of a line', () => {
    const findings = parseRuff(recorded('ruff-0.17.json'), paths);
    expect(texts(findings)).toEqual([
      "a.py:1:1: I001 Import block is un-sorted or un-formatted ('ruff check --fix' mends it)",
      "a.py:1:8: F401 `os` imported but unused ('ruff check --fix' mends it)",
      "a.py:2:8: F401 `sys` imported but unused ('ruff check --fix' mends it)",
      "a.py:5:1: I001 Import block is un-sorted or un-formatted ('ruff check --fix' mends it)",
      "a.py:5:8: F401 `requests` imported but unused ('ruff check --fix' mends it)",
      "a.py:6:18: F401 `yaml.nothing` imported but unused ('ruff check --fix' mends it)",
      'bad.py:1:7: invalid-syntax Expected a parameter or the end of the parameter list',
      'bad.py:1:8: invalid-syntax Expected `)`, found newline',
      "nb.ipynb: I001 cell 2, line 1: Import block is un-sorted or un-formatted ('ruff check --fix' mends it)",
      "nb.ipynb: F401 cell 2, line 1: `os` imported but unused ('ruff check --fix' mends it)",
    ]);
    expect(findings[1]?.url).toBe('https://docs.astral.sh/ruff/rules/unused-import');
  });

  test('the report of an old version is read as well', () => {
    const findings = parseRuff(recorded('ruff-0.4.json'), paths);
    expect(findings).toHaveLength(8);
    expect(texts(findings)?.at(-1)).toBe("bad.py:1:8: E999 SyntaxError: Expected ')', found newline");
  });

  test('no findings, and what is no report', () => {
    expect(parseRuff('[]', paths)).toEqual([]);
    expect(() => parseRuff('All checks passed!', paths)).toThrow('what ruff reported is not JSON');
  });
});

describe('ruff format', () => {
  test('each file is found once, at the first line that changes', () => {
    expect(texts(parseDiff(recorded('format-0.17.diff').split('\n'), paths))).toEqual([
      "a.py:3: format is not formatted ('ruff format' mends it)",
      "nb.ipynb: format cell 2, line 2: is not formatted ('ruff format' mends it)",
    ]);
    expect(texts(parseDiff(recorded('format-0.4.diff').split('\n'), paths))).toEqual([
      "a.py:3: format is not formatted ('ruff format' mends it)",
    ]);
  });

  test('a file that cannot be parsed is found at its place', () => {
    expect(texts(parseUnreadable(recorded('format-0.17.err').split('\n'), paths))).toEqual([
      'bad.py:1:7: invalid-syntax Expected a parameter or the end of the parameter list',
    ]);
  });

  test('changed lines that look like headers are not taken for files', () => {
    const line = fc.constantFrom('-- x.py', '++ x.py', '- a', '@@ -1 +1 @@', '', ' y', '- x.py');
    const body = fc.array(fc.tuple(fc.constantFrom('-', '+', ' '), line).map(([sign, text]) => sign + text));
    fc.assert(
      fc.property(body, (changes) => {
        // What no diff has: the two lines of a header, and a hunk right after them.
        fc.pre(!/--- (.*)\n\+\+\+ \1\n@@/.test(changes.join('\n')));
        const lines = ['--- a.py', '+++ a.py', '@@ -1,7 +1,9 @@', ...changes];
        expect(parseDiff(lines, paths).map(({ place }) => place.file)).toEqual(['a.py']);
      }),
    );
  });
});

describe('mypy', () => {
  test('findings have 1-based columns, hints and links; notes are notices', () => {
    expect(texts(parseMypy(recorded('mypy-2.4.jsonl').split('\n'), paths))?.slice(0, 1)).toEqual([
      'a.py:4:12: return-value Incompatible return value type (got "int", expected "str")',
    ]);
    const findings = parseMypy(recorded('mypy-2.4-notes.jsonl').split('\n'), paths);
    expect(findings.map(({ level, place }) => [level, place.line])).toEqual([
      ['error', 1],
      ['notice', 2],
      ['error', 5],
      ['error', 12],
    ]);
    expect(findings[3]).toMatchObject({
      message:
        'No overload variant of "h" matches argument type "float"\nPossible overload variants:\n    def h(x: int) -> int\n    def h(x: str) -> str',
      url: 'https://mypy.readthedocs.io/en/stable/_refs.html#code-call-overload',
    });
  });

  test('what stops it is a finding, as JSON and as the text of an old version', () => {
    const stopped = parseMypy(recorded('mypy-2.4-syntax.jsonl').split('\n'), paths);
    expect(texts(stopped)?.[0]).toBe(
      'bad.py:1:8: syntax Expected a parameter or the end of the parameter list',
    );
    const old = parseMypy(recorded('mypy-1.11-syntax.jsonl').split('\n'), paths);
    expect(texts(old)).toEqual(['bad.py:1: syntax invalid syntax']);
  });

  test('an unknown line and other output are passed over', () => {
    const entry = {
      file: 'a.py',
      line: -1,
      column: -1,
      message: 'm',
      hint: null,
      code: null,
      severity: 'error',
    };
    expect(parseMypy([JSON.stringify(entry)], paths)[0]?.place).toEqual({ file: 'a.py' });
    expect(parseMypy(['Success: no issues found in 3 source files', '{nope', '{}', ''], paths)).toEqual([]);
  });
});

describe('pyright', () => {
  test('findings have 1-based places, rules and links', () => {
    const findings = parsePyright(recorded('pyright.json'), paths);
    expect(findings).toHaveLength(8);
    expect(findings?.[2]).toEqual({
      level: 'error',
      message: 'Type "int" is not assignable to return type "str"\n  "int" is not assignable to "str"',
      rule: 'reportReturnType',
      url: 'https://microsoft.github.io/pyright/#/configuration?id=reportReturnType',
      place: { file: 'a.py', line: 4, column: 12 },
    });
  });

  test('text before the report is passed over; warnings and information keep their level', () => {
    const diagnostic = { file: '/home/runner/model/a.py', message: 'm' };
    const report = {
      generalDiagnostics: [
        { ...diagnostic, severity: 'warning' },
        { ...diagnostic, severity: 'information' },
      ],
    };
    const text = `WARNING: there is a new pyright version available\n${JSON.stringify(report, null, 2)}\n`;
    expect(parsePyright(text, paths)?.map(({ level }) => level)).toEqual(['warning', 'notice']);
    expect(parsePyright('No configuration file found.', paths)).toBeUndefined();
  });
});

describe('paths', () => {
  test('are relative to the workspace, from a folder below it and from absolute ones', () => {
    const below = new Paths('/w/repo', '/w/repo/models/a', path.posix, (folder) => folder);
    expect(below.inWorkspace('src/x.py')).toBe('models/a/src/x.py');
    expect(below.inWorkspace('../b.py')).toBe('models/b.py');
    expect(below.inWorkspace('/w/repo/c.py')).toBe('c.py');
    expect(below.inWorkspace('/w/other/c.py')).toBeUndefined();
    expect(below.inWorkspace('/w/repo')).toBeUndefined();
    expect(below.inWorkspace('../../..named.py')).toBe('..named.py');
  });

  test('have forward slashes on Windows, whatever the case of the drive', () => {
    const windows = new Paths('D:\\a\\repo', 'D:\\a\\repo\\sub', path.win32, (folder) => folder);
    expect(windows.inWorkspace('tests\\test_a.py')).toBe('sub/tests/test_a.py');
    expect(windows.inWorkspace('d:\\a\\repo\\x.py')).toBe('x.py');
    expect(windows.inWorkspace('C:\\a\\repo\\x.py')).toBeUndefined();
  });

  test('count through a workspace that is a symbolic link', () => {
    const linked = new Paths('/tmp/w', '/tmp/w', path.posix, () => '/private/tmp/w');
    expect(linked.inWorkspace('/private/tmp/w/a.py')).toBe('a.py');
    expect(linked.inWorkspace('/tmp/w/a.py')).toBe('a.py');
  });

  test('any path below the workspace comes back as it was', () => {
    const name = fc.stringMatching(/^[\w .-]{1,8}$/).filter((text) => text !== '.' && text !== '..');
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), (names) => {
        const windows = new Paths('D:\\a', 'D:\\a', path.win32, (folder) => folder);
        expect(paths.inWorkspace(path.posix.join('/home/runner/model', ...names))).toBe(names.join('/'));
        expect(windows.inWorkspace(['D:', 'a', ...names].join('\\'))).toBe(names.join('/'));
      }),
    );
  });
});
