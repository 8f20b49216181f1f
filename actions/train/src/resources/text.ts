import type { ResourceRecord } from '@mlops/core/record';
import { number, size } from '../format.ts';
import { percent } from './sample.ts';

/** What a run has used, in one line for people. */
export function resourcesText(record: ResourceRecord): string {
  const { cores, cpuMean, memoryBytes, memoryPeakBytes, gpus, energy, cost } = record;
  return [
    ...(cpuMean === null
      ? []
      : [`CPU ${percent(cpuMean)} of ${number(cores)} ${cores === 1 ? 'core' : 'cores'} on average`]),
    ...(memoryPeakBytes === null ? [] : [`memory at most ${size(memoryPeakBytes)} of ${size(memoryBytes)}`]),
    ...gpus.map(gpuText),
    `energy ${wattHoursText(energy.wattHours)}${energy.cpuSource === 'estimate' ? ' (estimated)' : ''}`,
    ...(energy.co2Grams === null ? [] : [`${number(energy.co2Grams)} g CO₂`]),
    ...(cost.amount > 0 ? [`cost ${moneyText(cost.amount)} ${cost.currency} (${cost.basis})`] : []),
  ].join(', ');
}

function gpuText({ name, utilisationMean, memoryPeakBytes }: ResourceRecord['gpus'][number]): string {
  const load = utilisationMean === null ? '' : ` ${percent(utilisationMean)} on average`;
  const memory = memoryPeakBytes === null ? '' : ` with at most ${size(memoryPeakBytes)}`;
  return `${name}${load}${memory}`;
}

function wattHoursText(wattHours: number): string {
  if (wattHours < 0.01) return 'less than 0.01 Wh';
  return wattHours < 1000 ? `${rounded(wattHours)} Wh` : `${rounded(wattHours / 1000)} kWh`;
}

/** Two decimals, and of less than a cent two digits. */
function moneyText(amount: number): string {
  if (amount < 0.0001) return 'less than 0.0001';
  return amount < 0.01 ? String(rounded(amount)) : amount.toFixed(2);
}

function rounded(value: number): number {
  return Number(value.toPrecision(2));
}
