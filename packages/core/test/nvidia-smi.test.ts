import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { nvidiaSmi } from '../src/nvidia-smi.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** An environment whose nvidia-smi is this script; its arguments are in `$*`. */
function withNvidiaSmi(script: string | undefined): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(tmpdir(), 'nvidia-smi-'));
  folders.push(folder);
  if (script !== undefined) {
    writeFileSync(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, 'nvidia-smi'), 0o755);
  }
  return { PATH: `${folder}:/usr/bin:/bin` };
}

const says = (text: string, exitCode = 0) => withNvidiaSmi(`cat <<'END'\n${text}\nEND\nexit ${exitCode}`);
const fields = ['name', 'memory.used', 'power.draw'] as const;

describe.skipIf(process.platform === 'win32')('nvidia-smi', () => {
  test('is asked for its index and the fields, without header and units', async () => {
    const env = withNvidiaSmi('echo "0, $*" | tr "," ";" | sed "s/;/,/"');
    expect(await nvidiaSmi(['name'], { env })).toEqual({
      state: 'ok',
      gpus: [{ name: '--query-gpu=index;name --format=csv;noheader;nounits' }],
    });
  });

  test('gives a row for each GPU, undefined where there is no value', async () => {
    const env = says(
      '0, NVIDIA L4, 512, 16.32\r\n1, Tesla K80, [Not Supported], [N/A]\n2, GRID, [Unknown Error], N/A',
    );
    expect(await nvidiaSmi(fields, { env })).toEqual({
      state: 'ok',
      gpus: [
        { name: 'NVIDIA L4', 'memory.used': '512', 'power.draw': '16.32' },
        { name: 'Tesla K80' },
        { name: 'GRID' },
      ],
    });
  });

  test('gives the index where that is asked for', async () => {
    expect(await nvidiaSmi(['index', 'name'], { env: says('3, Tesla T4') })).toEqual({
      state: 'ok',
      gpus: [{ index: '3', name: 'Tesla T4' }],
    });
  });

  test('that is not there is absent', async () => {
    expect(await nvidiaSmi(fields, { env: withNvidiaSmi(undefined) })).toEqual({ state: 'absent' });
  });

  test('is looked for where Windows has it', async () => {
    // Nothing there can run on this system, but a folder that is not there is no error either.
    const env = { ...withNvidiaSmi(undefined), SystemRoot: 'D:\\Windows' };
    expect(await nvidiaSmi(fields, { env, platform: 'win32' })).toEqual({ state: 'absent' });
  });

  test.each([
    [
      'no driver runs',
      "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
      9,
    ],
    [
      'driver and library differ',
      'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.95',
      18,
    ],
    ['there is no device', 'No devices were found', 6],
    ['an older one finds no device', 'No devices were found', 0],
    ['the container lost its devices', 'Failed to initialize NVML: Unknown Error', 255],
  ])('is broken where %s', async (_, message, exitCode) => {
    expect(await nvidiaSmi(['name'], { env: says(message, exitCode) })).toEqual({
      state: 'broken',
      exitCode,
      message,
    });
  });

  test('that says nothing at all is broken', async () => {
    expect(await nvidiaSmi(fields, { env: withNvidiaSmi('exit 3') })).toEqual({
      state: 'broken',
      exitCode: 3,
      message: 'it said nothing (exit code 3)',
    });
  });

  test('that cannot be started is broken', async () => {
    const env = withNvidiaSmi('');
    chmodSync(join(env.PATH?.split(':')[0] ?? '', 'nvidia-smi'), 0o644);
    expect(await nvidiaSmi(fields, { env })).toMatchObject({
      state: 'broken',
      exitCode: null,
      message: expect.stringMatching(/cannot start.*EACCES/),
    });
  });

  test('what is no nvidia-smi may say anything, of which a log shows little', async () => {
    const noise = Array.from({ length: 50 }, (_, line) => `\\001\\033[31m${'x'.repeat(400)}${line}`);
    const found = await nvidiaSmi(['name'], { env: says(noise.join('\n'), 0) });
    const { message } = found as { message: string };
    expect(message.split('\n')).toHaveLength(6);
    expect(message).toMatch(/^[\w[\\…\n ]*$/);
    expect(message.length).toBeLessThan(1100);
  });

  test('a corrupted infoROM (exit code 14) is a warning', async () => {
    const env = says('0, Tesla T4, 0, 9.1\nWARNING: infoROM is corrupted at gpu 0000:00:1E.0', 14);
    expect(await nvidiaSmi(fields, { env })).toEqual({
      state: 'ok',
      gpus: [{ name: 'Tesla T4', 'memory.used': '0', 'power.draw': '9.1' }],
      warning: 'WARNING: infoROM is corrupted at gpu 0000:00:1E.0',
    });
  });

  test('a failing exit code without a word is a warning, too', async () => {
    expect(await nvidiaSmi(fields, { env: says('0, Tesla T4, 0, 9.1', 14) })).toMatchObject({
      state: 'ok',
      warning: 'nvidia-smi ended with exit code 14',
    });
  });

  test('a lost GPU is a warning beside those that answer', async () => {
    const lost =
      'Unable to determine the device handle for GPU 0000:65:00.0: GPU is lost.  Reboot the system to recover this GPU';
    const env = says(
      `0, NVIDIA A100-SXM4-80GB, 4, 61.07\n${lost}\n2, [GPU is lost], [GPU is lost], [GPU is lost]`,
      15,
    );
    const { gpus, warning } = (await nvidiaSmi(fields, { env })) as { gpus: unknown[]; warning: string };
    expect(gpus).toHaveLength(1);
    expect(warning).toBe(`${lost}\nGPU 2 tells nothing of itself: [GPU is lost]`);
  });

  test('a field that it does not know yet is asked for no more', async () => {
    const env = withNvidiaSmi(
      `case "$*" in *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; echo; exit 2;; esac; echo '0, Tesla K80'`,
    );
    expect(await nvidiaSmi(['compute_cap', 'name'], { env })).toEqual({
      state: 'ok',
      gpus: [{ name: 'Tesla K80', compute_cap: undefined }],
    });
  });

  test('that hangs is left behind', async () => {
    const env = withNvidiaSmi('echo "driver is busy"; exec sleep 600');
    expect(await nvidiaSmi(fields, { env, timeoutMs: 1000 })).toEqual({
      state: 'broken',
      exitCode: null,
      message: 'driver is busy\nit did not answer within 1 s',
    });
  });

  test('is cancelled with the run', async () => {
    const cancellation = new AbortController();
    const asking = nvidiaSmi(fields, { env: withNvidiaSmi('exec sleep 600'), signal: cancellation.signal });
    cancellation.abort(new Error('cancelled by SIGINT'));
    await expect(asking).rejects.toThrow('cancelled by SIGINT');
    await expect(nvidiaSmi(fields, { signal: cancellation.signal })).rejects.toThrow('cancelled by SIGINT');
  });

  test('whatever it says, every row has the fields and nothing throws', async () => {
    const line = fc.stringMatching(/^[ -~]{0,40}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 4 }), fc.nat(255), async (lines, exitCode) => {
        const env = says(lines.map((each) => (each === 'END' ? '' : each)).join('\n'), exitCode);
        const answer = await nvidiaSmi(['name', 'driver_version'], { env });
        expect(['ok', 'broken']).toContain(answer.state);
        if (answer.state === 'ok')
          for (const row of answer.gpus) expect(Object.keys(row)).toEqual(['name', 'driver_version']);
      }),
      { numRuns: 30 },
    );
  });
});
