import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DashboardCollector, renderDashboard } from '@mlops/report/dashboard';
import { type Page, withBrowser } from '@mlops/testkit/browser';
import { aliasChangesOf, manyRuns, pathOf } from '../../packages/report/test/many-runs.ts';
import { type Bench, type Measure, measured, median } from './bench.ts';

/** Milliseconds: what people still take for at once. */
const goal = { op: '<=', value: 1000, of: 'ours' } as const;

/**
 * The dashboard of 10,000 runs in a headless Chromium: from navigation until the table is painted and takes keys, from
 * a key in the search field until the table of what fits is painted, and each view from the click on. There is no peer;
 * the figure beside ours is the goal.
 */
const bench: Bench = {
  name: 'dashboard',
  async *measures({ quick }) {
    const folder = await mkdtemp(join(tmpdir(), 'bench-dashboard-'));
    const rounds = quick ? 3 : 7;
    try {
      const path = join(folder, 'index.html');
      const page = await pageOf(10_000);
      await writeFile(path, page);
      console.error(`The page has ${(Buffer.byteLength(page) / 1e6).toFixed(1)} MB.`);
      const figures = new Map<string, number[]>();
      await withBrowser(async (browser) => {
        for (let round = 0; round < rounds; round++) {
          const { page } = await browser.open(pathToFileURL(path).href);
          for await (const [name, ms] of visit(page)) figures.set(name, [...(figures.get(name) ?? []), ms]);
          await page.close();
        }
      });
      for (const [name, all] of figures) yield measure(name, all);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
export default bench;

function measure(name: string, all: number[]): Measure {
  return measured({
    ...{ bench: 'dashboard', name, unit: 'ms', ours: median(all), peer: goal.value, peerName: 'goal', goal },
  });
}

async function pageOf(count: number): Promise<string> {
  const records = [...manyRuns(count)];
  const collector = new DashboardCollector();
  for (const record of records) collector.add(pathOf(record), record);
  return renderDashboard(collector.finish(aliasChangesOf(records), 1_769_850_000));
}

async function* visit(page: Page): AsyncGenerator<[name: string, ms: number]> {
  await page.waitForSelector('.content td');
  yield ['load', await page.evaluate(painted)];
  const keys: number[] = [];
  await page.focus('[name=text]');
  for (const key of 'trees') {
    await page.evaluate(watchKey);
    await page.keyboard.press(key as 't');
    keys.push(await page.evaluate(() => (window as unknown as { key: Promise<number> }).key));
  }
  yield ['key to repainted table', Math.max(...keys)];
  await page.evaluate(() => document.querySelector<HTMLElement>('.filter button')?.click());
  yield ['sort', await page.evaluate(clicked, '[data-focus="sort branch"]', '[aria-sort]')];
  for (const [view, drawn] of [
    ['metrics', 'figure svg'],
    ['durations', '[aria-label="Stages"]'],
    ['costs', '.tiles'],
    ['aliases', '[aria-label="Aliases"]'],
  ] as const)
    yield [`view ${view}`, await page.evaluate(clicked, `.tabs a[href*="view=${view}"]`, drawn)];
}

/** When what is there now has been painted, in milliseconds since the navigation. */
function painted(): Promise<number> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(performance.now()))));
}

/** Has the next key tell how long it takes from its event until what it changes has been painted. */
function watchKey(): void {
  const key = new Promise<number>((resolve) => {
    const start = () => {
      const from = performance.now();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - from)));
    };
    addEventListener('keydown', start, { once: true, capture: true });
  });
  Object.assign(window, { key });
}

/** From a click until something that it leads to has been painted. */
async function clicked(selector: string, drawn: string): Promise<number> {
  const from = performance.now();
  document.querySelector<HTMLElement>(selector)?.click();
  while (!document.querySelector(drawn)) await new Promise((resolve) => setTimeout(resolve));
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - from;
}
