import { size } from '../format.ts';
import type { TreeUsage } from './process-tree.ts';

/** What one GPU does; undefined is what it, or its driver, does not tell. */
export interface GpuSample {
  name: string;
  /** 0 to 1 */
  utilisation: number | undefined;
  memoryUsedBytes: number | undefined;
  memoryBytes: number | undefined;
  watts: number | undefined;
  celsius: number | undefined;
}

/** What the machine does at one moment. */
export interface Sample {
  /** Seconds since the first one. */
  seconds: number;
  /** Share of the cores that was busy since the sample before, 0 to 1; undefined in the first. */
  cpuShare: number | undefined;
  memoryUsedBytes: number;
  /** The most that was in use so far. */
  memoryPeakBytes: number;
  /** What the run may use. */
  memoryTotalBytes: number;
  /** On the file system of the working directory; undefined where it does not tell. */
  diskFreeBytes: number | undefined;
  /** Of the commands and all they started; undefined off Linux, and before the first command. */
  processes: TreeUsage | undefined;
  gpus: GpuSample[];
}

/** A sample in a few words, as in `CPU 98 %, memory 3.2 GB, GPU 87 %`. */
export function statusText(sample: Sample | undefined): string {
  if (!sample) return '';
  const gpus = sample.gpus.flatMap(({ utilisation }) => utilisation ?? []);
  return [
    ...(sample.cpuShare === undefined ? [] : [`CPU ${percent(sample.cpuShare)}`]),
    `memory ${size(sample.memoryUsedBytes)}`,
    ...(gpus.length ? [`${gpus.length > 1 ? 'GPUs' : 'GPU'} ${gpus.map(percent).join(' ')}`] : []),
  ].join(', ');
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
