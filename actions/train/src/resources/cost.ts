import { type HostedRunner, hostedPricePerHour } from './hosted-prices.ts';
import type { Prices } from './prices.ts';

/** What a price depends on. */
export interface Priced {
  runner: Omit<HostedRunner, 'cores' | 'hasGpu'> & { name: string; isHosted: boolean };
  cores: number;
  gpus: readonly string[];
}

/** What the machine costs, and how that is known. */
export interface Rate {
  perHour: number;
  perKwh: number;
  currency: string;
  /** For people: which prices were counted, or that there are none. */
  basis: string;
}

export interface Cost {
  amount: number;
  currency: string;
  basis: string;
}

/** The rate of a machine by the prices that the user has set, otherwise by GitHub's on its runners. */
export function rateOf(prices: Prices, machine: Priced): Rate {
  const { currency, kwh = 0, hour } = prices;
  const { runner, cores, gpus } = machine;
  if (hour === undefined && runner.isHosted) {
    const perHour = hostedPricePerHour({ ...runner, cores, hasGpu: gpus.length > 0 });
    const kind = `${runner.os} ${runner.arch}, ${cores} cores${gpus.length ? ' and a GPU' : ''}`;
    // GitHub's prices are in US dollars and include the energy.
    if (perHour !== undefined && currency === 'USD')
      return { perHour, perKwh: 0, currency, basis: `GitHub's price for ${kind}` };
  }
  const parts = hourlyParts(hour ?? {}, machine);
  const counted = [
    ...parts.map(({ what }) => what),
    ...(kwh ? ['energy'] : []),
    ...(parts.length || kwh ? [] : ['no price is known']),
  ];
  return {
    perHour: parts.reduce((total, { amount }) => total + amount, 0),
    perKwh: kwh,
    currency,
    basis: counted.join(', '),
  };
}

export function costOf(rate: Rate, seconds: number, energyWh: number): Cost {
  const amount = rate.perHour * (seconds / 3600) + rate.perKwh * (energyWh / 1000);
  return { amount, currency: rate.currency, basis: rate.basis };
}

/** Whether there is any price, without which a budget means nothing. */
export function hasPrice(rate: Rate): boolean {
  return rate.perHour > 0 || rate.perKwh > 0;
}

interface Part {
  what: string;
  amount: number;
}

function hourlyParts(hour: NonNullable<Prices['hour']>, { runner, cores, gpus }: Priced): Part[] {
  if (typeof hour === 'number') return [{ what: 'time', amount: hour }];
  const { runner: ofRunners, 'cpu-core': ofCore, gpu: ofGpus } = hour;
  const parts: Part[] = [];
  const add = (what: string, price: number | undefined, count: number) =>
    parts.push(
      price === undefined ? { what: `no price for ${what}`, amount: 0 } : { what, amount: price * count },
    );
  if (ofRunners !== undefined) add(`the runner '${runner.name}'`, priceFor(runner.name, ofRunners), 1);
  if (ofCore !== undefined) add(`${cores} CPU ${cores === 1 ? 'core' : 'cores'}`, ofCore, cores);
  for (const [gpu, count] of ofGpus === undefined ? [] : countedNames(gpus))
    add(`${count} × ${gpu}`, priceFor(gpu, ofGpus), count);
  return parts;
}

function priceFor(name: string, prices: number | Record<string, number> | undefined): number | undefined {
  if (typeof prices !== 'object') return prices;
  const fitting = Object.entries(prices)
    .filter(([part]) => name.toLowerCase().includes(part.toLowerCase()))
    .sort(([a], [b]) => b.length - a.length);
  return fitting[0]?.[1];
}

function countedNames(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
