import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fakeRunner } from '@mlops/testkit/runner-files';
import { type Bench, interleave, measured } from './bench.ts';
import { cpuSeconds } from './cpu.ts';
import { releaseTree } from './release.ts';

/**
 * What an action costs before it begins its own work: CPU seconds of its bundle up to the refusal of a folder that does
 * not exist, inputs read and checked, against a Node that does nothing. Ten starts make one figure: bash counts in
 * milliseconds.
 */
const bench: Bench = {
  name: 'start',
  async *measures({ quick }) {
    const tree = await releaseTree();
    const runner = await fakeRunner({ inputs: { 'working-directory': 'nowhere' } });
    try {
      const repeat = (args: string[]) => async () => {
        const script = 'for i in 1 2 3 4 5 6 7 8 9 10; do "$@"; done';
        return (
          (await cpuSeconds('bash', ['-c', script, 'bash', process.execPath, ...args], {
            env: runner.env,
            cwd: runner.workspace,
            tolerate: true,
          })) / 10
        );
      };
      for (const { name } of tree.actions) {
        const bundle = join(tree.folder, 'actions', name, 'dist', 'index.js');
        const figures = await interleave(repeat([bundle]), repeat(['-e', '0']), { rounds: quick ? 3 : 9 });
        yield measured({
          bench: 'start',
          name,
          unit: 'CPU s',
          peerName: 'node -e 0',
          goal: { op: '<=', value: 2, of: 'ratio' },
          ...figures,
        });
      }
    } finally {
      await runner.remove();
      await rm(dirname(tree.folder), { recursive: true, force: true });
    }
  },
};
export default bench;
