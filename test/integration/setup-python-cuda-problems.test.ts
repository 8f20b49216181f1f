import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { channelUrl, makeChannel, standIns, subdir } from './setup-python-cuda/conda.ts';
import { makeWheel } from './setup-python-cuda/private-index.ts';
import { errorOf, root, setUp, windows, workspace, write } from './setup-python-cuda/workbench.ts';

/** The whole annotation as a user sees it, without what differs from machine to machine. */
async function problem(options: Parameters<typeof setUp>[0] = {}): Promise<string> {
  const result = await setUp(options);
  const error = errorOf(result);
  const text = `${error?.file}:${error?.line}: ${error?.message}`;
  return text
    .replaceAll(workspace, 'WORKSPACE')
    .replaceAll(root, 'ROOT')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
    .replaceAll(result.outputs['python-version'] || '?', 'PYTHON')
    .replaceAll(/\b(cp|CPython )3\.?\d+/g, '$13xx')
    .replaceAll(/manylinux_\d+_\d+_\w+|linux_\w+|macosx_\w+/g, 'THIS_PLATFORM')
    .replaceAll(subdir, 'THIS_SUBDIR');
}

const setup = (more: string) => `from setuptools import Extension, setup
setup(name="ext", version="1.0", ext_modules=[Extension("ext", ["ext.c"])])
${more}`;

describe('what a user sees of an installation by uv that fails', () => {
  test('requirements that contradict each other', async () => {
    await write({ 'requirements.txt': '# Web\nrequests==2.31.0\nsix\n\nidna<2\n' });
    expect(await problem()).toMatchInlineSnapshot(`
      "requirements.txt:2: these requirements cannot be met together:
      requirements.txt:2: requests==2.31.0
      requirements.txt:5: idna<2
      Because requests==2.31.0 depends on idna>=2.5,<4 and you require requests==2.31.0, we can conclude that you require idna>=2.5,<4.
      And because you require idna<2, we can conclude that your requirements are unsatisfiable.
      Loosen one of these requirements, or choose another version of Python."
    `);
  });

  test('a project of which the requirements contradict each other', async () => {
    await write({
      'pyproject.toml':
        '[project]\nname = "demo"\nversion = "0.1"\nrequires-python = ">=3.10"\ndependencies = [\n  "requests==2.31.0",\n  "idna<2",\n]\n',
    });
    expect(await problem()).toMatchInlineSnapshot(`
      "pyproject.toml:6: these requirements cannot be met together:
      pyproject.toml:6: requests==2.31.0
      pyproject.toml:7: idna<2
      Because requests==2.31.0 depends on idna>=2.5,<4 and demo depends on requests==2.31.0, we can conclude that demo depends on idna>=2.5,<4.
      And because demo depends on idna<2, we can conclude that your requirements are unsatisfiable.
      Loosen one of these requirements, or choose another version of Python."
    `);
  });

  test('constraints that leave nothing', async () => {
    await write({ 'requirements.txt': 'six==1.16.0\n', 'constraints.txt': 'six<1.16\n' });
    expect(await problem({ inputs: { constraints: 'constraints.txt' } })).toMatchInlineSnapshot(`
      "requirements.txt:1: these requirements cannot be met together:
      requirements.txt:1: six==1.16.0
      constraints.txt:1: six<1.16
      Because you require six==1.16.0 and six<1.16, we can conclude that your requirements are unsatisfiable.
      Loosen one of these requirements, or choose another version of Python."
    `);
  });

  test('a package for another Python', async () => {
    const folder = await makeWheel('newer', 'py3-none-any', 'Requires-Python: >=3.99\\n');
    await write({ 'requirements.txt': 'newer==1.0\n' });
    expect(await problem({ env: { UV_FIND_LINKS: folder } })).toMatchInlineSnapshot(`
      "requirements.txt:1: this requirement cannot be met:
      requirements.txt:1: newer==1.0
      Because newer==1.0.0 requires Python >=3.99 and you require newer==1.0.0, we can conclude that your requirements are unsatisfiable.
      This environment has another Python. Set 'python-version' to one that fits (>=3.99), or use a version of the package that supports this one."
    `);
  });

  test('a package without a wheel for this Python', async () => {
    const folder = await makeWheel('older', 'cp27-cp27m-any');
    await write({ 'requirements.txt': 'older==1.0\n' });
    expect(await problem({ env: { UV_FIND_LINKS: folder } })).toMatchInlineSnapshot(`
      "requirements.txt:1: this requirement cannot be met:
      requirements.txt:1: older==1.0
      Because older==1.0 has no wheels with a matching Python implementation tag (e.g., \`cp3xx\`) and you require older==1.0, we can conclude that your requirements are unsatisfiable.
      This version has no wheel for this Python: choose another version of it, or set python-version to one it has wheels for. uv's hint: You require CPython 3xx (\`cp3xx\`), but we only found wheels for \`older\` (v1.0) with the following Python implementation tag: \`cp27\`"
    `);
  });

  test('a package without a wheel for this platform', async () => {
    const folder = await makeWheel('elsewhere', 'py3-none-win_arm64');
    await write({ 'requirements.txt': 'elsewhere==1.0\n' });
    expect(await problem({ env: { UV_FIND_LINKS: folder } })).toMatchInlineSnapshot(`
      "requirements.txt:1: this requirement cannot be met:
      requirements.txt:1: elsewhere==1.0
      Because elsewhere==1.0 has no wheels with a matching platform tag (e.g., \`THIS_PLATFORM\`) and you require elsewhere==1.0, we can conclude that your requirements are unsatisfiable.
      This version has no wheel for this platform, and no sources to build: choose another version, or another runner. uv's hint: Wheels are available for \`elsewhere\` (v1.0) on the following platform: \`win_arm64\`"
    `);
  });

  test.skipIf(process.platform !== 'linux')('a header that a build needs', async () => {
    await write({
      'requirements.txt': 'six==1.16.0\n./ext\n',
      'ext/setup.py': setup(''),
      // The compiler is not what is tested, and need not be there.
      'bin/cc':
        '#!/bin/sh\necho "ext.c:2:10: fatal error: sndfile.h: No such file or directory" >&2\necho "compilation terminated." >&2\nexit 1\n',
    });
    const env = { CC: `sh ${join(workspace, 'bin/cc')}` };
    expect(await problem({ env })).toMatchInlineSnapshot(`
      "requirements.txt:2: ext did not build: ext.c:2:10: fatal error: sndfile.h: No such file or directory
      The build needs the header sndfile.h. On Debian and Ubuntu, install it in an earlier step: 'sudo apt-get install --yes libsndfile1-dev'. Or use a version that has a wheel for this Python and platform, or another Python."
    `);
  });

  test.skipIf(windows)('a compiler that a build needs', async () => {
    await write({ 'requirements.txt': './ext\n', 'ext/setup.py': setup('') });
    expect(
      await problem({ env: { CC: 'gfortran-none', UV_CACHE_DIR: join(workspace, 'cache') } }),
    ).toMatchInlineSnapshot(`
      "requirements.txt:1: ext did not build: error: [Errno 2] No such file or directory: 'gfortran-none'
      The build needs the program gfortran-none; install what brings it in an earlier step. Or use a version that has a wheel for this Python and platform, or another Python."
    `);
  });

  test('a build that stops for a reason of its own', async () => {
    await write({
      'requirements.txt': './ext\n',
      'ext/setup.py': 'raise RuntimeError("set EXT_HOME to the sources")\n',
    });
    expect(await problem()).toMatchInlineSnapshot(`
      "requirements.txt:1: a package did not build: RuntimeError: set EXT_HOME to the sources
      It has no wheel for this Python and platform and did not build. Use a version that has a wheel for this Python and platform, or another Python."
    `);
  });

  test.each([429, 503])('an index that answers %i', async (status) => {
    const server = createServer((_, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
    await write({ 'requirements.txt': 'somewhere==1.0\n' });
    const env = { UV_HTTP_RETRIES: '0', UV_CACHE_DIR: join(workspace, 'cache') };
    try {
      expect(await problem({ env, inputs: { 'index-url': url } })).toMatchSnapshot();
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('a list that conda wrote', async () => {
    await write({ 'requirements.txt': '# platform: linux-64\nsix=1.16.0=pyhd8ed1ab_0\n' });
    expect(await problem()).toMatchInlineSnapshot(`
      "requirements.txt:2: Couldn't parse requirement in \`requirements.txt\` at position 21
        cause: no such comparison operator "=", must be one of ~= == != <= >= < > ===
               six=1.16.0=pyhd8ed1ab_0
                  ^^^^^^^^^^^^^^^^^^^^
      This is a list that 'conda list --export' writes; write one for conda with '--explicit', or list the packages in an environment.yml."
    `);
  });
});

describe.skipIf(windows)('what a user sees of an environment of conda or pixi that fails', () => {
  beforeAll(makeChannel, 120_000);

  const environment = (dependencies: string) =>
    `channels:\n  - ${channelUrl}\ndependencies:\n${dependencies}`;

  test.each(['micromamba', 'conda'] as const)('%s: packages that contradict each other', async (tool) => {
    await write({ 'environment.yml': environment('  - python\n  - oldsix\n  - six >=1.16\n  - hello\n') });
    expect(await problem(await standIns(join(root, `conflict-${tool}`), tool))).toMatchSnapshot();
  });

  test('a package that no channel has', async () => {
    await write({ 'environment.yml': environment('  - python\n  - pytroch\n') });
    expect(await problem(await standIns(join(root, 'unknown'), 'micromamba'))).toMatchInlineSnapshot(`
      "environment.yml:5: No candidates were found for pytroch *.
      Check the spelling and the version; the package may be in another channel, which 'channels:' or 'conda-channels' have to name."
    `);
  });

  test('pixi: packages that contradict each other', async () => {
    await write({
      'pixi.toml': `[workspace]\nchannels = ["${channelUrl}"]\nplatforms = ["${subdir}"]\n[dependencies]\npython = "*"\noldsix = "*"\nsix = ">=1.16"\n`,
    });
    expect(await problem(await standIns(join(root, 'conflict-pixi'), 'pixi'))).toMatchInlineSnapshot(`
      "pixi.toml:6: these requirements cannot be met together:
      pixi.toml:6: oldsix = "*"
      pixi.toml:7: six = ">=1.16"
      oldsix * cannot be installed because there are no viable options:
      └─ oldsix 1.0 would require
         └─ six <1.16, for which no candidates were found.
      Loosen one of these requirements, or choose another version of Python."
    `);
  });

  test.each([
    ['dependencies: [python\n', 'not YAML'],
    ['channels: [x]\n', 'without dependencies'],
    ['dependencies:\n  - python\n  - pop:\n    - six\n', 'with a key that is none'],
  ])('environment.yml %j: %s', async (text) => {
    await write({ 'environment.yml': text });
    expect(await problem(await standIns(join(root, 'broken'), 'micromamba'))).toMatchSnapshot();
  });
});
