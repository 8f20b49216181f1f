import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RunRecord } from '@mlops/core/record';
import { renderHtml } from '@mlops/report';
import { DashboardCollector, renderDashboard } from '@mlops/report/dashboard';
import { withBrowser } from '@mlops/testkit/browser';
import { aliasChangesOf, manyRuns, pathOf } from '../../report/test/many-runs.ts';
import { sampleRecord } from '../../report/test/sample-record.ts';
import { root } from './root.ts';

interface Picture {
  /** Below docs/. */
  file: string;
  page: () => string | Promise<string>;
  /** Behind the # of the address. */
  chosen?: string;
  /** What is drawn last. */
  drawn: string;
  width: number;
  height: number;
}

const pictures: Picture[] = [
  {
    ...{ file: 'dashboard.png', width: 1280, height: 1190 },
    page: dashboard,
    chosen: 'view=metrics&model=churn&from=2025-06-01',
    drawn: 'figure svg',
  },
  { file: 'report.png', width: 1100, height: 1460, page: () => renderHtml(pleasant()), drawn: 'figure svg' },
];

/** Takes the pictures of the documentation anew, each from the same made-up records. */
const folder = await mkdtemp(join(tmpdir(), 'screenshots-'));
try {
  await withBrowser(async (browser) => {
    for (const { file, page: html, chosen = '', drawn, ...size } of pictures) {
      const source = join(folder, 'page.html');
      await writeFile(source, await html());
      const { page } = await browser.open(`${pathToFileURL(source)}#${chosen}`, size);
      await page.waitForSelector(drawn);
      await writeFile(join(root, 'docs', file), await page.screenshot({ type: 'png' }));
      await page.close();
      console.log(`docs/${file}`);
    }
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}

function dashboard(): string {
  const records = [...manyRuns(1200)];
  const collector = new DashboardCollector();
  for (const record of records) collector.add(pathOf(record), record);
  return renderDashboard(collector.finish(aliasChangesOf(records), Date.UTC(2026, 0, 31, 9) / 1000));
}

/** The sample without what only tests need: a hostile message, a step that failed, a metric that is no number. */
function pleasant(): RunRecord {
  const record = sampleRecord();
  record.run.message = 'Deepen the trees';
  for (const job of record.jobs) {
    job.steps = job.steps.filter(({ outcome }) => outcome === 'success');
    for (const { metrics } of job.trainings) delete metrics['test.auc'];
    for (const deployment of job.deployments) deployment.url = 'https://tumor.staging.acme.example';
  }
  return record;
}
