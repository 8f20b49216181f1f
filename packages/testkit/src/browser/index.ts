/// <reference lib="dom" />
import { createRequire } from 'node:module';
import { chromium } from '@mlops/tools';
import type { AxeResults } from 'axe-core';
import { type Browser, launch, type Page } from 'puppeteer-core';

export type { Page } from 'puppeteer-core';

export interface VisitOptions {
  width?: number;
  height?: number;
  dark?: boolean;
}

/** A page that is open, and what it has done so far. */
export interface Visit {
  page: Page;
  /** What was written to the console as a warning or an error, and errors that nobody caught. */
  complaints: string[];
  /** Addresses that the page has asked for, besides its own and what it holds itself. */
  requests: string[];
}

/** A headless Chromium that reaches nothing but this machine; it lives as long as `fn` runs. */
export async function withBrowser<T>(fn: (browser: TestBrowser) => Promise<T>): Promise<T> {
  const browser = await TestBrowser.start();
  try {
    return await fn(browser);
  } finally {
    await browser.close();
  }
}

export class TestBrowser {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<TestBrowser> {
    const { program, env } = await chromium();
    const browser = await launch({
      executablePath: program,
      headless: 'shell',
      timeout: 120_000,
      env: { ...process.env, ...env },
      args: [
        // Root, as in a container, has no sandbox; pages of our own are all that it opens.
        ...['--no-sandbox', '--no-zygote', '--disable-dev-shm-usage', '--disable-gpu', '--hide-scrollbars'],
        ...['--renderer-process-limit=2', '--js-flags=--max-old-space-size=512'],
        '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1',
      ],
    });
    return new TestBrowser(browser);
  }

  /** Opens an address in a page of its own; a file's is that of `pathToFileURL`. */
  async open(url: string, { width = 1280, height = 900, dark = false }: VisitOptions = {}): Promise<Visit> {
    const page = await this.#browser.newPage();
    const visit: Visit = { page, complaints: [], requests: [] };
    page.on('console', (message) => {
      if (['error', 'warn'].includes(message.type())) visit.complaints.push(message.text());
    });
    page.on('pageerror', (error) => void visit.complaints.push(String(error)));
    page.on('request', (request) => {
      const isPage = request.isNavigationRequest() && request.frame() === page.mainFrame();
      if (!isPage && !/^(data|blob):/.test(request.url())) visit.requests.push(request.url());
    });
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await page.goto(url, { waitUntil: 'load' });
    return visit;
  }

  /** The process, and whatever it has started, is gone afterwards. */
  async close(): Promise<void> {
    const pid = this.#browser.process()?.pid;
    const closed = this.#browser.close();
    const late = new Promise<'late'>((resolve) => void setTimeout(resolve, 10_000, 'late').unref());
    if ((await Promise.race([closed, late])) === 'late' && pid !== undefined) process.kill(-pid, 'SIGKILL');
  }
}

/** What axe-core finds wrong for people with disabilities: rule, element, and what to do. */
export async function axeViolations(page: Page): Promise<string[]> {
  const { source } = createRequire(import.meta.url)('axe-core') as typeof import('axe-core');
  await page.evaluate(source);
  const results = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: () => Promise<AxeResults> } };
    return axe.run();
  });
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

/** CSS pixels by which the page is wider than its window; 0 where nobody has to scroll sideways. */
export async function horizontalOverflow(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}
