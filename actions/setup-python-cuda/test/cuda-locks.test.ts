import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backendExtra } from '../src/cuda/extras.ts';
import { leavingOut, lockedList } from '../src/cuda/locked-list.ts';
import type { Target } from '../src/plan.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cuda-locks-'));
  mkdirSync(join(root, 'temp'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function target(manager: string, { extras = [] as string[], uv = '0.13.9' } = {}): Target {
  return {
    project: { manager, files: [join(root, manager === 'uv' ? 'uv.lock' : 'pylock.toml')], ignored: [] },
    selection: { extras, groups: [], excludeGroups: [] },
    folder: root,
    workspace: root,
    temp: join(root, 'temp'),
    uv: { version: uv },
  } as unknown as Target;
}

function write(name: string, text: string): string {
  writeFileSync(join(root, name), text);
  return join(root, name);
}

const plan = (args: string[]) => ({ locked: true, steps: [{ args, cwd: root }] });

describe('the packages of a lock', () => {
  test('of hashed requirements, each version where it applies', async () => {
    const file = write(
      'requirements.txt',
      `torch==2.9.0 ; sys_platform == 'darwin' \\\n    --hash=sha256:${'0'.repeat(64)}\ntorch==2.9.0+cu128 ; sys_platform != 'darwin' --hash=sha256:${'1'.repeat(64)}\nJax[cuda]==0.4.1 --hash=sha256:${'2'.repeat(64)}\nours @ git+https://example.org/ours@abc\n`,
    );
    expect(await lockedList(target('pip'), plan(['pip', 'sync', file]))).toEqual([
      {
        name: 'torch',
        version: '2.9.0',
        marker: "sys_platform == 'darwin'",
        text: "torch==2.9.0 ; sys_platform == 'darwin'",
      },
      {
        name: 'torch',
        version: '2.9.0+cu128',
        marker: "sys_platform != 'darwin'",
        text: "torch==2.9.0+cu128 ; sys_platform != 'darwin'",
      },
      { name: 'jax', version: '0.4.1', marker: '', text: 'Jax[cuda]==0.4.1' },
      { name: 'ours', version: undefined, marker: '', text: 'ours @ git+https://example.org/ours@abc' },
    ]);
  });

  test('of pylock.toml, extras decided', async () => {
    const file = write(
      'pylock.toml',
      `lock-version = "1.0"\n[[packages]]\nname = "torch"\nversion = "2.9.0"\nmarker = "'gpu' in extras"\n[[packages]]\nname = "six"\nversion = "1.16.0"\nmarker = "'dev' not in dependency_groups"\n[[packages]]\nname = "ours"\ndirectory = { path = "." }\n`,
    );
    const list = await lockedList(target('pylock', { extras: ['gpu'] }), plan(['pip', 'sync', file]));
    expect(list.map(({ text }) => text)).toEqual([
      'torch==2.9.0 ; python_version >= "2"',
      'six==1.16.0 ; python_version >= "2"',
      'ours',
    ]);
  });
});

describe('leaving packages out', () => {
  const out = new Set(['torch', 'nvidia-nccl']);

  test('of a project of uv', async () => {
    const step = { args: ['sync', '--locked', '--extra', 'x'], cwd: root, env: { A: 'b' } };
    expect(await leavingOut(target('uv'), step, out)).toEqual({
      args: [
        ...['sync', '--locked', '--extra', 'x', '--inexact'],
        ...['--no-install-package', 'torch', '--no-install-package', 'nvidia-nccl'],
      ],
      cwd: root,
      env: { A: 'b' },
    });
  });

  test('of requirements', async () => {
    const file = join(root, 'requirements.txt');
    const args = ['pip', 'sync', '--require-hashes', '--allow-empty-requirements', file];
    const step = await leavingOut(target('pip'), { args, cwd: root }, out);
    const [, , , , excludes = ''] = step.args;
    expect(step.args).toEqual([
      ...['pip', 'install', '--no-deps', '--excludes', excludes, '--require-hashes', '-r', file],
    ]);
    expect(readFileSync(excludes, 'utf8')).toBe('torch\nnvidia-nccl');
  });

  test('of pylock.toml, whose paths lead where they led', async () => {
    const file = write(
      'pylock.toml',
      'lock-version = "1.0"\n[[packages]]\nname = "Torch"\nversion = "2.9.0"\n[[packages]]\nname = "ours"\ndirectory = { path = "./ours", editable = true }\n[[packages]]\nname = "six"\nversion = "1.16.0"\nwheels = [{ path = "wheels/six.whl", upload-time = 2021-05-05T14:18:17Z, hashes = { sha256 = "00" } }]\n',
    );
    const step = await leavingOut(
      target('pylock'),
      { args: ['pip', 'sync', file, '--extra', 'x'], cwd: root },
      out,
    );
    const copy = step.args.at(-1) ?? '';
    expect(step.args).toEqual(['pip', 'install', '--no-deps', '--extra', 'x', '-r', copy]);
    expect(parse(readFileSync(copy, 'utf8'))).toMatchObject({
      packages: [
        { name: 'ours', directory: { path: join(root, 'ours'), editable: true } },
        { name: 'six', wheels: [{ path: join(root, 'wheels/six.whl') }] },
      ],
    });
  });

  test('from a step that installs no lock changes nothing', async () => {
    const step = { args: ['pip', 'install', 'pip==25.0'], cwd: root };
    expect(await leavingOut(target('pip'), step, out)).toEqual(step);
  });

  test('needs a uv that can', async () => {
    const leave = (uv: string) =>
      leavingOut(target('pip', { uv }), { args: ['pip', 'sync', join(root, 'r.txt')], cwd: root }, out);
    await expect(leave('0.9.7')).rejects.toThrow(
      'uv 0.9.7 on PATH is too old to install PyTorch for another CUDA',
    );
    await expect(leave('0.8.24')).rejects.toThrow('too old');
    await leave('0.9.8');
    await leave('1.0.0');
  });
});

describe('extras that are named for backends', () => {
  const wish = { candidates: ['cu130', 'cu128'], fitting: ['cu130', 'cu128', 'cpu'], components: [] };
  const pyproject = (extras: string) =>
    write('pyproject.toml', `[project]\nname = "x"\n[project.optional-dependencies]\n${extras}\n`);

  test('are chosen among in the order of the candidates', async () => {
    pyproject('cpu = ["torch"]\ncu128 = ["torch>=2.7"]\ncu130 = ["torch>=2.9"]');
    expect(await backendExtra(target('uv'), wish, 'auto')).toBe('cu130');
    expect(await backendExtra(target('uv', { extras: ['cu128'] }), wish, 'auto')).toBe('cu128');
    expect(await backendExtra(target('pyproject'), { ...wish, candidates: ['cpu'] }, 'auto')).toBe('cpu');
  });

  test('are none where they have nothing to do with PyTorch, or where the manager has no extras', async () => {
    pyproject('cpu = ["onnxruntime"]\ngpu = ["torch"]');
    expect(await backendExtra(target('uv'), wish, 'auto')).toBeUndefined();
    pyproject('cu130 = ["torch"]');
    expect(await backendExtra(target('poetry'), wish, 'auto')).toBeUndefined();
    rmSync(join(root, 'pyproject.toml'));
    expect(await backendExtra(target('uv'), wish, 'auto')).toBeUndefined();
  });

  test('of which none fits, or another one is asked for', async () => {
    pyproject('cpu = ["torch"]\ncu118 = ["torch"]');
    await expect(backendExtra(target('uv'), wish, '13')).rejects.toMatchObject({
      message: "pyproject.toml has no extra for 'cuda: 13', which means cu130, cu128 here",
      advice: expect.stringContaining('It has cpu, cu118'),
    });
    await expect(backendExtra(target('uv', { extras: ['cpu'] }), wish, '13')).rejects.toThrow(
      "input extras: 'cpu' is for another backend than 'cuda: 13'",
    );
  });
});
