import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whyNoContainers } from '@mlops/testkit/buildkit/requirements';
import { root } from './root.ts';

/**
 * Runs every suite and closes with `N passed, N failed`, summed over all of them. A suite that ran no test fails, and
 * when CI is true a skipped test fails, too. Suites named as arguments run alone: `pnpm test unit`.
 */

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const suites: Record<string, () => Promise<Count>> = {
  lint: () => lint(['lint:code', 'typecheck', 'lint:generated', 'lint:workflows']),
  unit: () => vitest('unit'),
  integration: () => vitest('integration'),
  container: () => vitest('container'),
  e2e,
};
/** Why a suite cannot run on this machine: it is left out, and fails where it was asked for by name. */
const obstacles: Record<string, () => Promise<string | undefined>> = { container: whyNoContainers };

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.filter((name) => !(name in suites));
if (unknown.length) {
  console.error(`Unknown suite '${unknown[0]}'. Suites: ${Object.keys(suites).join(', ')}.`);
  process.exit(2);
}

const rows: [string, Count, number][] = [];
for (const name of positionals.length ? positionals : Object.keys(suites)) {
  console.log(`\n── ${name} ──`);
  const obstacle = await obstacles[name]?.();
  if (obstacle && !positionals.length) {
    console.log(`Left out: ${obstacle}.`);
    continue;
  }
  if (obstacle) console.error(`The suite '${name}' cannot run here: ${obstacle}.`);
  const started = performance.now();
  const count = (!obstacle && (await suites[name]?.())) || { passed: 0, failed: 1, skipped: 0 };
  if (count.passed + count.failed === 0) {
    console.error(`The suite '${name}' ran no test.`);
    count.failed += 1;
  }
  if (count.skipped && process.env.CI === 'true') {
    console.error(`The suite '${name}' skipped ${count.skipped} tests; with CI=true nothing may be skipped.`);
    count.failed += count.skipped;
    count.skipped = 0;
  }
  rows.push([name, count, (performance.now() - started) / 1000]);
}

console.log('');
for (const [name, count, seconds] of rows)
  console.log(`${name.padEnd(12)} ${line(count)} in ${seconds.toFixed(1)} s`);
const total = rows.reduce((sum, [, count]) => add(sum, count), { passed: 0, failed: 0, skipped: 0 });
console.log(`\n${line(total)}`);
process.exitCode = total.failed ? 1 : 0;

/** Each static check counts as one test. */
async function lint(tasks: string[]): Promise<Count> {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const task of tasks) {
    const code = await run('turbo', ['run', task, '--output-logs=errors-only', '--ui=stream']);
    if (code === 0) count.passed += 1;
    else count.failed += 1;
    console.log(`${code === 0 ? '✓' : '✗'} ${task}`);
  }
  return count;
}

/** The workflows that build images are left out where the suite `container` is. */
async function e2e(): Promise<Count> {
  const obstacle = await whyNoContainers();
  if (!obstacle) return vitest('e2e');
  console.log(`Left out: test/e2e/images, since ${obstacle}.`);
  return vitest('e2e', ['--exclude', 'test/e2e/images/**']);
}

async function vitest(project: string, options: readonly string[] = []): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), 'mlops-test-'));
  try {
    const file = join(folder, 'result.json');
    const code = await run('vitest', [
      'run',
      '--project',
      project,
      ...options,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ]);
    const result = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Partial<VitestResult>;
    const count = {
      passed: result.numPassedTests ?? 0,
      failed: result.numFailedTests ?? 0,
      skipped: (result.numPendingTests ?? 0) + (result.numTodoTests ?? 0),
    };
    // A file that cannot be loaded, or an unhandled error, fails the run without failing a test.
    if (code !== 0 && count.failed === 0) count.failed = 1;
    return count;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface VitestResult {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
}

function run(program: string, args: string[]): Promise<number> {
  const executable = process.platform === 'win32' ? `${program}.CMD` : program;
  const child = spawn(join(root, 'node_modules', '.bin', executable), args, {
    cwd: root,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function add(a: Count, b: Count): Count {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

function line({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
}
