import { type DeterminismRecord, numberOf, type ResourceRecord } from '@mlops/core/record';
import { curveChart, type Series } from './charts/curves.ts';
import { type Html, html } from './html.ts';
import { table } from './table.ts';
import { bytesText, measuredText, moneyText, percentText, wattHoursText } from './text.ts';

type Amounts = ResourceRecord['cpu'];

/** A run with fewer points was over before there was anything to draw. */
const fewestPoints = 3;

/** What a training used of its machine: how much in all, and over time. */
export function resourcesSection(resources: ResourceRecord): Html {
  return html`<h3>Resources</h3>
${table(['', 'Used'], facts(resources))}
<div class="charts">${charts(resources)}</div>`;
}

/** The least that a reader of numbers wants, with the cost last. */
export function facts(resources: ResourceRecord): [string, string][] {
  const { cores, cpuMean, memoryBytes, memoryPeakBytes, diskFreeLeastBytes, processes, gpus } = resources;
  const { energy, cost } = resources;
  const rows: [string, string | null][] = [
    [
      'CPU',
      cpuMean === null
        ? null
        : `${percentText(cpuMean)} of ${measuredText(cores)} ${cores === 1 ? 'core' : 'cores'} on average`,
    ],
    ['CPU time of the commands', processes && `${measuredText(processes.cpuSeconds)} s`],
    [
      'Memory',
      memoryPeakBytes === null
        ? null
        : `at most ${bytesText(memoryPeakBytes)} of ${bytesText(memoryBytes)} in use${processes ? `, ${bytesText(processes.memoryPeakBytes)} by the commands` : ''}`,
    ],
    [
      'Disk',
      diskFreeLeastBytes === null
        ? null
        : `at least ${bytesText(diskFreeLeastBytes)} free${processes ? `, ${bytesText(processes.writtenBytes)} written` : ''}`,
    ],
    ...gpus.map((gpu, i): [string, string | null] => [gpuName(gpus, i), gpuText(gpu)]),
    ['Energy', energyText(energy)],
    ['CO₂', energy.co2Grams === null ? null : `${measuredText(energy.co2Grams)} g`],
    ['Cost', `${moneyText(cost.amount, cost.currency)} (${cost.basis})`],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== null);
}

function gpuName(gpus: ResourceRecord['gpus'], i: number): string {
  return gpus.length > 1 ? `GPU ${i}` : 'GPU';
}

function gpuText({
  name,
  utilisationMean,
  memoryPeakBytes,
  memoryBytes,
}: ResourceRecord['gpus'][number]): string {
  const load = utilisationMean === null ? '' : `, ${percentText(utilisationMean)} on average`;
  const total = memoryBytes === null ? '' : ` of ${bytesText(memoryBytes)}`;
  return `${name}${load}${memoryPeakBytes === null ? '' : `, at most ${bytesText(memoryPeakBytes)}${total}`}`;
}

function energyText({ wattHours, cpuSource, gpuWattHours }: ResourceRecord['energy']): string {
  const source =
    cpuSource === 'counters' ? "by the processors' counters" : 'processors estimated from their load';
  return `${wattHoursText(wattHours)} (${source}${gpuWattHours === null ? '' : `, GPUs ${wattHoursText(gpuWattHours)} measured`})`;
}

/** One chart for each unit, with a line for the machine and one for each GPU. */
function charts(resources: ResourceRecord): Html[] {
  const { seconds, cpu, memory, diskFree, gpus } = resources;
  if (seconds.length < fewestPoints) return [];
  const time = timeUnit(seconds.at(-1) ?? 0);
  const line = (amounts: Amounts, factor: number) =>
    seconds.map((at, i) => {
      const value = amounts[i] ?? null;
      return { step: at / time.seconds, value: value === null ? ('NaN' as const) : value * factor };
    });
  const ofGpus = (what: 'utilisation' | 'memory' | 'watts' | 'celsius', factor: number): Series =>
    Object.fromEntries(gpus.map((gpu, i) => [gpuName(gpus, i), line(gpu[what], factor)]));
  const drawn: [title: string, series: Series, range?: [number, number]][] = [
    ['Load, %', { CPU: line(cpu, 100), ...ofGpus('utilisation', 100) }, [0, 100]],
    ['Memory in use, GB', { Machine: line(memory, 1e-9), ...ofGpus('memory', 1e-9) }],
    ['Free disk, GB', { Disk: line(diskFree, 1e-9) }],
    ['Power, W', ofGpus('watts', 1)],
    ['Temperature, °C', ofGpus('celsius', 1)],
  ];
  return drawn
    .map(([title, series, range]) => ({ title, series: knownOf(series), range }))
    .filter(({ series }) => Object.keys(series).length > 0)
    .map(({ title, series, range }) =>
      curveChart(title, series, { axis: time.name, describe: described, range }),
    );
}

/** Lines with a value somewhere. */
function knownOf(series: Series): Series {
  return Object.fromEntries(
    Object.entries(series).filter(([, points]) => points.some(({ value }) => value !== 'NaN')),
  );
}

function described(name: string, points: Series[string]): string {
  const values = points.map(({ value }) => numberOf(value)).filter(Number.isFinite);
  const rounded = (value: number) => Number(value.toPrecision(3));
  return `${name} between ${rounded(Math.min(...values))} and ${rounded(Math.max(...values))}`;
}

function timeUnit(seconds: number): { name: string; seconds: number } {
  if (seconds < 180) return { name: 'seconds', seconds: 1 };
  return seconds < 3 * 3600 ? { name: 'minutes', seconds: 60 } : { name: 'hours', seconds: 3600 };
}

/** What decides whether the same training gives the same result again. */
export function determinismSection(determinism: DeterminismRecord): Html {
  const { python, libraries, librariesLeftOut, seeds, flags, threads, gpus, driver } = determinism;
  const listed = (values: Record<string, string>, separator: string) =>
    Object.entries(values).map(([name, value]) => `${name}${separator}${value}`);
  const rows: [string, string[]][] = [
    ['Seeds', listed(seeds, ' = ')],
    ['Settings', listed(flags, ' = ')],
    ['Threads', listed(threads, ' = ')],
    ['GPUs', [...gpus, ...(driver === null ? [] : [`driver ${driver}`])]],
    ['Libraries', [...(python === null ? [] : [`Python ${python}`]), ...listed(libraries, ' ')]],
  ];
  const shown = rows.filter(([, values]) => values.length > 0);
  const more =
    librariesLeftOut > 0 && html` <span class="soft">and ${librariesLeftOut} more libraries</span>`;
  return html`<h3>What decides the result</h3>
${Object.keys(seeds).length === 0 && html`<p class="soft">No seed was seen in parameters, variables or options.</p>`}
<details><summary>Seeds, settings, versions</summary>${table(
    ['', 'Seen'],
    shown.map(([what, values]) => [what, html`<code>${values.join(', ')}</code>`]),
  )}${more}</details>`;
}
