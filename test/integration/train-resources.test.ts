import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GpuReader } from '../../actions/train/src/resources/gpus.ts';
import { type MeterOptions, startMeter } from '../../actions/train/src/resources/meter.ts';
import type { Sample } from '../../actions/train/src/resources/sample.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'train-resources-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Puts a program named nvidia-smi first on PATH, which notes each of its starts; `$ticks` are its 20 ms. */
function standIn(code: string): NodeJS.ProcessEnv {
  const program = join(folder, 'nvidia-smi');
  const starts = JSON.stringify(join(folder, 'starts'));
  writeFileSync(
    program,
    `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs');
appendFileSync(${starts}, process.argv.slice(2).join(' ') + '\\n');
const start = readFileSync(${starts}, 'utf8').trim().split('\\n').length;
const stream = (...lines) => { for (const line of lines) console.log(line); setTimeout(stream, 20, ...lines); };
${code}
`,
  );
  chmodSync(program, 0o755);
  return { ...process.env, PATH: [folder, process.env.PATH].join(delimiter) };
}

const starts = () => {
  try {
    return readFileSync(join(folder, 'starts'), 'utf8').trim().split('\n');
  } catch {
    return [];
  }
};

const soon = { deadlineMs: 30_000, everyMs: 10 };
/** What nvidia-smi 550 says of an H100, an A100 that is cut into MIG devices, and a GPU that fell off the bus. */
const h100 = '0, 87, 30518, 81559, 412.53, 61, NVIDIA H100 80GB HBM3';
const mig = '1, [N/A], 87, 40960, 45.12, 33, NVIDIA A100-SXM4-40GB';
const lost = '2, [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]';

describe('what a command uses', () => {
  const meter = (options: Partial<MeterOptions> = {}) =>
    startMeter({ folder, prices: { currency: 'EUR' }, signal: new AbortController().signal, ...options });

  test('is measured while it runs, with all that it started', async () => {
    const burn = `
      const { spawn } = require('node:child_process');
      if (process.argv[1] !== 'child') spawn(process.execPath, ['-e', process.env.BURN, 'child'], { stdio: 'ignore' });
      const memory = Buffer.alloc(150e6, 1);
      for (;;) memory[0] += 1;`;
    const end = new AbortController();
    const samples: Sample[] = [];
    const measuring = meter({
      everyMs: 100,
      prices: { currency: 'EUR', hour: 36, co2: 400 },
      onSample: (sample) => {
        samples.push(sample);
        const { memoryBytes = 0, cpuSeconds = 0 } = sample.processes ?? {};
        if (memoryBytes > 300e6 && cpuSeconds > 1) end.abort(new Error('seen'));
      },
    });
    const burning = command(process.execPath, ['-e', burn], {
      env: { BURN: burn },
      signal: end.signal,
      onSpawn: (pid) => measuring.addProcess(pid),
    });
    await expect(burning).rejects.toThrow('seen');
    const record = await measuring.stop();

    expect(record.processes?.memoryPeakBytes).toBeGreaterThan(300e6);
    expect(record.processes?.memoryPeakBytes).toBeLessThan(800e6);
    expect(record.processes?.cpuSeconds).toBeGreaterThan(1);
    expect(record.processes?.cpuSeconds).toBeLessThan((record.durationMs / 1000) * record.cores + 1);
    expect(record.cpuMean).toBeGreaterThan(0.1);
    expect(record.cpuMean).toBeLessThanOrEqual(1);
    expect(record.memoryPeakBytes).toBeGreaterThan(300e6);
    expect(record.memoryPeakBytes).toBeLessThanOrEqual(record.memoryBytes);
    expect(record.diskFreeLeastBytes).toBeGreaterThan(0);
    expect(record.seconds).toHaveLength(samples.length);
    expect(record.energy.wattHours).toBeGreaterThan(0);
    expect(record.energy.co2Grams).toBeCloseTo(record.energy.wattHours * 0.4, 5);
    expect(record.cost.amount).toBeCloseTo(record.durationMs / 1e5, 2);
    expect(measuring.status()).toMatch(/^CPU \d+ %, memory [\d.]+ [MG]B$/);
    expect(await measuring.stop()).toBe(record);
  });

  test('has the figures of the GPUs, their energy and their price', async () => {
    const env = standIn(`stream(${JSON.stringify(h100)}, ${JSON.stringify(mig)}, ${JSON.stringify(lost)});`);
    let seen: Sample | undefined;
    const measuring = meter({
      everyMs: 50,
      env,
      prices: { currency: 'EUR', hour: { gpu: { H100: 3, A100: 2 } } },
      onSample: (sample) => {
        seen = sample;
      },
    });
    expect(measuring.hasPrice).toBe(true);
    await waitFor(async () => (seen?.gpus.length === 2 && seen.seconds > 0.5 ? seen : undefined), {
      what: 'a sample with GPUs',
      ...soon,
    });
    expect(measuring.status()).toMatch(/, GPU 87 %$/);
    const { gpus, energy, cost, durationMs } = await measuring.stop();
    expect(gpus).toEqual([
      expect.objectContaining({
        name: 'NVIDIA H100 80GB HBM3',
        memoryBytes: 81_559 * 1024 ** 2,
        memoryPeakBytes: 30_518 * 1024 ** 2,
        utilisationMean: 0.87,
      }),
      expect.objectContaining({ name: 'NVIDIA A100-SXM4-40GB', utilisationMean: null }),
    ]);
    expect(gpus[0]?.watts.at(-1)).toBe(413);
    expect(gpus[0]?.celsius.at(-1)).toBe(61);
    expect(energy.gpuWattHours).toBeGreaterThan(0);
    expect(energy.gpuWattHours).toBeLessThanOrEqual((458 * durationMs) / 3.6e6);
    expect(cost.basis).toBe('1 × NVIDIA H100 80GB HBM3, 1 × NVIDIA A100-SXM4-40GB');
    expect(cost.amount).toBeCloseTo((5 * durationMs) / 3.6e6, 4);
    expect(starts()).toEqual([
      expect.stringMatching(/--query-gpu=index,.* --format=csv,noheader,nounits -l 1$/),
    ]);
  });

  test('has no price when only GPUs have one and there is none', async () => {
    const measuring = meter({ env: { PATH: folder }, prices: { currency: 'EUR', hour: { gpu: 3 } } });
    await waitFor(async () => (measuring.hasPrice ? undefined : true), {
      what: 'nvidia-smi not to be found',
      ...soon,
    });
    const { cost, gpus } = await measuring.stop();
    expect(gpus).toEqual([]);
    expect(cost).toEqual({ amount: 0, currency: 'EUR', basis: 'no price is known' });
  });

  test('is no longer looked at once the run is cancelled, and what was seen stays', async () => {
    const cancellation = new AbortController();
    const env = standIn(`stream(${JSON.stringify(h100)});`);
    let samples = 0;
    const measuring = meter({
      everyMs: 20,
      env,
      signal: cancellation.signal,
      onSample: () => (samples += 1),
    });
    await waitFor(async () => (measuring.latest?.gpus.length ? true : undefined), { what: 'a GPU', ...soon });
    cancellation.abort(new Error('cancelled'));
    const before = samples;
    const record = await measuring.stop();
    expect(samples).toBe(before + 1);
    expect(record.gpus).toHaveLength(1);
  });
});

describe('nvidia-smi', () => {
  let reader: GpuReader | undefined;
  afterEach(() => reader?.close());
  const read = (env: NodeJS.ProcessEnv, staleMs = 20_000) => {
    reader = new GpuReader({ everyMs: 20, env, staleMs, pauseMs: 10 });
    return reader;
  };
  const utilisations = (reader: GpuReader) => reader.samples().map(({ utilisation }) => utilisation);

  test('that dies is started again, and goes on', async () => {
    const reader = read(
      standIn(`if (start < 3) { console.log('0, ' + start + ', 1, 2, 3, 4, T4'); process.exitCode = 15; }
else stream('0, 99, 1, 2, 3, 4, T4');`),
    );
    await waitFor(async () => (utilisations(reader)[0] === 0.99 ? true : undefined), {
      what: 'the third one',
      ...soon,
    });
    expect(starts()).toHaveLength(3);
    expect(reader.names).toEqual(['T4']);
  });

  test('that hangs is given up after some tries, and its GPUs are without figures', async () => {
    const reader = read(
      standIn(
        `process.on('SIGTERM', () => {}); if (start === 1) console.log(${JSON.stringify(h100)}); setInterval(() => {}, 1000);`,
      ),
      3000,
    );
    await waitFor(async () => (utilisations(reader)[0] === 0.87 ? true : undefined), {
      what: 'figures',
      ...soon,
    });
    await waitFor(async () => (starts().length === 3 ? true : undefined), { what: 'three starts', ...soon });
    expect(reader.samples()).toEqual([
      expect.objectContaining({ name: 'NVIDIA H100 80GB HBM3', utilisation: undefined, watts: undefined }),
    ]);
  });

  test('that finds no driver is asked once', async () => {
    const reader = read(
      standIn(
        `console.log("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."); process.exitCode = 9;`,
      ),
    );
    await waitFor(async () => (reader.isAsking ? undefined : true), { what: 'its end', ...soon });
    expect(starts()).toHaveLength(1);
    expect(reader.samples()).toEqual([]);
    expect(reader.wattHours).toBeUndefined();
  });

  test('that is not there means no GPU', async () => {
    const reader = read({ PATH: folder });
    expect(reader.samples()).toEqual([]);
  });

  test('does not keep a run that is over from ending', async () => {
    const env = standIn(`process.on('SIGTERM', () => {}); stream(${JSON.stringify(h100)});`);
    const module = new URL('../../actions/train/src/resources/gpus.ts', import.meta.url).href;
    const { stdout } = await command(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { GpuReader } from ${JSON.stringify(module)};
const reader = new GpuReader({ everyMs: 20, env: process.env });
const look = () => { if (reader.names.length) console.log(reader.names.join()); else setTimeout(look, 10); };
look();`,
      ],
      { env },
    );
    expect(stdout).toBe('NVIDIA H100 80GB HBM3');
  });
});
