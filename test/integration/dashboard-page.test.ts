import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RunRecord } from '@mlops/core/record';
import { DashboardCollector, renderDashboard } from '@mlops/report/dashboard';
import {
  axeViolations,
  horizontalOverflow,
  type Page,
  TestBrowser,
  type Visit,
  type VisitOptions,
} from '@mlops/testkit/browser';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { aliasChangesOf, manyRuns, pathOf } from '../../packages/report/test/many-runs.ts';

const records = [...manyRuns(400)].reverse();
const newest = records[0] as RunRecord;

let folder: string;
let browser: TestBrowser;
let visit: Visit;
let page: Page;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dashboard-'));
  await write('many', records);
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(async () => {
  const { complaints, requests } = visit;
  await page.close();
  expect({ complaints, requests }).toEqual({ complaints: [], requests: [] });
});

async function write(name: string, some: readonly RunRecord[]): Promise<void> {
  const collector = new DashboardCollector();
  for (const record of some) collector.add(pathOf(record), record);
  const history = aliasChangesOf(some.toReversed());
  await writeFile(join(folder, `${name}.html`), renderDashboard(collector.finish(history, 1_769_850_000)));
}

/** Opens the page with what was chosen, and waits until it is drawn. */
async function open(hash = '', options: VisitOptions & { name?: string } = {}): Promise<void> {
  const { name = 'many', ...view } = options;
  visit = await browser.open(`${pathToFileURL(join(folder, `${name}.html`))}#${hash}`, view);
  page = visit.page;
  await page.waitForSelector('.content > *');
}

const texts = (selector: string) =>
  page.$$eval(selector, (elements) => elements.map((element) => element.textContent));
const text = async (selector: string) => (await texts(selector))[0];
const count = () => text('.count');
/** The first cells of a column, by its number from 1 on. */
const column = async (number: number, rows = 5) =>
  (await texts(`.runs tbody td:nth-child(${number})`)).slice(0, rows);
const hash = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
const until = (fn: string) => page.waitForFunction(fn);
const messageOf = ({ run }: RunRecord) => run.message;

describe('the table of runs', () => {
  test('shows the newest hundred, and the others page by page', async () => {
    await open();
    expect(await count()).toBe('400 of 400 runs');
    expect(await texts('.runs button.open')).toEqual(records.slice(0, 100).map(messageOf));
    await page.locator('.pager ::-p-text(Next)').click();
    expect(await texts('.runs button.open')).toEqual(records.slice(100, 200).map(messageOf));
    expect(await text('.pager span')).toBe('Page 2 of 4');
  });

  test('links to each run on GitHub', async () => {
    await open();
    const addresses = await page.$$eval('.runs a', (links) => links.map(({ href }) => href));
    expect(addresses).toEqual(records.slice(0, 100).map(({ run }) => run.url));
  });

  test('is filtered at each key, and the address keeps what was typed', async () => {
    await open();
    await page.type('[name=text]', 'grace trees');
    const fits = records.filter(({ run }) => run.actor === 'grace' && run.message.includes('trees'));
    expect(await count()).toBe(`${fits.length} of 400 runs`);
    expect(await texts('.runs button.open')).toEqual(fits.map(messageOf));
    expect(await hash()).toEqual({ text: 'grace trees' });
    await page.select('[name=branch]', 'main');
    expect(await count()).toBe(
      `${fits.filter(({ run }) => run.ref === 'refs/heads/main').length} of 400 runs`,
    );
    await page.locator('.filter ::-p-text(Reset)').click();
    expect(await count()).toBe('400 of 400 runs');
    expect(await hash()).toEqual({});
  });

  test('is the same again from its address', async () => {
    await open('text=trees&branch=main&result=pass&from=2025-01-01&sort=duration&page=0');
    const fits = records.filter(
      ({ run, jobs }) =>
        run.message.includes('trees') &&
        run.ref === 'refs/heads/main' &&
        run.startedAt >= '2025' &&
        jobs[0]?.gates[0]?.verdict === 'pass',
    );
    expect(await count()).toBe(`${fits.length} of 400 runs`);
    const field = (name: string) => page.$eval(`[name=${name}]`, (one) => (one as HTMLInputElement).value);
    expect([await field('text'), await field('branch'), await field('from')]).toEqual([
      ...['trees', 'main', '2025-01-01'],
    ]);
    const longest = fits.toSorted((a, b) => durationOf(b) - durationOf(a));
    expect(await texts('.runs button.open')).toEqual(longest.slice(0, 100).map(messageOf));
  });

  test('is sorted by its heads, with the keyboard too, and says so', async () => {
    await open();
    await page.focus('[data-focus="sort branch"]');
    await page.keyboard.press('Enter');
    expect((await column(3))[0]).toMatch(/^main$/);
    expect(await page.$eval('[aria-sort]', (head) => head.getAttribute('aria-sort'))).toBe('descending');
    // The head that was pressed is drawn anew, and still has the focus.
    await page.keyboard.press('Enter');
    expect((await column(3))[0]).toBe('develop');
    expect(await page.$eval('[aria-sort]', (head) => head.getAttribute('aria-sort'))).toBe('ascending');
  });

  test('has the metrics of a model that is chosen as columns', async () => {
    await open();
    await page.select('[name=model]', 'ranker');
    await until(`document.querySelector('[data-focus="sort metric accuracy"]')`);
    await page.locator('[data-focus="sort metric accuracy"]').click();
    await until(`document.querySelector('[data-focus="sort metric accuracy"]').closest('[aria-sort]')`);
    const accuracies = records
      .flatMap(({ jobs }) => jobs[0]?.trainings ?? [])
      .filter(({ name }) => name === 'ranker')
      .map(({ metrics }) => Number(metrics.accuracy));
    const best = accuracies.sort((a, b) => b - a).slice(0, 5);
    expect((await column(4)).map(Number)).toEqual(best.map((value) => Number(value.toPrecision(6))));
  });

  test('is downloaded as CSV, all that fits and in its order', async () => {
    await open('model=churn&text=trees&sort=duration');
    await until(`document.querySelector('.below button')`);
    const client = await page.createCDPSession();
    await client.send('Browser.setDownloadBehavior', {
      behavior: 'allow',
      downloadPath: folder,
      eventsEnabled: true,
    });
    const done = new Promise((resolve) =>
      client.on('Browser.downloadProgress', ({ state }) => state === 'completed' && resolve(state)),
    );
    await page.locator('.below > button').click();
    await done;
    const lines = (await readFile(join(folder, 'runs.csv'), 'utf8')).split('\r\n').slice(0, -1);
    expect(lines[0]).toMatch(/^\ufeffrun,attempt,.*,accuracy,auc,log_loss,f1$/);
    const fits = records
      .filter(({ run, jobs }) => run.message.includes('trees') && jobs[0]?.trainings[0]?.name === 'churn')
      .toSorted((a, b) => durationOf(b) - durationOf(a));
    expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(fits.map(({ run }) => run.id));
  });

  test('says that no run fits', async () => {
    await open('text=zzzz');
    expect(await count()).toBe('0 of 400 runs');
    expect(await text('.content .soft')).toBe('No run fits.');
  });
});

describe("a run's details", () => {
  const name = `${newest.run.id}-${newest.run.attempt}`;

  test('open from the table, and Escape leads back to where one was', async () => {
    await open();
    await page.focus(`[data-focus="run ${name}"]`);
    await page.keyboard.press('Enter');
    await until(`document.querySelector('dialog h3')`);
    const shown = (await text('dialog')) ?? '';
    const training = newest.jobs[0]?.trainings[0];
    for (const part of [newest.run.message, training?.name, 'accuracy', 'train.max_depth', 'EPYC'])
      expect(shown).toContain(part);
    expect(await hash()).toEqual({ run: name });
    await page.keyboard.press('Escape');
    await until(`!document.querySelector('dialog').open && !location.hash.includes('run')`);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-focus'))).toBe(`run ${name}`);
  });

  test('open from an address, and close with the way back', async () => {
    await open();
    await page.locator(`[data-focus="run ${name}"]`).click();
    await until(`document.querySelector('dialog').open`);
    await page.goBack();
    await until(`!document.querySelector('dialog').open`);
    await page.goForward();
    await until(`document.querySelector('dialog').open`);
    await until(`document.querySelector('dialog h3')`);
    expect(await axeViolations(page)).toEqual([]);
  });

  test('stand beside those of the run before on its branch', async () => {
    await open(`run=${name}`);
    await until(`document.querySelector('dialog h3')`);
    const models = newest.jobs[0]?.trainings.map((training) => training.name) ?? [];
    const before = records.find(
      ({ run, jobs }) =>
        run.id !== newest.run.id &&
        run.ref === newest.run.ref &&
        jobs[0]?.trainings.some((training) => models.includes(training.name)),
    );
    expect(await text('dialog')).toContain(before ? `Before, in run #${before.run.id}` : newest.run.message);
  });
});

describe('views', () => {
  test.each([
    ['runs', ''],
    ['runs', 'model=churn'],
    ['metrics', ''],
    ['aliases', ''],
    ['durations', ''],
    ['costs', ''],
  ])('%s %s: usable by everybody, light and dark, on a small screen', async (view, chosen) => {
    for (const options of [{}, { dark: true, width: 360, height: 740 }]) {
      if (page?.isClosed() === false) await page.close();
      await open(`view=${view}&${chosen}`, options);
      await until(`document.querySelector('.content table, .content svg')`);
      expect(await axeViolations(page)).toEqual([]);
      expect(await horizontalOverflow(page)).toBe(0);
    }
  });

  test('draw one chart for each metric that is chosen, a line for each branch', async () => {
    await open('view=metrics&model=churn');
    await until(`document.querySelector('figure svg')`);
    expect(await texts('figcaption strong')).toEqual(['accuracy', 'auc', 'log_loss', 'f1']);
    await page.locator('[data-focus="metric f1"]').click();
    await until(`document.querySelectorAll('figure').length === 3`);
    expect(await hash()).toMatchObject({ metrics: 'accuracy\nauc\nlog_loss' });
    expect(await texts('figure:first-of-type .legend li')).toContain('main');
    const label = await page.$eval('figure svg', (svg) => svg.getAttribute('aria-label'));
    expect(label).toMatch(/^accuracy: \d+ runs, between 0\.\d+ and 0\.\d+, last 0\.\d+/);
  });

  test('tell the points of a chart one after the other to the keyboard, and open their runs', async () => {
    await open('view=metrics&model=churn&branch=main');
    await until(`document.querySelector('.board')`);
    await page.focus('.board');
    await page.keyboard.press('Home');
    const first = await text('.told');
    await page.keyboard.press('ArrowRight');
    expect(await text('.told')).not.toBe(first);
    await page.keyboard.press('Enter');
    await until(`document.querySelector('dialog').open`);
    const id = ((await text('.told')) ?? '').match(/#(\d+)/)?.[1];
    expect(await text('dialog h2')).toBe(`Run #${id}`);
  });

  test('draw how long each stage of a model took', async () => {
    await open('view=durations&model=ranker');
    await until(`document.querySelectorAll('figure').length === 7`);
    expect((await texts('figcaption strong')).slice(3)).toEqual(['data', 'features', 'train', 'evaluate']);
    expect(await texts('[aria-label="Stages"] tbody tr td:first-child')).toEqual(Array(4).fill('ranker'));
  });

  test('tell who moved which alias when', async () => {
    await open('view=aliases');
    const moves = records.filter(({ jobs }) => jobs[0]?.deployments.length);
    const [last] = moves;
    const rows = await texts('[aria-label="History of the aliases"] tbody tr');
    expect(rows).toHaveLength(moves.length);
    expect(rows[0]).toContain(last?.run.actor);
    expect(rows[0]).toContain(last?.jobs[0]?.deployments[0]?.revision);
    expect(await texts('[aria-label="Aliases"] tbody tr strong')).toContain('production');
  });

  test('add up what runs cost, of those that fit', async () => {
    const sum = (some: RunRecord[]) =>
      some
        .flatMap(({ jobs }) => jobs[0]?.trainings[0]?.resources?.cost.amount ?? 0)
        .reduce((total, amount) => total + amount, 0);
    await open('view=costs');
    expect(await text('.tiles dd')).toBe(`${sum(records).toFixed(2)} USD`);
    await page.type('[name=text]', 'grace');
    const hers = records.filter(({ run }) => run.actor === 'grace');
    expect(await text('.tiles dd')).toBe(`${sum(hers).toFixed(2)} USD`);
  });

  test('are left by a click on another, and by the way back', async () => {
    await open();
    await page.locator('.tabs ::-p-text(Durations)').click();
    await until(`document.querySelector('.content h2')?.textContent === 'Durations'`);
    await page.goBack();
    await until(`document.querySelector('.content .runs')`);
  });
});

test('what records say is text, however hostile', async () => {
  const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`;
  const record = structuredClone(newest);
  Object.assign(record.run, {
    message: hostile,
    actor: hostile,
    ref: `refs/heads/${hostile}`,
    url: 'javascript:alert(1)',
  });
  const training = record.jobs[0]?.trainings[0];
  if (training)
    Object.assign(training, { name: hostile, metrics: { [hostile]: 1 }, parameters: { [hostile]: hostile } });
  await write('hostile', [record]);
  const dialogs: string[] = [];
  for (const view of ['runs', 'metrics', 'durations', 'costs']) {
    if (page?.isClosed() === false) await page.close();
    await open(`view=${view}&run=${newest.run.id}-${newest.run.attempt}`, { name: 'hostile' });
    page.on('dialog', (dialog) => void dialogs.push(dialog.message()));
    await until(`document.querySelector('dialog h3')`);
    expect(await text('dialog')).toContain(hostile);
    expect(await page.$$('main img, dialog img, main script, dialog script')).toEqual([]);
    expect(await page.$$('a[href^="javascript"]')).toEqual([]);
  }
  expect(dialogs).toEqual([]);
});

test('a page of no run at all says so', async () => {
  await write('none', []);
  await open('', { name: 'none' });
  expect(await count()).toBe('0 of 0 runs');
  expect(await axeViolations(page)).toEqual([]);
});

function durationOf({ run }: RunRecord): number {
  return Date.parse(run.finishedAt) - Date.parse(run.startedAt);
}
