import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findHadolint } from '../../actions/docker-build-push/src/dockerfile/hadolint.ts';
import { spaceAfterHeredocs } from '../../actions/docker-build-push/src/dockerfile/heredocs.ts';
import {
  annotateFindings,
  type LintOptions,
  lintDockerfile,
} from '../../actions/docker-build-push/src/dockerfile/lint.ts';
import { projectOf } from '../../actions/docker-build-push/test/dockerfile/project.ts';

const temp = mkdtempSync(join(tmpdir(), 'lint-'));
const signal = AbortSignal.timeout(300_000);
// Installed once: the pinned one, whether this machine has another or not.
beforeAll(async () => expect(await findHadolint(temp, signal)).toHaveProperty('program'));
afterAll(() => rmSync(temp, { recursive: true, force: true }));

const careless = 'FROM python\nRUN cd /app && apt-get install -y curl\nCMD python app.py\n';
const lint = (dockerfile: string, options: Partial<LintOptions> = {}) =>
  lintDockerfile({ dockerfile, file: 'serving/Dockerfile', root: projectOf({}), temp, signal, ...options });

describe('lintDockerfile', () => {
  it('tells what is wrong, where, and how bad it is', async () => {
    const { findings, failed, unavailable } = await lint(careless);
    expect(unavailable).toBeUndefined();
    expect(findings).toContainEqual({
      code: 'DL3006',
      level: 'warning',
      message: expect.stringContaining('tag'),
      file: 'serving/Dockerfile',
      line: 1,
    });
    expect(findings.map(({ code }) => code)).toEqual(expect.arrayContaining(['DL3008', 'DL3025']));
    expect(failed).toBe(false);
  });

  it.each([
    ['error', false],
    ['warning', true],
    ['info', true],
    ['none', false],
  ] as const)('with the threshold %s, warnings fail: %s', async (threshold, failed) => {
    expect(await lint(careless, { threshold })).toMatchObject({ failed, threshold });
  });

  it('leaves out what is ignored here and in .hadolint.yaml, whose threshold counts', async () => {
    const root = projectOf({ '.hadolint.yaml': 'ignored: [DL3006]\nfailure-threshold: warning\n' });
    const { findings, failed } = await lint(careless, { root, ignore: ['dl3008', 'DL3025'] });
    const codes = findings.map(({ code }) => code);
    for (const code of ['DL3006', 'DL3008', 'DL3025']) expect(codes).not.toContain(code);
    expect(failed).toBe(findings.some(({ level }) => level === 'warning'));
    expect(await lint(careless, { root, threshold: 'error' })).toMatchObject({ failed: false });
  });

  it('names a configuration that cannot be read', async () => {
    const root = projectOf({ '.hadolint.yaml': 'ignored: {\n' });
    await expect(lint(careless, { root })).rejects.toMatchObject({
      name: 'UserError',
      place: { file: '.hadolint.yaml' },
    });
  });

  it('reads here-documents, and tells the lines that the file has', async () => {
    const { findings } = await lint('FROM a:1\nCOPY <<EOF /x\nRUN nothing\nEOF\nRUN cd /x\nCMD a b\n');
    expect(findings.map(({ code, line }) => [code, line])).toEqual(
      expect.arrayContaining([
        ['DL3003', 5],
        ['DL3025', 6],
      ]),
    );
  });

  it('says what is missing where there is neither hadolint nor an installer', async () => {
    const empty = projectOf({});
    const result = await lint(careless, { temp: empty, env: { PATH: empty } });
    expect(result).toMatchObject({
      findings: [],
      failed: false,
      unavailable: 'hadolint is unavailable: neither hadolint nor uv nor pip is on PATH',
    });
  });

  it('says why an installer could not bring it', async () => {
    const env = { PIP_NO_INDEX: '1', UV_OFFLINE: '1', UV_NO_CACHE: '1', UV_NO_INDEX: '1' };
    const { unavailable } = await lint(careless, { temp: projectOf({}), env });
    expect(unavailable).toMatch(/^hadolint is unavailable: (uv|python3?) could not install it/);
  });
});

it('findings are annotations of their kind', () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const finding = { code: 'DL3025', message: 'Use JSON', file: 'Dockerfile', line: 3 };
  annotateFindings([
    { ...finding, level: 'warning' },
    { ...finding, code: 'SC2086', level: 'info' },
  ]);
  const said = write.mock.calls.map(([text]) => String(text)).join('');
  write.mockRestore();
  expect(said).toContain('::warning title=hadolint%3A DL3025,file=Dockerfile,line=3::Use JSON%0Ahttps://');
  expect(said).toContain('::notice title=hadolint%3A SC2086');
  expect(said).toContain('https://www.shellcheck.net/wiki/SC2086');
});

describe('spaceAfterHeredocs', () => {
  it('adds empty lines and nothing else', () => {
    const line = fc.constantFrom(
      'FROM a',
      'RUN <<EOF',
      'RUN a \\',
      'COPY <<-"X" <<Y /b/',
      'EOF',
      '\tX',
      'Y',
      '',
      'RUN b <<c',
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { text, originalLine } = spaceAfterHeredocs(lines.join('\n'));
        const kept = text.split('\n').map((each, index) => ({ each, original: originalLine(index + 1) }));
        expect(kept.filter(({ each }) => each).map(({ each }) => each)).toEqual(lines.filter(Boolean));
        for (const { each, original } of kept) if (each) expect(lines[original - 1]).toBe(each);
      }),
    );
  });
});

it('finds nothing in the Dockerfiles that are written', async () => {
  const golden = join(import.meta.dirname, '../../actions/docker-build-push/test/dockerfile/golden');
  const written = readdirSync(golden).filter((name) => name.endsWith('.Dockerfile'));
  expect(written.length).toBeGreaterThan(10);
  for (const name of written)
    expect(await lint(readFileSync(join(golden, name), 'utf8')), name).toMatchObject({ findings: [] });
});
