import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { requirementLine, withExtras } from '../src/locks/locked-package.ts';
import { readPipfileLock } from '../src/locks/pipfile-lock.ts';
import { isOfPoetry1, isPackage, readPoetryLock } from '../src/locks/poetry-lock.ts';
import type { Selection } from '../src/selection.ts';

const plain: Selection = { extras: [], groups: [], excludeGroups: [] };
const hash = `sha256:${'a'.repeat(64)}`;

const poetryLock = `
[[package]]
name = "six"
version = "1.16.0"
optional = false
groups = ["main", "dev"]
markers = {dev = "python_version < \\"3.11\\""}
files = [{file = "six.whl", hash = "${hash}"}]

[[package]]
name = "pysocks"
version = "1.7.1"
optional = true
groups = ["main"]
markers = "extra == \\"socks\\""
files = [{file = "a.whl", hash = "${hash}"}]

[[package]]
name = "pytest"
version = "9.0.0"
groups = ["dev"]
files = [{file = "b.whl", hash = "${hash}"}]

[[package]]
name = "sphinx"
version = "8.0.0"
groups = ["docs"]
files = [{file = "c.whl", hash = "${hash}"}]

[[package]]
name = "ours"
version = "0.1.0"
groups = ["main"]
files = []
develop = true
[package.source]
type = "directory"
url = "../ours"

[[package]]
name = "theirs"
version = "0.2.0"
groups = ["main"]
files = []
[package.source]
type = "git"
url = "https://git.invalid/theirs.git"
reference = "main"
resolved_reference = "0123abc"

[extras]
socks = ["pysocks"]

[metadata]
lock-version = "2.1"
python-versions = ">=3.10"
`;
const pyproject = `
[build-system]
requires = ["poetry-core"]
[tool.poetry.group.docs]
optional = true
`;

describe('poetry.lock', () => {
  const read = (selection: Partial<Selection> = {}) =>
    readPoetryLock(parse(poetryLock), parse(pyproject), { ...plain, ...selection }, 'poetry.lock');
  const names = (selection: Partial<Selection> = {}) => read(selection).packages.map(({ name }) => name);

  test('installs main and every group that is not optional', () => {
    expect(names()).toEqual(['six', 'pysocks', 'pytest', 'ours', 'theirs']);
    expect(names({ groups: ['docs'], excludeGroups: ['dev'] })).toEqual([
      'six',
      'pysocks',
      'sphinx',
      'ours',
      'theirs',
    ]);
  });

  test('a package of several groups is installed where one of them wants it', () => {
    const six = (selection: Partial<Selection>) => read(selection).packages[0]?.marker;
    expect(six({})).toBeUndefined();
    expect(six({ excludeGroups: ['main'] })).toBe('(python_version < "3.11")');
  });

  test('extras decide their markers', () => {
    expect(read().packages[1]?.marker).toBe('python_version < "2"');
    expect(read({ extras: ['Socks'] }).packages[1]?.marker).toBe('python_version >= "2"');
  });

  test('sources are folders and commits too', () => {
    const lines = read().packages.map((each) => requirementLine(each, '/repo/ml'));
    expect(lines[0]).toBe(`six==1.16.0 \\\n    --hash=${hash}`);
    expect(lines[3]).toBe('-e file:///repo/ours');
    expect(lines[4]).toBe('theirs @ git+https://git.invalid/theirs.git@0123abc');
  });

  test('the project itself is a package unless it says otherwise', () => {
    expect(isPackage(parse(pyproject))).toBe(true);
    const none = `${pyproject}\n[tool.poetry]\npackage-mode = false\n`;
    expect(isPackage(parse(none))).toBe(false);
    expect(isPackage(parse('[project]\nname = "x"\n'))).toBe(false);
  });

  test.each<[Partial<Selection>, string]>([
    [{ groups: ['gpu'] }, "input groups: 'gpu' is not in poetry.lock"],
    [{ excludeGroups: ['gpu'] }, "input exclude-groups: 'gpu' is not in poetry.lock"],
    [{ extras: ['gpu'] }, "input extras: 'gpu' is not in poetry.lock"],
  ])('%j is an error', (selection, message) => expect(() => read(selection)).toThrow(message));

  test('of Poetry 1 are told by their format', () => {
    expect(isOfPoetry1(parse(poetryLock))).toBe(false);
    for (const version of ['1.1', '2.0'])
      expect(isOfPoetry1(parse(poetryLock.replace('"2.1"', `"${version}"`)))).toBe(true);
    expect(isOfPoetry1(parse(''))).toBe(true);
  });
});

describe('Pipfile.lock', () => {
  const lock = JSON.stringify({
    _meta: {
      sources: [
        { name: 'pypi', url: 'https://one.invalid' },
        { name: 'own', url: 'https://two.invalid/simple' },
      ],
    },
    default: {
      six: { version: '==1.16.0', hashes: [hash], markers: "python_version >= '3.7'" },
      requests: { version: '==2.34.2', hashes: [hash], extras: ['socks'] },
      colorama: { version: '*', markers: "sys_platform == 'win32'" },
      tool: { git: 'https://git.invalid/tool.git', ref: 'abc', subdirectory: 'py' },
      here: { path: '.', editable: true },
    },
    develop: { pytest: { version: '==9.0.0', hashes: [hash] }, six: { version: '==1.16.0', hashes: [hash] } },
  });
  const read = (selection: Partial<Selection> = {}) =>
    readPipfileLock(lock, { ...plain, ...selection }, 'Pipfile.lock');

  test('installs the default category; dev adds develop', () => {
    const names = (selection: Partial<Selection> = {}) => read(selection).packages.map(({ name }) => name);
    expect(names()).toEqual(['six', 'requests', 'colorama', 'tool', 'here']);
    expect(names({ groups: ['dev'] })).toEqual(['six', 'requests', 'colorama', 'tool', 'here', 'pytest']);
    expect(() => names({ groups: ['gpu'] })).toThrow("'gpu' is no category");
  });

  test('lines of a requirements file', () => {
    expect(read().packages.map((each) => requirementLine(each, '/repo'))).toEqual([
      `six==1.16.0 ; python_version >= '3.7' \\\n    --hash=${hash}`,
      `requests[socks]==2.34.2 \\\n    --hash=${hash}`,
      "colorama ; sys_platform == 'win32'",
      'tool @ git+https://git.invalid/tool.git@abc#subdirectory=py',
      '-e file:///repo',
    ]);
  });

  test('the source named pypi is whatever index the machine has', () => {
    expect(read().indexes).toEqual(['https://two.invalid/simple']);
  });

  test('no version and broken JSON are errors', () => {
    expect(() => readPipfileLock('{"default": {"a": {"version": "*"}}}', plain, 'Pipfile.lock')).toThrow(
      'locks a to no version',
    );
    expect(() => readPipfileLock('{', plain, 'Pipfile.lock')).toThrow('not valid JSON');
  });
});

test('a marker without extras stays as it is; one with them loses every mention', () => {
  const extra = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  fc.assert(
    fc.property(fc.array(extra, { minLength: 1, maxLength: 4 }), fc.array(extra), (names, chosen) => {
      const marker = names.map((name) => `extra == "${name}"`).join(' or ');
      const decided = withExtras(`${marker} and sys_platform == "linux"`, new Set(chosen));
      expect(decided).not.toContain('extra');
      expect(decided.split(' or ').map((part) => part.includes('>='))).toEqual(
        names.map((name) => chosen.includes(name)),
      );
      expect(withExtras('sys_platform == "win32"', new Set(chosen))).toBe('sys_platform == "win32"');
    }),
  );
});
