import { describe, expect, test } from 'vitest';
import { buildAdvice, buildFailure } from '../src/failure/build-failure.ts';
import { type Circumstances, causeOf } from '../src/failure/causes.ts';
import { shownAddress } from '../src/failure/fetch-causes.ts';
import { ownWords } from '../src/failure/own-words.ts';
import { ToolError } from '../src/run-tool.ts';

const job: Circumstances = { platform: 'linux', freeBytes: 1.5 * 2 ** 30, hasCredentials: () => false };
const message = (said: string, more: Partial<Circumstances> = {}) => {
  const cause = causeOf(said, { ...job, ...more });
  return `${cause?.message ?? '(own words)'}\n${cause?.advice}`;
};

// What the tools say is recorded from them where no test can make them say it.
describe('recorded words', () => {
  test('a full disk, as uv, pip, conda and Windows say it', () => {
    const uv = `error: Failed to install: torch-2.9.0-cp312-cp312-manylinux_2_28_x86_64.whl (torch==2.9.0)
  cause: failed to copy file from /home/runner/.cache/uv/archive-v0/x to /home/runner/work/m/m/.venv/lib/python3.12/site-packages/torch/lib/libtorch_cuda.so: No space left on device (os error 28)`;
    expect(message(uv)).toMatchInlineSnapshot(`
      "the disk is full (writing /home/runner/work/m/m/.venv/lib/python3.12/site-packages/torch/lib/libtorch_cuda.so): 1.5 GiB are free
      Free space in an earlier step (on hosted runners: 'docker image prune --all --force', or folders such as /usr/local/lib/android and /usr/share/dotnet), install fewer packages, or use a runner with a larger disk."
    `);
    const pip = 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device';
    expect(message(pip)).toMatch(/^the disk is full: 1\.5 GiB are free\n/);
    expect(message('NoSpaceLeftError: No space left on devices.')).toMatch(/^the disk is full/);
    const windows = 'cause: There is not enough space on the disk. (os error 112)';
    expect(message(windows)).toMatch(/^the disk is full/);
  });

  test('a repository that git cannot fetch, as uv and pip say it', () => {
    const uv = `error: Failed to download and build \`ours @ git+https://bot:****@github.com/acme/ours.git\`
  cause: Git operation failed
  cause: process didn't exit successfully: \`/usr/bin/git fetch --force 'https://bot:****@github.com/acme/ours.git' '+HEAD:refs/remotes/origin/HEAD'\` (exit status: 128)
         --- stderr
         fatal: could not read Username for 'https://github.com': terminal prompts disabled`;
    expect(message(uv)).toMatchInlineSnapshot(`
      "git cannot fetch a repository: fatal: could not read Username for 'https://github.com': terminal prompts disabled
      The repository is private or does not exist. Give git a token in an earlier step: git config --global url.'https://x-access-token:TOKEN@github.com/'.insteadOf 'https://github.com/', or a deploy key for ssh."
    `);
    const pip = `remote: Repository not found.
fatal: Authentication failed for 'https://bot:s3cret@github.com/acme/ours.git/'
error: subprocess-exited-with-error
× git clone --filter=blob:none did not run successfully.`;
    expect(message(pip)).toMatch(
      /^git cannot fetch a repository: fatal: Authentication failed for 'https:\/\/github\.com/,
    );
    const gone = "Git operation failed\nfatal: unable to access 'https://h/x.git/': Connection refused";
    expect(message(gone)).toMatch(/Connection refused\nCheck its address/);
  });

  test('files that uv cannot read', () => {
    const latin1 = 'error: failed to decode file `/w/requirements.txt`: stream did not contain valid UTF-8';
    expect(message(latin1)).toMatch(/Save it as UTF-8/);
    const missing = `error: Error parsing included file in \`requirements.txt\` at position 0
  cause: failed to read from file \`/w/base.txt\`: No such file or directory (os error 2)`;
    expect(message(missing)).toMatchInlineSnapshot(`
      "/w/base.txt is named here and is not there
      Correct its path, which is relative to the file that names it, or commit it."
    `);
  });

  test('refusals, as conda, mamba and pixi say them', () => {
    const conda = `CondaHTTPError: HTTP 401 UNAUTHORIZED for url <https://conda.example.com/t/s3cret/ml/noarch/repodata.json>`;
    expect(message(conda)).toMatchInlineSnapshot(`
      "https://conda.example.com/t/***/ml/noarch/repodata.json refused the request (401): no credentials were given for it
      Pass them in the input 'index-credentials' from a secret, as 'https://user:token@conda.example.com', or check that the address is right."
    `);
    const mamba = `error    libmamba Download error (-1) Could not download 'https://conda.example.com/ml/noarch/repodata.json': response code: 403`;
    expect(message(mamba, { hasCredentials: () => true })).toMatchInlineSnapshot(`
      "https://conda.example.com/ml/noarch/repodata.json refused the request (403): the credentials that it was given may not read this
      Check user and token for conda.example.com in the input 'index-credentials': whether they have expired, and may read packages."
    `);
    const pixi = `Error:   × failed to fetch https://repo.example.com/ml/noarch/repodata.json.zst
  ╰─▶ HTTP status client error (401 Unauthorized) for url (https://repo.example.com/ml/noarch/repodata.json.zst)`;
    expect(message(pixi)).toMatch(
      /^https:\/\/repo\.example\.com\/ml\/noarch\/repodata\.json\.zst refused the request \(401\)/,
    );
  });

  test('a busy channel', () => {
    const conda =
      'CondaHTTPError: HTTP 429 TOO MANY REQUESTS for url <https://conda.example.com/x/noarch/repodata.json>';
    expect(message(conda)).toMatch(
      /^https:\/\/conda\.example\.com\/x\/noarch\/repodata\.json answered 429, after several tries\nIt limits/,
    );
  });

  test('an index that cannot be reached', () => {
    const uv = `error: Request failed after 3 retries in 4.2s
  cause: Failed to fetch: https://pypi.example.com/simple/six/
  cause: error sending request for url (https://pypi.example.com/simple/six/)
  cause: client error (Connect)
  cause: dns error
  cause: failed to lookup address information: Name or service not known`;
    expect(message(uv)).toMatchInlineSnapshot(`
      "https://pypi.example.com/simple/six/ cannot be reached: failed to lookup address information: Name or service not known
      The index cannot be reached from this runner. Set HTTPS_PROXY, or a mirror in UV_DEFAULT_INDEX or conda-channels."
    `);
  });

  test('a wheel that the lock has for other platforms only', () => {
    const uv = `error: Distribution \`triton==3.5.0 @ registry+https://pypi.example.com/simple\` can't be installed because it doesn't have a source distribution or wheel for the current platform

hint: You're on macOS (\`macosx_15_0_arm64\`), but \`triton\` (v3.5.0) only has wheels for the following platforms: \`manylinux_2_27_x86_64\`, \`manylinux_2_28_x86_64\``;
    expect(message(uv)).toMatchInlineSnapshot(`
      "(own words)
      This version has no wheel for this platform, and no sources to build: choose another version, or another runner. uv's hint: You're on macOS (\`macosx_15_0_arm64\`), but \`triton\` (v3.5.0) only has wheels for the following platforms: \`manylinux_2_27_x86_64\`, \`manylinux_2_28_x86_64\`"
    `);
  });

  test('a Python that the project does not want', () => {
    const uv =
      "error: The requested interpreter resolved to Python 3.11.7, which is incompatible with the project's Python requirement: `>=3.12`";
    expect(message(uv)).toMatchInlineSnapshot(`
      "(own words)
      This environment has Python 3.11.7. Set 'python-version' to one that fits (>=3.12), or use a version of the package that supports this one."
    `);
  });

  test('what is nothing of these stays as it is', () => {
    expect(causeOf('error: something else', job)).toBeUndefined();
  });
});

describe("a tool's own words", () => {
  const words = (program: string, said: string) =>
    ownWords(
      new ToolError(program, [], {
        exitCode: 1,
        signal: null,
        stdout: '',
        stderrTail: [],
        stderr: said,
        said,
      }),
    );

  test('begin where the error does', () => {
    const said = `warning  libmamba Cache file is stale
error    libmamba Could not solve for environment specs
    The following package could not be installed
    └─ pytroch =* * does not exist (perhaps a typo or a missing channel).
critical libmamba Could not solve for environment specs`;
    expect(words('/x/micromamba', said)).toMatchInlineSnapshot(`
      "Could not solve for environment specs
          The following package could not be installed
          └─ pytroch =* * does not exist (perhaps a typo or a missing channel)."
    `);
    expect(
      words(
        '/x/conda',
        'Channels:\n - x\n\nPackagesNotFoundError: The following packages are missing:\n\n  - pytroch\n',
      ),
    ).toMatchInlineSnapshot(`
      "PackagesNotFoundError: The following packages are missing:
        - pytroch"
    `);
    expect(words('C:\\x\\pixi.exe', '')).toBe('pixi failed without a word');
  });

  test('are no wall of text', () => {
    const said = `error: No solution found\n${Array.from({ length: 90 }, (_, line) => `  line ${line}`).join('\n')}`;
    const shown = words('uv', said).split('\n');
    expect(shown).toHaveLength(12);
    expect(shown.at(-1)).toBe('  line 89');
  });
});

describe('a build that fails', () => {
  const uv = (stderr: string) => `error: Failed to build \`demo==1.0\`
  cause: The build backend returned an error
  cause: Call to \`setuptools.build_meta.build_wheel\` failed (exit status: 1)

         [stderr]
${stderr
  .split('\n')
  .map((line) => `         ${line}`)
  .join('\n')}

hint: This usually indicates a problem with the package or the build environment.`;
  const shown = (said: string, platform: NodeJS.Platform = 'linux') => {
    const failure = buildFailure(said);
    return (
      failure && `${failure.package}: ${failure.line}\n${buildAdvice(failure, platform).split('. Or use')[0]}`
    );
  };

  test.each([
    [
      'gcc',
      "demo.c:1:10: fatal error: Python.h: No such file or directory\n    1 | #include <Python.h>\ncompilation terminated.\nerror: command '/usr/bin/gcc' failed with exit code 1",
    ],
    [
      'clang',
      "demo.c:1:10: fatal error: 'openssl/ssl.h' file not found\n#include <openssl/ssl.h>\n1 error generated.",
    ],
    ['cl', "demo.c(1): fatal error C1083: Cannot open include file: 'libpq-fe.h': No such file or directory"],
    ['no gcc', "error: command 'gcc' failed: No such file or directory"],
    ['no g++', "error: [Errno 2] No such file or directory: 'g++'"],
    ['no cmake', "CMake must be installed.\nFileNotFoundError: [Errno 2] No such file or directory: 'cmake'"],
    [
      'no pg_config',
      'Error: pg_config executable not found.\n\npg_config is required to build psycopg2 from source.',
    ],
    ['no Rust', "error: can't find Rust compiler"],
    ['no swig', '/bin/sh: 1: swig: not found\nerror: command failed'],
    ['CUDA', 'demo.cpp:3:10: fatal error: cuda_runtime.h: No such file or directory'],
    ['an unknown header', 'demo.c:1:10: fatal error: ours/private.h: No such file or directory'],
    [
      'the code',
      "demo.c:7:3: error: unknown type name 'PyUnicodeObject'\nerror: command '/usr/bin/gcc' failed with exit code 1",
    ],
    [
      'setup.py',
      'Traceback (most recent call last):\n  File "<string>", line 1\nModuleNotFoundError: No module named \'numpy\'',
    ],
  ])('%s', (_, stderr) => expect(shown(uv(stderr))).toMatchSnapshot());

  test('on other systems no package of Debian is named', () => {
    expect(shown(uv('demo.c:1:10: fatal error: sndfile.h: No such file or directory'), 'darwin')).toContain(
      'The build needs the header sndfile.h; install what brings it in an earlier step',
    );
  });
  test('pip says it otherwise', () => {
    const pip = `  error: subprocess-exited-with-error
  × Building wheel for demo (pyproject.toml) did not run successfully.
      demo.c:1:10: fatal error: ffi.h: No such file or directory
  ERROR: Failed building wheel for demo`;
    expect(shown(pip)).toMatch(
      /^demo: demo\.c:1:10: fatal error: ffi\.h: No such file or directory\n.*libffi-dev/,
    );
  });
  test('what was not built is none', () => expect(buildFailure('error: No solution found')).toBeUndefined());
});

test('an address is shown without what may be secret', () => {
  expect(shownAddress('https://user:token@host.example/t/s3cret/conda/simple?key=x')).toBe(
    'https://host.example/t/***/conda/simple',
  );
});
