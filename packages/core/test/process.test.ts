import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { waitFor } from '../src/index.ts';
import { CommandError, command, script } from '../src/process.ts';

const node = process.execPath;
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mlops-process-'));
  folders.push(folder);
  return folder;
}

describe('a command', () => {
  test('gives its output, line by line as it comes', async () => {
    const lines: string[] = [];
    const result = await command(node, ['-e', 'console.log("a\\nb"); console.error("c")'], {
      onLine: (line, stream) => lines.push(`${stream} ${line}`),
    });
    expect(result.stdout).toBe('a\nb');
    expect(result.stderrTail).toEqual(['c']);
    expect(lines.sort()).toEqual(['stderr c', 'stdout a', 'stdout b']);
  });

  test('shows its progress as it comes, and keeps the last state of it', async () => {
    const lines: string[] = [];
    const result = await command(
      node,
      [
        '-e',
        'process.stdout.write("1 %\\r2 %\\rdone\\r\\nmore\\n"); process.stderr.write("\\r5 %\\r6 %\\r")',
      ],
      { onLine: (line, stream, end) => lines.push(`${stream} ${JSON.stringify(line + end)}`) },
    );
    expect(result.stdout).toBe('2 %\ndone\nmore');
    expect(result.stderrTail).toEqual(['6 %']);
    expect(lines.filter((line) => line.startsWith('stdout'))).toEqual([
      'stdout "1 %\\r"',
      'stdout "2 %\\r"',
      'stdout "done\\n"',
      'stdout "more\\n"',
    ]);
  });

  test('gives a long line in parts, and its whole output as it was', async () => {
    const lengths: number[] = [];
    const { stdout } = await command(node, ['-e', 'console.log("x".repeat(200_000)); console.log("\\n")'], {
      onLine: (line) => lengths.push(line.length),
    });
    expect(stdout).toBe(`${'x'.repeat(200_000)}\n\n`);
    expect(lengths).toEqual([65_536, 65_536, 65_536, 3392, 0, 0]);
  });

  test('may say more than is kept: the last of it is', async () => {
    const { stdout } = await command(node, [
      '-e',
      'const line = "x".repeat(1023) + "\\n"; for (let i = 0; i < 25_000; i++) process.stdout.write(line); console.log("end")',
    ]);
    expect(stdout).toHaveLength(10 * 1024 * 1024 - 1);
    expect(stdout.endsWith('x\nend')).toBe(true);
  });

  test('tells its process id once it runs', async () => {
    let seen: number | undefined;
    const { stdout } = await command(node, ['-p', 'process.pid'], { onSpawn: (pid) => (seen = pid) });
    expect(Number(stdout)).toBe(seen);
  });

  test('gets its arguments as they are', async () => {
    const odd = ['a b', '$HOME', '"quoted"', "it's", ';rm', '*'];
    const { stdout } = await command(node, [
      '-e',
      'console.log(JSON.stringify(process.argv.slice(1)))',
      '--',
      ...odd,
    ]);
    expect(JSON.parse(stdout)).toEqual(odd);
  });

  test('reads what it is given, and may end before it has read everything', async () => {
    expect(
      (await command(node, ['-e', 'process.stdin.pipe(process.stdout)'], { input: 'hello' })).stdout,
    ).toBe('hello');
    await command(node, ['-e', ''], { input: 'x'.repeat(1_000_000) });
  });

  test('that fails says how, and its last words', async () => {
    const failing = command(node, ['-e', 'console.error("no such table"); process.exit(3)']);
    await expect(failing).rejects.toThrow(/failed with exit code 3\. Its last words:\n {2}no such table/);
    await expect(failing).rejects.toBeInstanceOf(CommandError);
  });

  test('may fail where that is an answer', async () => {
    expect((await command(node, ['-e', 'process.exit(3)'], { tolerate: true })).exitCode).toBe(3);
  });

  test('that does not exist is named', async () => {
    await expect(command('no-such-program', [])).rejects.toThrow(
      "the program 'no-such-program' was not found",
    );
  });
});

describe('a script', () => {
  test('runs as a step would: the first failure ends it, also in a pipe', async () => {
    const { stdout } = await script('echo one\necho two');
    expect(stdout).toBe('one\ntwo');
    await expect(script('false | cat\necho not reached')).rejects.toThrow('failed with exit code 1');
  });
});

describe.skipIf(process.platform === 'win32')('a process in the background', () => {
  test('that keeps the output open is not waited for, and lives on as in a step', async () => {
    const seen: unknown[] = [];
    const { stdout } = await script('sleep 600 & echo $!', {
      onExit: (exitCode, signal) => seen.push(exitCode, signal),
    });
    expect(seen).toEqual([0, null]);
    // Throws when there is no such process any more.
    process.kill(Number(stdout), 'SIGKILL');
  });

  test('has its time when a command is stopped, as its shell may end before it', async () => {
    const stop = new AbortController();
    const { stdout } = await script(
      `(trap '' INT; trap 'sleep 6; echo saved; exit' TERM; echo ready; while :; do sleep 0.1; done); :`,
      {
        stop: { signal: stop.signal, graceMs: [50, 60_000] },
        onLine: () => stop.abort(),
      },
    );
    expect(stdout).toBe('ready\nsaved');
  });

  test('is ended with a command that is stopped', async () => {
    const stop = new AbortController();
    const { stdout } = await script(`(trap '' INT TERM; sleep 600) & echo $!; wait`, {
      stop: { signal: stop.signal, graceMs: [50, 50] },
      onLine: () => stop.abort(),
    });
    await waitFor(async () => (isRunning(Number(stdout)) ? undefined : true), {
      what: 'the process in the background to end',
      deadlineMs: 20_000,
    });
  });

  function isRunning(pid: number): boolean {
    try {
      // One that has ended stays as a zombie where nobody waits for it.
      return process.kill(pid, 0) && !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  }
});

describe.skipIf(process.platform === 'win32')('cancelling', () => {
  const alive = (pid: number) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  test('ends the command and what it started, even when they ignore the first signals', async () => {
    const pids = join(temporary(), 'pids');
    const cancellation = new AbortController();
    const stubborn = `trap '' INT TERM; echo $$ >> '${pids}'; bash -c "trap '' INT TERM; echo \\$\\$ >> '${pids}'; while :; do sleep 1; done"`;
    const running = script(stubborn, { signal: cancellation.signal, graceMs: 50 });
    running.catch(() => {});
    const read = async () => {
      const found = readFileSync(pids, { encoding: 'utf8', flag: 'a+' }).trim().split('\n').filter(Boolean);
      return found.length === 2 ? found.map(Number) : undefined;
    };
    const started = await waitFor(read, { what: 'both to start', deadlineMs: 20_000, everyMs: 20 });
    cancellation.abort(new Error('cancelled'));
    await expect(running).rejects.toThrow('cancelled');
    await waitFor(async () => (started.some(alive) ? undefined : true), {
      what: 'both to end',
      deadlineMs: 20_000,
      everyMs: 20,
    });
  });

  test('that is asked for as an answer tells how the command ended', async () => {
    const stop = new AbortController();
    const saves = `process.on('SIGINT', () => process.exit(7)); console.log('ready'); setInterval(() => {}, 1000);`;
    const { exitCode, signal } = await command(node, ['-e', saves], {
      stop: { signal: stop.signal, graceMs: [20_000, 20_000] },
      onLine: () => stop.abort(),
    });
    expect([exitCode, signal]).toEqual([7, null]);
  });

  test('waits as long as is asked for after each signal', async () => {
    const stubborn =
      'process.on("SIGINT", () => {}).on("SIGTERM", () => { console.log("terminated"); process.exit(0); }); setInterval(() => {}, 1000); console.log("ready")';
    const cancellation = new AbortController();
    const lines: string[] = [];
    const running = command(node, ['-e', stubborn], {
      signal: cancellation.signal,
      graceMs: [50, 60_000],
      onLine: (line) => {
        lines.push(line);
        if (line === 'ready') cancellation.abort(new Error('cancelled'));
      },
    });
    await expect(running).rejects.toThrow('cancelled');
    expect(lines).toEqual(['ready', 'terminated']);
  });

  test('lets a command end by itself first', async () => {
    const cancellation = new AbortController();
    const lines: string[] = [];
    const running = script('trap "echo saved; exit 0" INT; echo ready; while :; do sleep 0.05; done', {
      signal: cancellation.signal,
      onLine: (line) => {
        lines.push(line);
        if (line === 'ready') cancellation.abort(new Error('cancelled'));
      },
    });
    await expect(running).rejects.toThrow('cancelled');
    expect(lines).toEqual(['ready', 'saved']);
  });
});
