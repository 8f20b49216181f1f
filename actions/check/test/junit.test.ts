import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJunit } from '../src/junit.ts';
import { countsOf } from '../src/tests.ts';
import { bestFrame, framesOf } from '../src/traceback.ts';
import { paths, recorded } from './fixture.ts';

describe("pytest's report", () => {
  test('has each test once, with its outcome and its failures', async () => {
    const report = await parseJunit(recorded('pytest-9.xml'));
    expect(countsOf(report)).toEqual({ passed: 2, failed: 11, skipped: 2 });
    const failing = report.tests.filter(({ outcome }) => outcome === 'failed');
    expect(failing.map(({ id, failures }) => [id, failures.length])).toEqual([
      ['tests/test_a.py::test_eq', 1],
      ['tests/test_a.py::test_raise', 1],
      ['tests/test_a.py::test_setup', 1],
      ['tests/test_a.py::test_tear', 1],
      ['tests/test_a.py::test_tear_fail', 2], // Its teardown fails as well: twice in the file, and one test.
      ['tests/test_a.py::test_xpass', 1],
      ['tests/test_a.py::test_param[a b]', 1],
      ['tests/test_a.py::test_param[\\n]', 1],
      ['tests/test_a.py::TestK::test_m', 1],
      ['tests/test_a.py::test_sub', 3],
      ['tests/test_a.py::test_chdir', 1],
    ]);
    const messages = failing.flatMap(({ failures }) => failures.map(({ message }) => message));
    expect(messages[0]).toMatch(
      /^AssertionError: assert \{'a': 1, 'b': \[1, 2\]\} == .*\n {2}\n {2}Omitting 1 identical/,
    );
    expect(messages[1]).toBe('ValueError: bad <value> & #x1B[31m3');
    expect(messages[2]).toBe('failed on setup with "RuntimeError: no db"');
    expect(messages[4]).toBe('AssertionError: é <b>&amp;</b> ]]>\nassert False');
    expect(messages[6]).toBe('[XPASS(strict)]');
    expect(report.seconds).toBe(0.051);
  });

  test('has files that could not be collected, with what was raised', async () => {
    const { tests } = await parseJunit(recorded('pytest-9-collection.xml'));
    expect(tests.map(({ id }) => id)).toEqual(['tests/test_col.py', 'tests/test_syn.py']);
    expect(tests[0]?.failures[0]?.message).toBe("ModuleNotFoundError: No module named 'nosuchmodule'");
    expect(tests[1]?.failures[0]?.message).toContain('SyntaxError: invalid syntax');
  });

  test('has no tests, or one whose worker crashed', async () => {
    expect(await parseJunit(recorded('pytest-9-empty.xml'))).toEqual({ tests: [], seconds: 0.011 });
    const { tests } = await parseJunit(recorded('pytest-9-xdist-crash.xml'));
    expect(tests).toMatchObject([
      { id: 'tests2/test_crash.py::test_crash', outcome: 'failed', line: undefined },
    ]);
    expect(tests[0]?.failures[0]?.message).toContain("worker 'gw0' crashed");
  });

  test('is refused when it was cut off', async () => {
    const whole = recorded('pytest-9-collection.xml');
    await expect(parseJunit(whole.slice(0, 900))).rejects.toThrow("pytest's JUnit report is not whole");
    await expect(parseJunit('')).rejects.toThrow("pytest's JUnit report is not whole");
  });

  test('gives back any message that was written into it', async () => {
    const text = fc.string({ unit: 'grapheme' }).filter((written) => !/[\p{Cc}\uFFFE\uFFFF]/u.test(written));
    const escaped = (written: string) =>
      written.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`).replaceAll('\n', '&#10;');
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 3 }), text, async (lines, body) => {
        const message = `x${lines.join('\n')}x`;
        const failure = `<failure message="${escaped(message)}">${escaped(body)}</failure>`;
        const xml = `<testsuites><testsuite time="1.5"><testcase classname="t.a" name="n" file="t/a.py" line="0" time="1">${failure}</testcase></testsuite></testsuites>`;
        const { tests } = await parseJunit(xml);
        expect(tests[0]).toMatchObject({
          id: 't/a.py::n',
          line: 1,
          failures: [{ message, traceback: body }],
        });
      }),
    );
  });
});

describe('the place of a failure', () => {
  const place = async (file: string) => {
    const { tests } = await parseJunit(recorded(file));
    return tests.flatMap((each) =>
      each.failures.map(({ traceback }) => {
        const frame = bestFrame(
          framesOf(traceback),
          (path) => paths.inWorkspace(path) === each.file,
          (path) => paths.inWorkspace(path) !== undefined && !path.includes('site-packages'),
        );
        return frame ? `${paths.inWorkspace(frame.path)}:${frame.line}` : `definition:${each.line}`;
      }),
    );
  };

  test.each([
    // The call into the failing code and the line that raises again, in every style; without any, the definition.
    ['tb-long.xml', ['tests2/test_b.py:7', 'tests2/test_b.py:10']],
    ['tb-short.xml', ['tests2/test_b.py:7', 'tests2/test_b.py:10']],
    ['tb-native.xml', ['tests2/test_b.py:7', 'tests2/test_b.py:10']],
    ['tb-line.xml', ['definition:3', 'definition:9']],
    ['tb-no.xml', ['definition:3', 'definition:9']],
    ['pytest-9-collection.xml', ['tests/test_col.py:1', 'tests/test_syn.py:1']],
  ])('%s', async (file, expected) => {
    expect(await place(file)).toEqual(expected);
  });

  test('is in the test itself, also where the error comes from elsewhere or the folder was changed', async () => {
    expect((await place('pytest-9.xml')).slice(0, 4)).toEqual([
      'tests/test_a.py:8',
      'tests/test_a.py:11',
      'tests/test_a.py:15',
      'tests/test_a.py:22',
    ]);
    expect((await place('pytest-9.xml')).at(-1)).toBe('tests/test_a.py:49');
  });

  test('is read from Windows paths, and not from text that only looks like one', () => {
    expect(framesOf('tests\\test_a.py:3: AssertionError\nD:\\a\\repo\\lib.py:12: ValueError')).toEqual([
      { path: 'tests\\test_a.py', line: 3 },
      { path: 'D:\\a\\repo\\lib.py', line: 12 },
    ]);
    expect(framesOf('E   ConnectionError: host:80: refused\n>  x = a[1:2:3]\n    b.py:3: in source')).toEqual(
      [],
    );
    expect(framesOf('Eval.py:3: in f')).toEqual([{ path: 'Eval.py', line: 3 }]);
  });
});
