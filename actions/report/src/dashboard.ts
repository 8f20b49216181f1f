import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { annotate, type Context, code, type InputsOf } from '@mlops/core';
import { originOf, withRecordsBranch } from '@mlops/core/record';
import { artifactStore, hasGitHubArtifacts } from '@mlops/core/store';
import { DashboardCollector, renderDashboard } from '@mlops/report/dashboard';
import type { action } from './action.ts';
import { artifactUrl } from './names.ts';
import { checkedPlace, publishPage } from './pages-branch.ts';
import { showable } from './showable.ts';

type Inputs = InputsOf<typeof action>;

/** Records that could not be read are named up to this many. */
const namesShown = 10;

/** Makes one page of all recorded runs, keeps it as an artifact, and publishes it where that is wanted. */
export async function makeDashboard(inputs: Inputs, context: Context<typeof action>): Promise<void> {
  const { github, outputs, signal, workingDirectory, summary } = context;
  const place = inputs.publish === 'branch' ? checkedPlace(inputs) : undefined;
  const remote = await originOf(github, workingDirectory, inputs.githubToken);
  const { page, runs } = await pageOf({ remote, branch: inputs.recordsBranch, signal });

  const folder = inputs.dashboardPath
    ? resolve(workingDirectory, inputs.dashboardPath)
    : join(github.temp, 'mlops', 'dashboard');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'index.html'), page);
  outputs.dashboardPath = folder;
  console.log(
    `Dashboard of ${runs} runs, ${(Buffer.byteLength(page) / 1e6).toFixed(1)} MB: ${join(folder, 'index.html')}`,
  );

  let url: string | undefined;
  if (hasGitHubArtifacts(process.env)) {
    const store = artifactStore({ retentionDays: inputs.retentionDays, signal });
    const name = inputs.artifactName ?? 'mlops-dashboard';
    const { id } = await store.save(name, folder, ['index.html']);
    outputs.artifactName = name;
    url = artifactUrl(github.runUrl, (await showable(join(folder, 'index.html'), name, store)) ?? id);
  }
  if (place) outputs.published = await publishPage(page, place, remote, signal);
  summary.push(
    [
      `## Dashboard of ${runs} recorded runs`,
      url && `[Open it](${url})`,
      outputs.published && `Published to ${code(place?.path ?? '')} on ${code(place?.branch ?? '')}`,
    ]
      .filter(Boolean)
      .join('\n\n'),
  );
}

async function pageOf(
  options: Parameters<typeof withRecordsBranch>[0],
): Promise<{ page: string; runs: number }> {
  const collector = new DashboardCollector();
  const leftOut: string[] = [];
  const history = await withRecordsBranch(options, async (branch) => {
    const records = branch.records((path, why) => {
      collector.leaveOut();
      leftOut.push(`'${path}': ${why}`);
    });
    for await (const { path, record } of records) collector.add(path, record);
    return branch.aliasHistory();
  });
  if (!history)
    annotate(
      'notice',
      `There is no branch '${options.branch}' yet, so the dashboard is empty. The first run that is recorded creates it.`,
    );
  if (leftOut.length) {
    const shown = leftOut.slice(0, namesShown).join('; ');
    const more = leftOut.length > namesShown ? `; and ${leftOut.length - namesShown} more` : '';
    annotate(
      'notice',
      `${leftOut.length === 1 ? 'A record is' : `${leftOut.length} records are`} left out of the dashboard, for this version cannot read ${leftOut.length === 1 ? 'it' : 'them'}: ${shown}${more}.`,
    );
  }
  const dashboard = collector.finish(history ?? [], Math.floor(Date.now() / 1000));
  return { page: renderDashboard(dashboard), runs: dashboard.runs.id.length };
}
