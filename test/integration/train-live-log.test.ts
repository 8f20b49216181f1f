import { dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import { tool } from '@mlops/tools';
import { beforeAll, describe, expect, test } from 'vitest';
import { LiveLog } from '../../actions/train/src/live-log.ts';
import { withoutColours } from '../../actions/train/src/terminal-line.ts';

/** A Python with tqdm and rich, which DVC brings along. */
let python: string;
beforeAll(async () => {
  python = join(dirname(await tool('dvc')), process.platform === 'win32' ? 'python.exe' : 'python');
});

/** Runs Python code as a training's command; of its progress only what must be shown is. */
async function shown(code: string): Promise<string[]> {
  let written = '';
  const log = new LiveLog({
    write: (text) => {
      written += text;
    },
    ...{ heartbeatMs: 0, progressMs: 3_600_000, status: () => '' },
  });
  await command(python, ['-c', code], {
    env: { PYTHONUNBUFFERED: '1', COLUMNS: '100', TERM: 'xterm-256color', PYTHONIOENCODING: 'utf-8' },
    onLine: (line, stream, end) => log.line(line, stream, end),
  });
  log.close();
  return written.split('\n').slice(0, -1);
}

describe('the log of a real trainer', () => {
  test("has of tqdm's bars the first state, the lines beside them, and the end of each", async () => {
    const lines = await shown(`
from tqdm import tqdm
for epoch in range(2):
    for step in tqdm(range(300), desc=f'epoch {epoch}', mininterval=0, ascii=True):
        pass
    print('loss', 1 / (epoch + 1))
`);
    const bars = lines.filter((line) => line.includes('it/s]') || line.includes('?it/s'));
    expect(bars[0]).toMatch(/^epoch 0: +0%\|/);
    expect(bars.filter((line) => / 300\/300 \[/.test(line)).map((line) => line.slice(0, 12))).toEqual([
      'epoch 0: 100',
      'epoch 1: 100',
    ]);
    expect(bars.length).toBeLessThanOrEqual(4);
    expect(lines.filter((line) => line.startsWith('loss'))).toEqual(['loss 1.0', 'loss 0.5']);
  });

  test('has of nested bars, which move the cursor up, whole lines and their ends', async () => {
    const lines = await shown(`
from tqdm import tqdm
for epoch in tqdm(range(3), desc='epochs', mininterval=0, ascii=True, position=0):
    for step in tqdm(range(50), desc='steps', mininterval=0, ascii=True, position=1, leave=False):
        pass
`);
    expect(lines.join('\n')).not.toContain('\u001b');
    expect(lines.at(-1)).toMatch(/^epochs: 100%\|.*\| 3\/3 \[/);
    expect(lines.length).toBeLessThan(10);
  });

  test('has the end of what rich draws, with its colours and without movements', async () => {
    const lines = await shown(`
from rich.console import Console
from rich.progress import Progress
console = Console(force_terminal=True, width=80, legacy_windows=False)
with Progress(console=console, auto_refresh=False) as progress:
    task = progress.add_task('Training', total=100)
    for step in range(100):
        progress.update(task, advance=1, refresh=True)
        if step == 50:
            progress.console.print('half of it')
`);
    const plain = lines.map(withoutColours);
    expect(plain.join('\n')).not.toContain('\u001b');
    expect(plain.filter((line) => /Training .* 100%/.test(line)).length).toBeGreaterThanOrEqual(1);
    expect(plain.at(-1)).toMatch(/Training .* 100%/);
    expect(plain.map((line) => line.trim())).toContain('half of it');
    expect(lines.length).toBeLessThan(10);
    expect(lines.join()).toContain('\u001b[');
  });
});
