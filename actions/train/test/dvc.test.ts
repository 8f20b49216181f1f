import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { contentOf, folderMd5 } from '../src/dvc/content.ts';
import { explainFailure } from '../src/dvc/failures.ts';
import { readLock } from '../src/dvc/lock.ts';
import { type PipelineFile, readPipelineFile } from '../src/dvc/pipeline-file.ts';
import { findDvc, requirementFor } from '../src/dvc/program.ts';
import { ReproProgress } from '../src/dvc/progress.ts';
import { type DvcProject, findProject } from '../src/dvc/project.ts';
import { pythonNumber } from '../src/dvc/templating.ts';
import { Unsure } from '../src/dvc/unsure.ts';
import { readJson, readYaml, same, type Value } from '../src/dvc/yaml.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dvc-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const yaml = async (text: string): Promise<Value> => (await readYaml(text, 'f.yaml')).value;

describe('values are read as DVC reads them', () => {
  test.for<[string, Value]>([
    ['1', 1n],
    ['1.0', 1],
    ['1e-4', 0.0001],
    ['.5', 0.5],
    ['yes', 'yes'],
    ['True', true],
    ['~', null],
    ['"1"', '1'],
    ['1.2.3', '1.2.3'],
    ['3d', '3d'],
    ['./x', './x'],
    ['[1, a: {b: 2}]', [1n, { a: { b: 2n } }]],
  ])('%s', async ([text, value]) => {
    expect(await yaml(text)).toEqual(value);
  });

  test.for([
    '1_000',
    '0x1F',
    '010',
    '.inf',
    '.NaN',
    '2020-01-02',
    '1:30',
    '!!str 1',
    '!tag x',
    '<<: {a: 1}',
    '1: x',
    '*none',
    '[',
    '%YAML 1.1\n---\nyes',
  ])('not at all, when readers differ: %s', async (text) => {
    await expect(yaml(text)).rejects.toThrow(Unsure);
  });

  test('from JSON, with integers told from other numbers', () => {
    expect(readJson('{"a": 1, "b": 1.0}', 'f')).toEqual({ a: 1n, b: 1 });
    expect(() => readJson('{"a": NaN}', 'f')).toThrow(Unsure);
  });

  test('and are equal only when they are of one kind', () => {
    expect(same({ a: [1n, 'x'] }, { a: [1n, 'x'] })).toBe(true);
    expect(same(1n, 1)).toBe(false);
    expect(same(true, 1n)).toBe(false);
    expect(same({ a: 1n }, { a: 1n, b: null })).toBe(false);
    expect(same({}, [])).toBe(false);
  });

  test('a float prints as Python prints it', () => {
    const cases: [number, string][] = [
      [1, '1.0'],
      [0.0001, '0.0001'],
      [0.00001, '1e-05'],
      [1.5e-7, '1.5e-07'],
      [1e16, '1e+16'],
      [123456789012345680, '1.2345678901234568e+17'],
      [1e15, '1000000000000000.0'],
      [-0.000123, '-0.000123'],
      [0.1, '0.1'],
    ];
    for (const [value, text] of cases) expect(pythonNumber(value)).toBe(text);
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(pythonNumber(value))).toBe(value);
      }),
    );
  });
});

describe('content has the name that DVC gives it', () => {
  test('of files and folders', async () => {
    await mkdir(join(folder, 'out'));
    await writeFile(join(folder, 'out', 'a.txt'), 'raw\n');
    await writeFile(join(folder, 'out', 'b.txt'), 'hi\n');
    // As DVC 3.67 wrote them into a dvc.lock.
    expect(await contentOf(join(folder, 'out', 'a.txt'))).toEqual({
      md5: '2306b4377429730ee03a806cff76e92b',
      bytes: 4,
    });
    expect(await contentOf(join(folder, 'out'))).toEqual({
      md5: '72c83a6e442f9f5e1f2eae771042d653.dir',
      bytes: 7,
    });
    expect(await contentOf(join(folder, 'none'))).toBeUndefined();
  });

  test('of a folder whatever the order of its files', () => {
    const file = fc.record({
      md5: fc.constant('0'.repeat(32)),
      relpath: fc.string({ unit: 'grapheme', minLength: 1 }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(file, { selector: ({ relpath }) => relpath }), (files) => {
        expect(folderMd5(files.toReversed())).toBe(folderMd5(files));
      }),
    );
  });

  test('but not of links and repositories', async () => {
    await mkdir(join(folder, 'with', '.git'), { recursive: true });
    await expect(contentOf(join(folder, 'with'))).rejects.toThrow('holds .git');
    await symlink(folder, join(folder, 'link'));
    await expect(contentOf(join(folder, 'link'))).rejects.toThrow('is a link');
  });
});

const readFileOf = async (content: object, values: Record<string, Value> = {}): Promise<PipelineFile> =>
  readPipelineFile((await readYaml(JSON.stringify(content), 'dvc.yaml')).value, async (file) => values[file]);

describe('a dvc.yaml', () => {
  test('with templates stands for stages', async () => {
    const { stages } = await readFileOf(
      {
        vars: ['more.yaml:n', { base: 'out' }],
        stages: {
          each: {
            foreach: { a: { lr: 0.1 }, b: { lr: 2 } },
            do: {
              cmd: 'run ${key} ${item.lr} ${n[1]}',
              outs: ['${base}/${key}'],
              params: ['x', { 'p.json': null }],
            },
          },
          grid: { matrix: { m: ['u', { v: 1 }] }, cmd: 'x ${key}', wdir: 'sub', deps: ['../d'] },
        },
      },
      { 'more.yaml': { n: ['p', 'q'], other: 1n }, 'params.yaml': { x: 1n } },
    );
    expect(stages.map(({ name, command }) => [name, command])).toEqual([
      ['each@a', 'run a 0.1 q'],
      ['each@b', 'run b 2 q'],
      ['grid@u', 'x u'],
      ['grid@m1', 'x m1'],
    ]);
    expect(stages[0]?.outs[0]?.path).toBe('out/a');
    expect(stages[0]?.params).toEqual(
      new Map([
        ['params.yaml', ['x']],
        ['p.json', null],
      ]),
    );
    expect(stages[2]?.deps).toEqual(['d']);
    expect(stages[2]?.written('d')).toBe('../d');
  });

  test.for<[object, string]>([
    [{ stages: { a: { cmd: 'x', retries: 3 } } }, "stage a has the key 'retries'"],
    [{ stages: { a: { cmd: 'x ${none}' } } }, "'none' has no value"],
    [
      { stages: { a: { cmd: 'x ${d}' } }, vars: [{ d: { a: 1 } }] },
      'a template stands for a list, a mapping or nothing',
    ],
    [
      { stages: { a: { cmd: 'x', deps: ['s3://b/k'] } } },
      "'s3://b/k' is not a path in the working directory",
    ],
    [{ stages: { a: { cmd: 'x', deps: ['../up'] } } }, "'../up' lies outside of the working directory"],
    [
      { stages: { a: { cmd: 'x', outs: [{ o: { cache: 'no' } }] } } },
      'a flag that is neither true nor false',
    ],
    [{ stages: { a: { cmd: 'x', plots: [{ p: { y: ['a'] } }] } } }, 'has a value that is not text'],
    [{ stages: { a: {} } }, 'stage a has no cmd'],
    [{ vars: [{ a: 1 }, { a: 2 }] }, "'a' has a value twice"],
    [{ datasets: [] }, "dvc.yaml has the key 'datasets'"],
  ])('that only DVC can read is left to it: %j', async ([content, why]) => {
    await expect(readFileOf(content)).rejects.toThrow(why);
    await expect(readFileOf(content)).rejects.toThrow(Unsure);
  });
});

test.for([
  ['schema: "1.0"', 'has another schema'],
  [
    "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n    - path: d\n      md5: 0a\n",
    'otherwise than by md5',
  ],
  ["schema: '2.0'\nstages:\n  a:\n    cmd: x\n    future: 1\n", 'has unknown keys'],
] as const)('a dvc.lock of another kind is left to DVC: %j', async ([text, why]) => {
  await expect(readLock(text, 'dvc.lock')).rejects.toThrow(why);
});

describe("DVC's log", () => {
  const read = (lines: readonly string[]) => {
    const progress = new ReproProgress((name) => ['a', 'b', 'c'].includes(name));
    for (const line of lines) progress.line(line, line.startsWith('ERROR') ? 'stderr' : 'stdout');
    progress.end();
    return [...progress.stages.values()].map(({ name, outcome }) => `${name} ${outcome}`);
  };

  test('tells what became of each stage', () => {
    expect(
      read([
        "Stage 'a' didn't change, skipping",
        "Stage 'b' is cached - skipping run, checking out outputs",
        "Running stage 'c':",
        '> python train.py',
        "ERROR: failed to reproduce 'c': failed to run: python train.py, exited with 1",
      ]),
    ).toEqual(['a unchanged', 'b cached', 'c failed']);
  });

  test('is not taken in by a command that prints the like', () => {
    expect(
      read([
        "Running stage 'a':",
        "Running stage 'x':",
        "Stage 'a' didn't change, skipping",
        "  Running stage 'b':",
      ]),
    ).toEqual(['a ran']);
  });
});

const project = (url: string | undefined): DvcProject => ({
  ...{ root: '/project', folder: '/project', cache: '/project/.dvc/cache', temporary: '/project/.dvc/tmp' },
  remotes: { default: url && 'store', urls: new Map(url ? [['store', url]] : []) },
});

describe('a failure is explained', () => {
  // In the words of DVC 3.67 and its plugins.
  test.for<[said: string, message: string, url?: string]>([
    [
      'ERROR: failed to pull data from the cloud - Unable to locate credentials',
      "the remote 'store' (s3://bucket/data) did not let this run read it: Unable to locate credentials",
    ],
    [
      'ERROR: unexpected error - Forbidden: An error occurred (403) when calling the HeadObject operation: Forbidden',
      'did not let this run read it: Forbidden: An error occurred (403)',
    ],
    [
      'ERROR: failed to connect to ssh (host) - Permission denied for user x on host y',
      'did not let this run read it',
      'ssh://user:hunter2@host/data',
    ],
    [
      "ERROR: unexpected error - gs is supported, but requires 'dvc-gs' to be installed: No module named 'dvc_gs'",
      "the DVC that is installed cannot use gs remotes: 'dvc-gs' is missing",
    ],
    ['ERROR: something else entirely', 'DVC failed: something else entirely'],
  ])('%s', ([said, message, url = 's3://bucket/data']) => {
    const error = explainFailure(said.split('\n'), project(url), new UserError('it failed'));
    expect(error.message).toContain(message);
    expect(error.toString()).not.toContain('hunter2');
    expect(error.advice).toMatch(/\.$/);
  });
});

describe('the program', () => {
  test.for([
    [undefined, 'dvc'],
    ['/mnt/data', 'dvc'],
    ['s3://b/k', 'dvc[s3]'],
    ['https://host/data', 'dvc'],
    ['azure://container', 'dvc[azure]'],
  ] as const)('to install for the remote %s is %s', ([url, requirement]) => {
    expect(requirementFor(project(url))).toBe(requirement);
  });

  test('is that of the active environment before any other', async () => {
    const name = process.platform === 'win32' ? 'dvc.exe' : 'dvc';
    const bin = process.platform === 'win32' ? 'Scripts' : 'bin';
    for (const place of [join('venv', bin), 'other']) {
      await mkdir(join(folder, place), { recursive: true });
      await writeFile(join(folder, place, name), '');
    }
    const env = { PATH: join(folder, 'other') };
    expect(findDvc(project(undefined), env)).toBe(join(folder, 'other', name));
    expect(findDvc(project(undefined), { ...env, VIRTUAL_ENV: join(folder, 'venv') })).toBe(
      join(folder, 'venv', bin, name),
    );
    expect(() => findDvc(project('gs://b'), {})).toThrow('there is no program dvc');
  });
});

test('settings of the machine win over those of the project', async () => {
  await mkdir(join(folder, '.dvc'));
  await mkdir(join(folder, 'sub'));
  await writeFile(
    join(folder, '.dvc', 'config'),
    `[core]\n    remote = a\n['remote "a"']\n    url = s3://a\n['remote "b"']\n    url = "gs://b"\n`,
  );
  await writeFile(join(folder, '.dvc', 'config.local'), '[core]\nremote = b\n[cache]\ndir = ../elsewhere\n');
  const found = await findProject(join(folder, 'sub'), folder);
  expect(found).toMatchObject({
    root: folder,
    folder: join(folder, 'sub'),
    cache: join(folder, 'elsewhere'),
  });
  expect(found.remotes.default).toBe('b');
  expect([...found.remotes.urls]).toEqual([
    ['a', 's3://a'],
    ['b', 'gs://b'],
  ]);
});
