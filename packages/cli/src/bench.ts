import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench, Measure } from '../../../test/bench/bench.ts';
import { root } from './root.ts';

/**
 * Runs benchmarks of test/bench and prints one row a measure: ours, the peer's, their ratio, and whether the goal is
 * reached. With --json one object a line stands on standard output and nothing else. A goal that is missed is no error:
 * figures are compared from change to change.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});
const folder = join(root, 'test', 'bench');
const known = await benches();
const unknown = positionals.find((name) => !known.includes(name));
if (unknown) {
  console.error(`There is no benchmark '${unknown}'. Benchmarks: ${known.join(', ')}.`);
  process.exit(2);
}

// Whatever a benchmark or its tools print must not get between the objects.
const print = values.json ? (measure: Measure) => console.log(JSON.stringify(measure)) : printRow;
if (!values.json) console.log(row(['bench', 'measure', 'ours', 'peer', 'unit', 'ratio', 'goal', '']));
for (const name of positionals.length ? positionals : known) {
  const { default: bench } = (await import(join(folder, `${name}.ts`))) as { default: Bench };
  for await (const measure of bench.measures({ quick: values.quick })) print(measure);
}

/** Files that export a bench; the others are what benches share. */
async function benches(): Promise<string[]> {
  const shared = [
    ...['bench', 'coverage-process', 'cpu', 'docker-far', 'docker-processes'],
    ...['docker-sides', 'docker-stand-in', 'gate-many', 'gate-process', 'release'],
  ];
  const names = (await readdir(folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -3));
  return names.filter((name) => !shared.includes(name)).sort();
}

function printRow({ bench, name, unit, ours, peer, peerName, ratio, goal, holds }: Measure): void {
  const wanted = goal ? `${goal.of} ${goal.op} ${goal.value}` : '';
  const verdict = holds === null ? '' : holds ? 'holds' : 'missed';
  console.log(
    row([
      bench,
      name,
      figure(ours),
      `${figure(peer)} ${peerName}`,
      unit,
      `${ratio.toFixed(2)}×`,
      wanted,
      verdict,
    ]),
  );
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function row([
  bench = '',
  name = '',
  ours = '',
  peer = '',
  unit = '',
  ratio = '',
  goal = '',
  verdict = '',
]: string[]): string {
  return [
    bench.padEnd(10),
    name.padEnd(26),
    ours.padStart(8),
    peer.padStart(22),
    unit.padEnd(7),
    ratio.padStart(8),
    goal.padEnd(14),
    verdict,
  ]
    .join('  ')
    .trimEnd();
}
