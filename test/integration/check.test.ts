import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';
import { type ActionOptions, type ActionResult, runAction } from '@mlops/testkit/runner-files';
import { tool } from '@mlops/tools';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

/** The action with real ruff, mypy, pyright and pytest, in environments made by uv. */
const action = fileURLToPath(new URL('../../actions/check', import.meta.url));
const setUp = fileURLToPath(new URL('../../actions/setup-python-cuda', import.meta.url));
const packages = ['ruff==0.17.6', 'mypy==2.4.1', 'pyright==1.1.414', 'pytest==9.2.0'];

let root: string;
let uv: string;
/** An environment with every tool, and one with none. */
let full: string;
let bare: string;
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'check-')));
  uv = await tool('uv');
  [full, bare] = [join(root, 'full'), join(root, 'bare')];
  for (const venv of [full, bare])
    await command(uv, ['venv', '--quiet', '--no-project', venv], { cwd: root });
  await command(uv, ['pip', 'install', '--quiet', '--python', full, ...packages], { cwd: root });
});
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 3 }));

const results: ActionResult[] = [];
afterEach(async () => {
  for (const { runner } of results.splice(0)) await runner.remove();
});

type Files = Record<string, string>;

async function write(files: Files): Promise<string> {
  const workspace = await mkdtemp(join(root, 'workspace-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(workspace, name)), { recursive: true });
    await writeFile(join(workspace, name), text);
  }
  return workspace;
}

function binOf(venv: string): string {
  return join(venv, process.platform === 'win32' ? 'Scripts' : 'bin');
}

async function run(
  files: Files,
  inputs: Record<string, string> = {},
  { venv = full, path, ...options }: ActionOptions & { venv?: string; path?: string } = {},
): Promise<ActionResult> {
  const result = await runAction(action, {
    workspace: await write(files),
    inputs,
    env: {
      VIRTUAL_ENV: venv,
      PATH: path ?? [binOf(venv), dirname(uv), process.env.PATH].join(delimiter),
    },
    ...options,
  });
  results.push(result);
  return result;
}

/** `error tests/test_a.py:3:1 title` */
function shown({ annotations }: ActionResult): string[] {
  return annotations.map(({ level, file, line, column, title }) =>
    [level, [file, line, column].filter((part) => part !== undefined).join(':'), title].join(' '),
  );
}

const clean: Files = {
  'pyproject.toml': '[tool.ruff]\nline-length = 100\n\n[tool.mypy]\nstrict = true\n\n[tool.pyright]\n',
  'model.py': 'def double(x: int) -> int:\n    return x * 2\n',
  'tests/test_model.py':
    'from model import double\n\n\ndef test_double() -> None:\n    assert double(2) == 4\n',
};
const last = (result: ActionResult) => result.annotations.at(-1)?.message ?? '';

describe('a clean project', () => {
  test('passes every check that it configures', async () => {
    const result = await run(clean);
    expect(result.stdout).toMatch(
      /passed +lint .*\npassed +format .*\npassed +types \(mypy.*\npassed +types \(pyright.*\npassed +tests/,
    );
    expect(result).toMatchObject({ exitCode: 0, annotations: [] });
    expect(result.outputs).toMatchObject({
      passed: 'true',
      'lint-findings': '0',
      'type-errors': '0',
      'tests-passed': '1',
      'tests-failed': '0',
      'tests-skipped': '0',
    });
    expect(readFileSync(result.outputs['junit-path'] ?? '', 'utf8')).toContain('test_double');
    expect(result.summary).toContain('✅ Check: passed');
    expect(result.record?.steps).toMatchObject([{ action: 'check', outcome: 'success' }]);
  });

  test('is only linted where it configures nothing and has no tests', async () => {
    const result = await run({ 'a.py': "x = {  'a':1 }\n" }, {}, { venv: bare });
    expect(result).toMatchObject({ exitCode: 0, outputs: { passed: 'true', 'lint-findings': '0' } });
    expect(result.stdout).not.toMatch(/format \(|types \(|tests \(/);
  });
});

test('the environment is the one that setup-python-cuda makes, once the group that has pytest is named', async () => {
  const workspace = await write({
    'requirements.txt': '',
    'requirements-dev.txt': 'pytest==9.2.0\n',
    'test_a.py': 'def test_a(): pass\n',
  });
  const env = { PATH: [dirname(uv), process.env.PATH].join(delimiter), VIRTUAL_ENV: undefined };
  const job = async (groups: Record<string, string>) => {
    const setup = await runAction(setUp, { workspace, env, inputs: { cache: 'off', ...groups } });
    results.push(setup);
    expect(setup).toMatchObject({ exitCode: 0 });
    return runAction(action, { after: setup, inputs: { lint: 'off' } });
  };
  const without = await job({});
  expect(last(without)).toContain('pytest is not installed');
  expect(last(without)).toContain("'groups: dev' for setup-python-cuda");
  expect(await job({ groups: 'dev' })).toMatchObject({ exitCode: 0, outputs: { 'tests-passed': '1' } });
});

describe('findings', () => {
  test('of every tool are shown at their places, below the workspace', async () => {
    const result = await run(
      {
        'models/pyproject.toml':
          '[tool.ruff.lint]\nselect = ["F"]\n\n[tool.mypy]\n\n[tool.pyright]\nreportReturnType = "warning"\n',
        'models/a.py': 'import os\n\n\ndef f( x: int) -> str:\n    return x\n',
        'models/tests/test_a.py': 'from a import f\n\n\ndef test_f():\n    assert f(1) == "1", "not text"\n',
      },
      { 'working-directory': 'models' },
    );
    expect(shown(result).sort()).toEqual([
      'error  Check Python code',
      'error models/a.py:1:8 lint: F401',
      'error models/a.py:4 format: format',
      'error models/a.py:5:12 types: return-value',
      'error models/tests/test_a.py:5 tests: tests/test_a.py::test_f',
      'warning models/a.py:5:12 types: reportReturnType',
    ]);
    expect(result.annotations.find(({ title }) => title?.startsWith('tests'))?.message).toBe(
      "AssertionError: not text\nassert 1 == '1'\n +  where 1 = f(1)",
    );
    expect(last(result)).toMatch(
      /^4 of 5 checks failed: lint \(ruff 0\.17\.6\): 1 finding; format .*; tests/,
    );
    expect(result.outputs).toMatchObject({
      passed: 'false',
      'lint-findings': '1',
      'type-errors': '1',
      'tests-passed': '0',
      'tests-failed': '1',
    });
    expect(result.exitCode).toBe(1);
  });

  test('mypy checks what its settings name, and nothing else', async () => {
    const result = await run(
      {
        'mypy.ini': '[mypy]\nfiles = src\n',
        'src/a.py': 'x: int = "a"\n',
        'other.py': 'y: int = "b"\n',
      },
      { lint: 'off', format: 'off' },
    );
    expect(shown(result)).toContain('error src/a.py:1:10 types: assignment');
    expect(result.outputs).toEqual({ passed: 'false', 'type-errors': '1' });
  });

  test('settings that would mend files change nothing', async () => {
    const result = await run({ 'ruff.toml': 'fix = true\n', 'a.py': 'import os\n' });
    expect(readFileSync(join(result.runner.workspace, 'a.py'), 'utf8')).toBe('import os\n');
    expect(result.outputs['lint-findings']).not.toBe('0');
  });
});

describe('tests', () => {
  const off = { lint: 'off', format: 'off', types: 'off' };

  test('that cannot be collected are shown with what was raised', async () => {
    const result = await run(
      { 'tests/test_import.py': 'import os\nimport nowhere\n', 'tests/test_syntax.py': 'def f(:\n' },
      off,
    );
    expect(shown(result)).toEqual([
      'error tests/test_import.py:2 tests: tests/test_import.py',
      'error tests/test_syntax.py:1 tests: tests/test_syntax.py',
      'error  Check Python code',
    ]);
    expect(result.annotations[0]?.message).toBe("ModuleNotFoundError: No module named 'nowhere'");
    expect(result.outputs).toMatchObject({ 'tests-failed': '2', 'tests-passed': '0' });
  });

  test('are found from the root of the repository, where pytest is configured', async () => {
    const result = await run(
      { 'pytest.ini': '[pytest]\naddopts = --tb=no\n', 'sub/test_a.py': 'def test_a():\n    assert False\n' },
      { ...off, 'working-directory': 'sub' },
    );
    expect(shown(result)[0]).toBe('error sub/test_a.py:1 tests: sub/test_a.py::test_a');
  });

  test('that are not there are a notice, unless there must be some', async () => {
    const files = { 'pytest.ini': '[pytest]\n', 'a.py': 'x = 1\n' };
    const automatic = await run(files, off);
    expect(automatic).toMatchObject({ exitCode: 0, outputs: { passed: 'true', 'tests-passed': '0' } });
    expect(automatic.annotations).toMatchObject([
      { level: 'notice', message: expect.stringContaining('collected no tests') },
    ]);
    const wanted = await run(files, { ...off, tests: 'on', 'pytest-args': '-k=nothing' });
    expect(wanted.exitCode).toBe(1);
    expect(last(wanted)).toMatch(/^pytest collected no tests\n.*pytest\.ini.*-k=nothing/);
  });

  test('take the arguments that are given', async () => {
    const files = { 'test_a.py': 'def test_one(): pass\ndef test_two(): assert 0\n' };
    const result = await run(files, { ...off, 'pytest-args': '-k\none or three\n-v' });
    expect(result.stdout).toContain('test_a.py::test_one PASSED');
    expect(result).toMatchObject({ exitCode: 0, outputs: { 'tests-passed': '1' } });
  });

  test.each([
    [
      'a conftest.py that fails',
      { 'conftest.py': '\nraise RuntimeError("no")\n' },
      /exit code 4.*RuntimeError: no/s,
      'conftest.py:2',
    ],
    [
      'arguments that pytest does not know',
      { 'pytest.ini': '[pytest]\naddopts = --nope\n' },
      /unrecognized arguments: --nope/,
      '',
    ],
    [
      'a crash',
      { 'test_b.py': 'import os\n\n\ndef test_b():\n    os.abort()\n' },
      /Fatal Python error: Aborted/,
      'test_b.py:5',
    ],
    [
      'a plugin that fails the run',
      {
        'conftest.py':
          'def pytest_sessionfinish(session):\n    print("coverage is too low")\n    session.exitstatus = 1\n',
      },
      /exit code 1, though no test is reported as failed.*coverage is too low/s,
      '',
    ],
  ])('fail for %s', async (_, files, message, place) => {
    const result = await run({ 'test_a.py': 'def test_a(): pass\n', ...files }, off);
    expect(result.exitCode).toBe(1);
    expect(last(result)).toMatch(message);
    expect(shown(result).at(-1)).toBe(`error ${place} Check Python code`);
    expect(result.outputs.passed).toBe('false');
  });
});

describe('what is not installed', () => {
  test('fails its check with advice, and the others still run', async () => {
    const files = {
      ...clean,
      'requirements.txt': 'numpy\n',
      'requirements-dev.txt': 'mypy==2.4.1\npytest==9.2.0\n',
    };
    const result = await run(files, {}, { venv: bare });
    expect(result.exitCode).toBe(1);
    expect(result.annotations.map(({ message }) => message.split('\n'))).toMatchObject([
      [
        'pyproject.toml configures mypy, and mypy is not installed in the environment',
        expect.stringContaining('groups: dev'),
      ],
      [
        'pyproject.toml configures pyright, and pyright is not installed in the environment',
        expect.stringContaining('Add it to'),
      ],
      [
        'there are test files, and pytest is not installed in the environment',
        expect.stringMatching(/requirements-dev\.txt.*groups: dev/),
      ],
      [expect.stringMatching(/^3 of 5 checks failed: types \(mypy\): could not run/), expect.any(String)],
    ]);
    expect(result.outputs).toEqual({ passed: 'false', 'lint-findings': '0' });
  });

  test('ruff comes through uv, and without uv the error says so', async () => {
    const files = { 'ruff.toml': '', 'a.py': 'import os\n' };
    const fetched = await run(files, {}, { venv: bare });
    expect(fetched.stdout).toMatch(/a\.py:1:8: F401/);
    const neither = await run(files, { format: 'off' }, { venv: bare, path: binOf(bare) });
    expect(last(neither)).toContain('uv is not on PATH');
    expect(last(neither)).toContain('setup-python-cuda');
  });

  test('an environment that is not there is one error', async () => {
    const result = await run({}, {}, { venv: join(root, 'nowhere') });
    expect(result.annotations).toHaveLength(1);
    expect(last(result)).toContain('no Python in it that runs');
  });
});

describe('mistakes', () => {
  test('ruff settings that cannot be read are shown in their file', async () => {
    const result = await run({ 'ruff.toml': 'line-length = 88\nnope = 1\n', 'a.py': 'x = 1\n' });
    expect(result.annotations[0]).toMatchObject({ level: 'error', file: 'ruff.toml', line: 2 });
    expect(result.annotations[0]?.message).toMatch(/unknown field `nope`/);
    expect(result.exitCode).toBe(1);
    const rule = await run(
      { 'pyproject.toml': '[tool.ruff.lint]\nselect = ["F", "NOPE1"]\n' },
      { format: 'off' },
    );
    expect(shown(rule)).toEqual(['error pyproject.toml:2 Check Python code']);
  });

  test('a check that can never run, and an argument that is taken, are refused', async () => {
    const nothing = await run({}, { lint: 'off', format: 'off', types: 'off', tests: 'off' });
    expect(last(nothing)).toContain('there is nothing to check');
    const report = await run({}, { 'pytest-args': '--junitxml=report.xml' });
    expect(last(report)).toContain("'--junitxml=report.xml' is set by this action");
    const untyped = await run({ 'a.py': '' }, { lint: 'off', format: 'off', types: 'on' }, { venv: bare });
    expect(last(untyped)).toContain('no type checker is configured');
  });
});

test('cancelling ends the tests and the step', async () => {
  const cancellation = new AbortController();
  const started = join(root, 'started');
  const slow = `import os, time\n\n\ndef test_slow():\n    open(${JSON.stringify(started)}, "w").write(str(os.getpid()))\n    time.sleep(600)\n`;
  const running = run({ 'test_slow.py': slow }, { lint: 'off' }, { signal: cancellation.signal });
  const pid = await waitFor(
    async () => (existsSync(started) && Number(readFileSync(started, 'utf8'))) || undefined,
    { what: 'the test', deadlineMs: 60_000, everyMs: 20 },
  );
  cancellation.abort();
  const result = await running;
  expect(result.exitCode).toBe(1);
  expect(last(result)).toBe('check was cancelled.');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
