import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { condaPython, createArguments, knowsSha256 } from '../src/conda/create.ts';
import { checkExplicit, kindOf, writeEnvironment } from '../src/conda/environment-file.ts';
import { readCondaLock } from '../src/conda/lock.ts';
import { micromambaRelease } from '../src/conda/micromamba-release.ts';
import { condaSubdir } from '../src/conda/subdir.ts';
import { pixiRelease } from '../src/pixi/pixi-release.ts';
import { addedToPath, prefixPython } from '../src/prefix.ts';
import type { Selection } from '../src/selection.ts';
import { targetTriple } from '../src/uv/uv-release.ts';

const plain: Selection = { extras: [], groups: [], excludeGroups: [] };

const lock = `
version: 1
metadata: {platforms: [linux-64, osx-arm64]}
package:
- {name: python, version: '3.12.4', manager: conda, platform: linux-64, url: 'https://c.invalid/linux-64/python-3.12.4-0.conda', hash: {md5: ${'1'.repeat(32)}, sha256: ${'2'.repeat(64)}}, category: main}
- {name: python, version: '3.12.4', manager: conda, platform: osx-arm64, url: 'https://c.invalid/osx-arm64/python-3.12.4-0.conda', hash: {md5: ${'3'.repeat(32)}}, category: main}
- {name: pytest, version: '9', manager: conda, platform: linux-64, url: 'https://c.invalid/noarch/pytest-9-0.conda', hash: {md5: ${'4'.repeat(32)}}, category: dev}
- {name: nvtop, version: '3', manager: conda, platform: linux-64, url: 'https://c.invalid/linux-64/nvtop-3-0.conda', hash: {md5: ${'5'.repeat(32)}}, category: gpu}
- {name: six, version: '1.16.0', manager: pip, platform: linux-64, url: 'https://i.invalid/six.whl', hash: {sha256: ${'6'.repeat(64)}}, category: main}
- {name: ours, version: '1', manager: pip, platform: linux-64, url: 'git+https://g.invalid/ours.git@0123abc', hash: {sha256: ''}, category: main}
`;

describe('conda-lock.yml', () => {
  const read = (selection: Partial<Selection> = {}, platform = 'linux-64') =>
    readCondaLock(lock, platform, { ...plain, ...selection }, 'conda-lock.yml');

  test('main and dev of one platform, each with the hash that the tool can check', async () => {
    const { explicit, requirements } = await read();
    expect(explicit('sha256')).toBe(`@EXPLICIT
https://c.invalid/linux-64/python-3.12.4-0.conda#sha256:${'2'.repeat(64)}
https://c.invalid/noarch/pytest-9-0.conda#${'4'.repeat(32)}
`);
    expect(explicit('md5')).toContain(`python-3.12.4-0.conda#${'1'.repeat(32)}\n`);
    expect(requirements).toBe(`six @ https://i.invalid/six.whl#sha256=${'6'.repeat(64)}
ours @ git+https://g.invalid/ours.git@0123abc
`);
    expect((await read({}, 'osx-arm64')).requirements).toBeUndefined();
  });
  test('categories are chosen and left out', async () => {
    const { explicit } = await read({ groups: ['gpu'], excludeGroups: ['dev'] });
    expect(explicit('md5')).toContain('nvtop');
    expect(explicit('md5')).not.toContain('pytest');
    await expect(read({ extras: ['tpu'] })).rejects.toMatchObject({
      message: "input extras: 'tpu' is no category of conda-lock.yml",
      advice: 'It has dev, gpu, main.',
    });
  });
  test('another platform is an error that lists those it has', async () => {
    await expect(read({}, 'win-64')).rejects.toMatchObject({
      message: 'conda-lock.yml locks nothing for this platform (win-64)',
      advice: "It has linux-64, osx-arm64. Lock it with 'conda-lock --platform win-64'.",
    });
  });
  test('a package without a hash is refused', async () => {
    const without = lock.replace(/hash: \{sha256: 6+\}/, 'hash: {}');
    const read = readCondaLock(without, 'linux-64', plain, 'conda-lock.yml');
    await expect(read).rejects.toThrow('conda-lock.yml has no hash for six');
  });
  test('what is no lock is refused', async () => {
    for (const text of ['version: 2\npackage: []\n', '[]', 'package: {', ''])
      await expect(readCondaLock(text, 'linux-64', plain, 'x.yml')).rejects.toMatchObject({
        place: { file: 'x.yml', line: 1 },
      });
  });
});

test('what a conda file is, is told by its contents', () => {
  expect(kindOf('/w/requirements.txt', '# platform: linux-64\n@EXPLICIT\nhttps://x\n')).toBe('explicit');
  expect(kindOf('/w/conda-lock.yml', 'version: 1\n')).toBe('lock');
  expect(kindOf('/w/gpu.conda-lock.yaml', 'version: 1\n')).toBe('lock');
  expect(kindOf('/w/environment.yml', 'dependencies: []\n')).toBe('environment');
});

test('an explicit list for another platform is refused; noarch fits everywhere', () => {
  const list = '@EXPLICIT\nhttps://c/noarch/a-1-0.conda\nhttps://c/osx-64/b-1-0.tar.bz2#00\n';
  expect(() => checkExplicit(list, 'osx-64', 'spec.txt')).not.toThrow();
  expect(() => checkExplicit(list, 'linux-64', 'spec.txt')).toThrow('lists packages for osx-64');
});

test('conda gets an environment under the name it knows, with the version of Python and whole paths', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'environment-'));
  const file = join(folder, 'mlflow.yaml');
  await writeFile(
    file,
    'name: x\nchannels: [a]\ndependencies:\n  - a::python >=3.10\n  - python-dateutil\n  - pip:\n    - -r more.txt\n    - -e .\n    - six\n',
  );
  const written = await writeEnvironment(file, 'python=3.12', join(folder, 'temp'));
  expect(written).toBe(join(folder, 'temp/mlops/setup-python-cuda/environment.yml'));
  expect(parse(await readFile(written, 'utf8'))).toEqual({
    name: 'x',
    channels: ['a'],
    dependencies: [
      'python-dateutil',
      { pip: [`-r ${join(folder, 'more.txt')}`, `-e ${pathToFileURL(folder).href}`, 'six'] },
      'python=3.12',
    ],
  });
  const same = parse(await readFile(await writeEnvironment(file, undefined, join(folder, 'temp')), 'utf8'));
  expect(same.dependencies[0]).toBe('a::python >=3.10');
  await rm(folder, { recursive: true });
});

describe('the command that makes an environment', () => {
  const micromamba = { name: 'micromamba', path: '/m', version: '2.9.0', cli: 'micromamba' } as const;
  const conda = { name: 'conda', path: '/c', version: '24.1.0', cli: 'conda' } as const;
  const target = { prefix: '/w/.venv', python: 'python=3.12', createArgs: ['--strict-channel-priority'] };
  const environment = { path: '/w/environment.yml', exact: false };

  test('is that of each tool', () => {
    const common = ['--prefix', '/w/.venv', '--file', '/w/environment.yml', '--strict-channel-priority'];
    expect(createArguments({ ...target, tool: micromamba }, environment)).toEqual([
      ...['create', '--yes', ...common],
      'python=3.12',
    ]);
    expect(createArguments({ ...target, tool: conda }, environment)).toEqual(['env', 'create', ...common]);
  });
  test('a lock and a version of Python contradict each other', () => {
    const exact = { path: '/w/explicit.txt', exact: true };
    expect(() => createArguments({ ...target, tool: conda }, exact)).toThrow("fixes Python's version");
    const without = { ...target, python: undefined, createArgs: [], tool: conda };
    expect(createArguments(without, exact).slice(0, 2)).toEqual(['create', '--yes']);
  });
  test.each([
    ['3.12', 'python=3.12'],
    ['3', 'python=3'],
    ['>=3.10, <3.13', 'python>=3.10,<3.13'],
    ['==3.12.4', 'python==3.12.4'],
    ['3.13t', undefined],
    ['pypy3.10', undefined],
    ['/usr/bin/python3', undefined],
  ])('Python %s is %s', (request, spec) => {
    if (spec) expect(condaPython(request)).toBe(spec);
    else expect(() => condaPython(request)).toThrow('has no meaning for a conda environment');
  });
  test.each([
    ['conda', '24.7.1', false],
    ['conda', '24.9.0', true],
    ['conda', '26.1.0', true],
    ['micromamba', '2.0.8', false],
    ['micromamba', '2.1.0', true],
    ['micromamba', '1.5.12', false],
  ] as const)('%s %s checks sha256: %s', (cli, version, knows) => {
    expect(knowsSha256({ cli, version })).toBe(knows);
  });
});

test('platforms have the names of conda, and the pinned releases cover them', () => {
  expect(condaSubdir('linux', 'x64')).toBe('linux-64');
  expect(condaSubdir('darwin', 'arm64')).toBe('osx-arm64');
  expect(condaSubdir('win32', 'x64')).toBe('win-64');
  expect(condaSubdir('aix', 'ppc64')).toBeUndefined();
  for (const [platform, arch] of [
    ['linux', 'x64'],
    ['linux', 'arm64'],
    ['darwin', 'x64'],
    ['darwin', 'arm64'],
    ['win32', 'x64'],
  ] as const) {
    expect(micromambaRelease.sha256[condaSubdir(platform, arch) ?? '']).toMatch(/^[0-9a-f]{64}$/);
    expect(pixiRelease.sha256[targetTriple(platform, arch, true) ?? '']).toMatch(/^[0-9a-f]{64}$/);
  }
});

test('a prefix has its Python in bin, on Windows beside everything', () => {
  expect(prefixPython('/w/.venv', 'linux')).toBe('/w/.venv/bin/python');
  expect(prefixPython('D:\\w\\.venv', 'win32')).toBe('D:\\w\\.venv\\python.exe');
});

describe('what activation puts on PATH', () => {
  test('in Windows also Library and Scripts, the first folder last, so that it ends up first', () => {
    const prefix = 'D:\\w\\.venv';
    const own = [
      prefix,
      `${prefix}\\Library\\mingw-w64\\bin`,
      `${prefix}\\Library\\bin`,
      `${prefix}\\Scripts`,
    ];
    const before = 'C:\\Windows;C:\\tools';
    expect(addedToPath([...own, before].join(';'), before, ';')).toEqual(own.toReversed());
  });
  test('putting the folders first one by one gives the same order', () => {
    const folder = fc.stringMatching(/^[a-z]{1,4}$/);
    fc.assert(
      fc.property(fc.uniqueArray(folder), fc.uniqueArray(folder), (added, there) => {
        const before = there.filter((each) => !added.includes(each));
        const after = [...added, ...before];
        const path = before.slice();
        for (const each of addedToPath(after.join(':'), before.join(':'), ':')) path.unshift(each);
        expect(path).toEqual(after);
      }),
    );
  });
});
