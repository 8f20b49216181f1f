import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RunRecord } from '@mlops/core/record';
import { type Extras, renderHtml } from '@mlops/report';
import { axeViolations, horizontalOverflow, TestBrowser } from '@mlops/testkit/browser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleRecord } from '../../packages/report/test/sample-record.ts';

let folder: string;
let browser: TestBrowser;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-page-'));
  browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

const square = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="90"><rect width="900" height="90" fill="teal"/></svg>',
);
const extras: Extras = {
  userReport: {
    markdown:
      '# Findings\n\n![A wide plot](plot.svg)\n\n| a | b |\n| --- | ---: |\n| 1 | 2 |\n\n<details><summary>More</summary>text</details>\n\n[Badge](https://e.example/)',
    images: new Map([['plot.svg', { type: 'image/svg+xml', bytes: square }]]),
  },
  modelCard: '---\nlicense: mit\n---\n# Uses\n\nNot for cats. ![gone](x.png)',
};

const rich = sampleRecord();
const minimal: RunRecord = { ...sampleRecord(), jobs: [] };
const matrix = sampleRecord();
matrix.jobs = ['small', 'large'].flatMap((size) =>
  matrix.jobs.map((job) => ({ ...structuredClone(job), matrix: { size } })),
);

describe.each<[string, RunRecord, Extras]>([
  ['everything', rich, extras],
  ['a matrix', matrix, {}],
  ['nothing', minimal, {}],
])('the page of a run with %s', (name, record, added) => {
  test.each([
    ['light', {}],
    ['dark', { dark: true }],
    ['small', { width: 360, height: 740 }],
    ['small and dark', { width: 360, height: 740, dark: true }],
  ])('is usable by everybody, asks for nothing and fits: %s', async (_, view) => {
    const file = join(folder, `${name}.html`);
    await writeFile(file, await renderHtml(record, added));
    const { page, complaints, requests } = await browser.open(String(pathToFileURL(file)), view);
    // What is folded is to be read, too.
    await page.$$eval('details', (all) => {
      for (const one of all) one.open = true;
    });
    expect(await axeViolations(page)).toEqual([]);
    expect(await horizontalOverflow(page)).toBe(0);
    expect({ complaints, requests }).toEqual({ complaints: [], requests: [] });
    await page.close();
  });
});

test('the contents lead to sections, and the overview into those that are folded', async () => {
  const file = join(folder, 'links.html');
  await writeFile(file, await renderHtml(matrix));
  const { page } = await browser.open(String(pathToFileURL(file)));
  const targets = await page.$$eval('a[href^="#"]', (links) =>
    links.map((link) => document.querySelector(link.getAttribute('href') ?? '')?.tagName),
  );
  expect(targets.length).toBeGreaterThan(6);
  expect(new Set(targets)).toEqual(new Set(['H2']));
  await page.close();
});

test('strips stand where their numbers are', async () => {
  const file = join(folder, 'strips.html');
  await writeFile(file, await renderHtml(rich));
  const { page } = await browser.open(String(pathToFileURL(file)));
  // A point lies on its interval, and within the zone where the rule passed for good.
  const places = await page.$$eval('.strip.pass', (strips) =>
    strips.map((strip) => {
      const centre = (selector: string) => {
        const box = strip.querySelector(selector)?.getBoundingClientRect();
        return box ? { from: box.left, to: box.right, at: (box.left + box.right) / 2 } : undefined;
      };
      return { zone: centre('.zone'), point: centre('.point'), whisker: centre('.whisker') };
    }),
  );
  expect(places.length).toBeGreaterThan(3);
  for (const { zone, point, whisker } of places) {
    expect(point?.at).toBeGreaterThan(zone?.from ?? Number.NaN);
    expect(point?.at).toBeLessThan(zone?.to ?? Number.NaN);
    if (!whisker) continue;
    expect(whisker.from).toBeGreaterThanOrEqual((zone?.from ?? Number.NaN) - 1);
    expect(point?.at).toBeGreaterThan(whisker.from);
    expect(point?.at).toBeLessThan(whisker.to);
  }
  await page.close();
});
