import { simulate } from '../../packages/stats/test/simulation.ts';

/** A part of a simulation, in a process of its own: writes the counts as JSON. */
const [size, rounds, first] = process.argv.slice(2).map(Number) as [number, number, number];
console.log(JSON.stringify(await simulate({ size, rounds, first, resamples: 2000 })));
