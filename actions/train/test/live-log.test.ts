import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LiveLog, type LiveLogOptions } from '../src/live-log.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function open(options: Partial<LiveLogOptions> = {}): { log: LiveLog; written: string[] } {
  const written: string[] = [];
  const log = new LiveLog({
    write: (text) => written.push(text.replace(/\n$/, '')),
    ...{ heartbeatMs: 0, progressMs: 1000, status: () => '', ...options },
  });
  return { log, written };
}

describe('lines', () => {
  test('go out at once, with their colours and without movements of the cursor', () => {
    const { log, written } = open();
    log.line('epoch 1', 'stdout', '\n');
    log.line('', 'stdout', '\n');
    log.line('\x1b[32mok\x1b[0m\x1b[K', 'stderr', '\n');
    expect(written).toEqual(['epoch 1', '', '\x1b[32mok\x1b[0m']);
  });

  test('of nothing but movements are none', () => {
    const { log, written } = open();
    log.line('\x1b[?25h', 'stdout', '\n');
    log.line('   \x1b[2K', 'stdout', '\n');
    log.close();
    expect(written).toEqual([]);
  });

  test.each([
    '::error file=a.py,line=3::no such column',
    '  ::add-mask::hunter2',
    '::set-output name=a::\x1b[2Kb',
    '##[group]Epoch',
  ])('for the runner pass unchanged: %j', (line) => {
    const { log, written } = open();
    log.line(line, 'stdout', '\n');
    log.line(line, 'stdout', '\r');
    log.line(line, 'stdout', '\r');
    expect(written).toEqual([line, line, line]);
  });
});

describe('progress', () => {
  const bar = (percent: number) =>
    `${String(percent).padStart(3)}%|██    | ${percent}/100 [00:01<00:09, 9.1it/s]`;

  test('is shown now and then, and its end in place of the last state', () => {
    const { log, written } = open();
    for (let percent = 0; percent < 100; percent += 1) {
      log.line(bar(percent), 'stderr', '\r');
      vi.advanceTimersByTime(25);
    }
    log.line(bar(100), 'stderr', '\n');
    log.close();
    expect(written).toEqual([bar(0), bar(39), bar(79), bar(100)]);
  });

  test('that stands still is shown as it stands', () => {
    const { log, written } = open();
    log.line(bar(1), 'stderr', '\r');
    log.line(bar(2), 'stderr', '\r');
    expect(written).toEqual([bar(1)]);
    vi.advanceTimersByTime(1000);
    expect(written).toEqual([bar(1), bar(2)]);
    vi.advanceTimersByTime(10_000);
    log.line(bar(2), 'stderr', '\r');
    log.close();
    expect(written).toEqual([bar(1), bar(2)]);
  });

  test('is not lost before another line of its stream, nor at the end', () => {
    const { log, written } = open();
    log.line('loss 0.9', 'stdout', '\r');
    log.line('loss 0.5', 'stdout', '\r');
    log.line('beside it', 'stderr', '\n');
    log.line('Traceback (most recent call last):', 'stdout', '\n');
    log.line('saving', 'stdout', '\r');
    log.close();
    expect(written).toEqual([
      'loss 0.9',
      'beside it',
      'loss 0.5',
      'Traceback (most recent call last):',
      'saving',
    ]);
  });

  test('of two streams is throttled for each', () => {
    const { log, written } = open();
    for (const stream of ['stdout', 'stderr'] as const)
      for (const state of ['1', '2']) log.line(`${stream} ${state}`, stream, '\r');
    expect(written).toEqual(['stdout 1', 'stderr 1']);
  });

  test('that is drawn over the lines above counts as progress', () => {
    const { log, written } = open();
    for (const state of ['10 %', '20 %', '30 %']) log.line(`\x1b[1A\x1b[2K${state}`, 'stdout', '\n');
    expect(written).toEqual(['10 %']);
    log.close();
    expect(written).toEqual(['10 %', '30 %']);
  });

  test('of Keras, which goes back by backspaces, is shown', () => {
    const { log, written } = open();
    log.line('', 'stdout', '\r');
    log.line(`1/2 ━━━━ 0s 5ms/step - loss: 0.52${'\b'.repeat(33)}`, 'stdout', '\r');
    log.line('\x1b[1m2/2\x1b[0m ━━━━ 0s 5ms/step - loss: 0.41', 'stdout', '\n');
    expect(written).toEqual([
      '1/2 ━━━━ 0s 5ms/step - loss: 0.52',
      '\x1b[1m2/2\x1b[0m ━━━━ 0s 5ms/step - loss: 0.41',
    ]);
  });

  test('that is blank is none', () => {
    const { log, written } = open();
    for (const line of ['', '   ', '\x1b[2K', '\x1b[0m  ']) log.line(line, 'stdout', '\r');
    log.close();
    expect(written).toEqual([]);
  });
});

describe('the heartbeat', () => {
  test('says after each silence that the command runs, and what the machine does', () => {
    const { log, written } = open({ heartbeatMs: 60_000, status: () => 'CPU 98 %, memory 3.2 GB, GPU 87 %' });
    vi.advanceTimersByTime(50_000);
    log.line('epoch 1', 'stdout', '\n');
    vi.advanceTimersByTime(59_999);
    expect(written).toEqual(['epoch 1']);
    vi.advanceTimersByTime(1);
    expect(written.at(-1)).toBe('… still running after 1 min 50 s: CPU 98 %, memory 3.2 GB, GPU 87 %');
    vi.advanceTimersByTime(60_000);
    expect(written.at(-1)).toBe('… still running after 2 min 50 s: CPU 98 %, memory 3.2 GB, GPU 87 %');
    log.close();
    vi.advanceTimersByTime(600_000);
    expect(written).toHaveLength(3);
  });

  test('is off at 0, and says only the time where nothing is known', () => {
    const silent = open();
    vi.advanceTimersByTime(600_000);
    expect(silent.written).toEqual([]);
    const { written } = open({ heartbeatMs: 1000 });
    vi.advanceTimersByTime(1000);
    expect(written).toEqual(['… still running after 1.0 s']);
  });
});

test('every line goes out, in order, and the last state of every progress', () => {
  const event = fc.record({
    text: fc.constantFrom('a', 'b', 'c 1', 'c 2', 'd'),
    end: fc.constantFrom('\n' as const, '\r' as const),
    wait: fc.nat(1500),
  });
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const { log, written } = open();
      for (const { text, end, wait } of events) {
        log.line(text, 'stdout', end);
        vi.advanceTimersByTime(wait);
      }
      log.close();
      const shown = [...written];
      for (const [i, { text, end }] of events.entries()) {
        // The end of a bar stands for its last state.
        const next = events[i + 1];
        const isLast = end === '\r' && (!next || (next.end === '\n' && next.text[0] !== text[0]));
        if (end === '\n' || isLast) {
          const at = shown.indexOf(text);
          expect(at).toBeGreaterThanOrEqual(0);
          if (end === '\n') shown.splice(0, at + 1);
        }
      }
    }),
  );
});
