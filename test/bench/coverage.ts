import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { command } from '@mlops/core/process';
import { type Counts, simulated } from '../../packages/stats/test/simulation.ts';
import { type Bench, type Measure, measured } from './bench.ts';

const sizes = [200, 2000];

/**
 * Whether intervals keep what they promise, by simulation: how far their coverage is from 95 %, and how often the gate
 * says of one of two equally good models that it is worse. Which of the two that is, is chance, so that both count, half.
 */
const bench: Bench = {
  name: 'coverage',
  async *measures({ quick }) {
    for (const size of sizes) yield* measuresOf(size, quick ? 1000 : 20_000);
  },
};
export default bench;

async function* measuresOf(size: number, rounds: number): AsyncIterable<Measure> {
  const processes = availableParallelism();
  const each = Math.ceil(rounds / processes);
  const parts = await Promise.all(
    Array.from({ length: processes }, async (_, i) => {
      const { stdout } = await command(process.execPath, [
        program,
        String(size),
        String(each),
        String(i * each),
      ]);
      return JSON.parse(stdout) as Record<(typeof simulated)[number], Counts>;
    }),
  );
  const sets = each * processes;
  for (const metric of simulated) {
    const share = (kind: keyof Counts) =>
      (100 * parts.reduce((sum, part) => sum + part[metric][kind], 0)) / sets;
    const about = { bench: 'coverage', unit: '%' };
    const name = `${metric}, ${size} examples, ${sets.toLocaleString('en')} sets`;
    for (const [what, kind] of [
      ['value', 'covered'],
      ['change', 'same'],
    ] as const)
      yield measured({
        ...{ ...about, name: `${name}: ${what}, distance of ${share(kind).toFixed(2)} % covered from 95 %` },
        ...{ ours: Math.abs(share(kind) - 95), peer: 2, peerName: 'allowed' },
        goal: { op: '<=', value: 2, of: 'ours' },
      });
    // A rate of exactly 2.5 % shows as more in every other simulation; this much of it is chance (two standard errors).
    const allowed = 2.5 + 200 * Math.sqrt((0.025 * 0.975) / (2 * sets));
    yield measured({
      ...{ ...about, name: `${name}: same model fails`, peer: allowed, peerName: '2.5 % and chance' },
      ours: (share('worse') + share('better')) / 2,
      goal: { op: '<=', value: allowed, of: 'ours' },
    });
  }
}

const program = fileURLToPath(new URL('coverage-process.ts', import.meta.url));
