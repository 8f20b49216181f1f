import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { meets, wantedUv } from '../src/uv/wanted-uv.ts';

describe('whether a version meets what is asked for', () => {
  test.each([
    ['0.13.9', '==0.13.9', true],
    ['0.13.9', '==0.13.8', false],
    ['0.13.9', '==0.13.*', true],
    ['0.14.0', '==0.13.*', false],
    ['0.13.9', '!=0.13.*', false],
    ['0.13.9', '>=0.9,<0.14', true],
    ['0.13.9', '>=0.9, <0.10', false],
    ['0.13.9', '~=0.13.2', true],
    ['0.14.0', '~=0.13.2', false],
    ['0.14.0', '~=0.13', true],
    ['0.9.0', '>0.9', false],
    ['0.9.1', '>0.9', true],
    ['0.10.0', '<=0.9.30', false],
  ])('%s %s: %s', (version, specifier, met) => expect(meets(version, specifier)).toBe(met));

  test('of two versions exactly one relation holds', () => {
    const version = fc.tuple(fc.nat(3), fc.nat(30), fc.nat(30)).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(version, version, (a, b) => {
        const held = ['<', '==', '>'].filter((operator) => meets(a, `${operator}${b}`));
        expect(held).toHaveLength(1);
        expect(meets(a, `>=${b}`)).toBe(held[0] !== '<');
        expect(meets(a, `!=${b}`)).toBe(held[0] !== '==');
      }),
    );
  });
});

describe('who asks', () => {
  let root: string;
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'wanted-uv-')));
    await mkdir(join(root, 'ml'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const ask = (input?: string) => wantedUv(input, join(root, 'ml'), root);

  test('the input, then uv.toml, pyproject.toml, and those above', async () => {
    expect(await ask()).toBeUndefined();
    await writeFile(join(root, 'pyproject.toml'), '[tool.uv]\nrequired-version = ">=0.9"\n');
    expect(await ask()).toEqual({ specifier: '>=0.9', from: 'pyproject.toml', file: 'pyproject.toml' });
    await writeFile(join(root, 'ml/uv.toml'), 'required-version = "0.9.5"\n');
    expect(await ask()).toEqual({ specifier: '==0.9.5', from: 'ml/uv.toml', file: 'ml/uv.toml' });
    expect(await ask('0.13.9')).toEqual({ specifier: '==0.13.9', from: 'the input uv-version' });
  });

  test('what is no version is an error', async () => {
    await expect(ask('latest')).rejects.toThrow(
      "'latest' is not a version of uv (from the input uv-version)",
    );
    await writeFile(join(root, 'ml/uv.toml'), 'required-version = "--version"\n');
    await expect(ask()).rejects.toMatchObject({ place: { file: 'ml/uv.toml', line: 1 } });
  });
});
