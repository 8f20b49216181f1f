import { annotate, type Context, type InputsOf } from '@mlops/core';
import { type GitHubApi, isDenied, isFromApi, reasonOf } from '@mlops/core/github-api';
import type { RunRecord } from '@mlops/core/record';
import { type Extras, headline, marks, renderMarkdown } from '@mlops/report';
import type { action } from './action.ts';
import { longestSummary, postCheckRun } from './check-run.ts';
import { longestMarkdown, postComment } from './comment.ts';
import { mapText, withoutMentions } from './inert.ts';
import { mentions } from './names.ts';
import { annotationsOf, conclusionOf, contentOf } from './outcome.ts';
import type { RulePlace } from './rule-places.ts';

type Inputs = InputsOf<typeof action>;

/** A report, and what it is about. */
export interface Publication {
  record: RunRecord;
  extras?: Extras;
  /** Of the artifact with the page. */
  pageUrl: string | undefined;
  /** The project's name, empty at the repository's root. */
  project: string;
  owner: string;
  repo: string;
  /** Pull requests to comment on; asked for only when there is to be a comment. */
  pulls(api: GitHubApi): Promise<number[]>;
  places: ((metric?: string) => RulePlace) | undefined;
  /** Why the token can only read, whatever is granted. */
  readOnly: string | undefined;
  /** Markdown that stands above the report. */
  remark?: string;
}

/**
 * Posts a comment and a check run as far as that is wanted and allowed. The report is in the summary in any case, so
 * nothing that goes wrong here fails the job.
 */
export async function publish(
  publication: Publication,
  api: GitHubApi,
  inputs: Inputs,
  { signal, outputs }: Pick<Context<typeof action>, 'signal' | 'outputs'>,
): Promise<void> {
  const shown = { ...publication, record: mapText(publication.record, withoutMentions) };
  const missing: string[] = [];
  const attempt = async (what: string, permission: string, post: () => Promise<string | undefined>) => {
    try {
      return await post();
    } catch (error) {
      signal.throwIfAborted();
      if (!isFromApi(error)) throw error;
      if (isDenied(error)) missing.push(`\`${permission}\` for the ${what}`);
      else
        annotate('warning', `The ${what} was not posted: ${reasonOf(error)}. The report is in the summary.`);
      return undefined;
    }
  };
  const commentUrl = await attempt('comment', 'pull-requests: write', () =>
    comment(shown, api, inputs, signal),
  );
  const checkUrl = await attempt('check run', 'checks: write', () => check(shown, api, inputs, signal));
  if (commentUrl) outputs.commentUrl = commentUrl;
  if (checkUrl) outputs.checkUrl = checkUrl;
  if (missing.length) annotate('notice', deniedText(missing, publication.readOnly));
}

function deniedText(missing: readonly string[], readOnly: string | undefined): string {
  const lacks = `The report is only in the summary and its page: the token lacks ${missing.join(' and ')}.`;
  if (readOnly)
    return `${lacks} ${readOnly}; a workflow that 'workflow_run' starts can post the report, see 'Pull requests from forks' in the README of the action report.`;
  return `${lacks} Grant this to the job, or to the one that calls this workflow; or set 'comment: never' or 'check: never'.`;
}

async function comment(
  { record, extras, pageUrl, project, owner, repo, pulls, remark }: Publication,
  api: GitHubApi,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (inputs.comment === 'never') return undefined;
  const failed = ['failure', 'cancelled'].includes(conclusionOf(record));
  const cc = failed && inputs.cc.length ? `\n\ncc ${mentions(inputs.cc).join(' ')}` : '';
  const above = remark ? `${remark}\n\n` : '';
  const limit = longestMarkdown - Buffer.byteLength(above + cc);
  const markdown = above + renderMarkdown(record, { ...extras, limit, ...(pageUrl && { pageUrl }) }) + cc;
  const run = `${record.run.id}-${record.run.attempt}`;
  const key = inputs.commentKey ?? [record.run.workflow, project].filter(Boolean).join(' ');
  let url: string | undefined;
  for (const number of await pulls(api)) {
    const posted = await postComment(
      api,
      { owner, repo, number, key },
      { run, failed, content: contentOf(record), markdown },
      { mode: inputs.commentMode, when: inputs.comment, signal },
    );
    console.log(`Comment on pull request ${number}: ${posted.did}${posted.url ? `, ${posted.url}` : ''}.`);
    url ??= posted.url;
  }
  return url;
}

async function check(
  { record, pageUrl, project, owner, repo, places }: Publication,
  api: GitHubApi,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (inputs.check === 'never') return undefined;
  const { run } = record;
  const url = await postCheckRun(
    api,
    {
      owner,
      repo,
      sha: run.commit,
      name: inputs.checkName ?? `${run.workflow} report${project && ` (${project})`}`.trim(),
      externalId: `mlops-report ${project} ${run.id}-${run.attempt}`,
      detailsUrl: pageUrl ?? run.url ?? undefined,
      conclusion: conclusionOf(record),
      title: headline(record, marks).text,
      summary: renderMarkdown(record, { limit: longestSummary, ...(pageUrl && { pageUrl }) }),
      annotations: places ? annotationsOf(record, places) : [],
    },
    signal,
  );
  console.log(`Check run: ${url}`);
  return url;
}
