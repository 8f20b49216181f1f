import { annotate, type Context, type InputsOf, UserError } from '@mlops/core';
import { type GitHubApi, gitHubApi, isDenied, isFromApi, reasonOf } from '@mlops/core/github-api';
import type { RunRecord } from '@mlops/core/record';
import type { action } from './action.ts';
import { mapText, withoutLinks } from './inert.ts';
import { artifactUrl, projectOf } from './names.ts';
import { publish } from './publish.ts';
import { untrustedRecord } from './untrusted.ts';

type Inputs = InputsOf<typeof action>;

/** As much of the event as is used; GitHub says it, not the run. */
interface TriggeringRun {
  id: number;
  name: string;
  run_attempt: number;
  event: string;
  html_url: string;
  head_sha: string;
  head_branch: string;
  head_repository: { full_name: string } | null;
  actor: { login: string };
}

interface Place {
  owner: string;
  repo: string;
}

/** Reports of more projects than this are nobody's wish. */
const mostReports = 20;

/**
 * Posts the report of the run that started this one, whose token could only read: that of a pull request from a fork,
 * or by Dependabot. This job has a token that may write, so it runs no code of theirs, believes nothing that their run
 * uploaded but the numbers, and asks GitHub for everything else.
 */
export async function reportTriggeringRun(inputs: Inputs, context: Context<typeof action>): Promise<void> {
  const { github, signal } = context;
  const run = triggeringRun(context, inputs);
  const [owner = '', repo = ''] = github.repository?.split('/') ?? [];
  const reason = reasonNotToReport(run, github.repository);
  if (reason) return void console.log(`Nothing to post: ${reason}.`);

  const api = await gitHubApi(github, inputs.githubToken, signal);
  const pulls = await pullRequestsOf(run, { owner, repo }, api);
  if (pulls.length === 0)
    return void annotate(
      'notice',
      `Nothing was posted: ${run.head_sha} is not the newest commit of an open pull request any more.`,
    );
  const artifacts = await reportsOf(run, { owner, repo }, inputs, api);
  if (artifacts.length === 0)
    return void annotate('notice', `Nothing was posted: run ${run.id} has uploaded no report.`);
  for (const { id, name, project, bytes } of artifacts) {
    const record = await untrustedRecord(
      api,
      { owner, repo, id, name, bytes },
      { id: run.id, attempt: run.run_attempt, commit: run.head_sha },
      signal,
    );
    await publish(
      {
        ...{ owner, repo, project },
        record: knownFacts(mapText(record, withoutLinks), run, `${owner}/${repo}`),
        pageUrl: artifactUrl(run.html_url, id),
        pulls: async () => pulls,
        places: () => ({ path: 'mlops.yaml', line: 1 }),
        readOnly: undefined,
        remark: "_The pull request's own code made this report; nobody has verified it._",
      },
      api,
      inputs,
      context,
    );
  }
}

function triggeringRun({ github }: Context<typeof action>, inputs: Inputs): TriggeringRun {
  const run = github.payload.workflow_run as TriggeringRun | undefined;
  if (github.event !== 'workflow_run' || !run)
    throw new UserError(
      `scope 'triggering-run' is for workflows that 'workflow_run' starts, not '${github.event}'`,
      {
        advice: "See 'Pull requests from forks' in the README of the action report.",
      },
    );
  if (inputs.pullRequest !== undefined)
    throw new UserError("the input 'pull-request' cannot be combined with scope 'triggering-run'", {
      advice: 'Leave it out: GitHub is asked for the pull request of the run.',
    });
  if (!inputs.githubToken)
    throw new UserError("scope 'triggering-run' needs the input 'github-token'", {
      advice: "Leave it out to use the job's own token.",
    });
  return run;
}

function reasonNotToReport(run: TriggeringRun, repository: string | undefined): string | undefined {
  if (run.event !== 'pull_request')
    return `the event '${run.event}' started run ${run.id}, not a pull request`;
  if (!run.head_repository) return 'the fork has been deleted';
  if (run.head_repository.full_name === repository && run.actor.login !== 'dependabot[bot]')
    return `run ${run.id} is of no fork and could post its report itself`;
  return undefined;
}

/** The open pull requests whose newest commit the run is of, in the repository that the run's code came from. */
async function pullRequestsOf(run: TriggeringRun, place: Place, api: GitHubApi): Promise<number[]> {
  const from = run.head_repository?.full_name ?? '';
  const open = await api.paginate(api.rest.pulls.list, {
    ...{ ...place, state: 'open', head: `${from.split('/')[0]}:${run.head_branch}`, per_page: 100 },
  });
  return open
    .filter(({ head }) => head.sha === run.head_sha && head.repo?.full_name === from)
    .map(({ number }) => number);
}

interface Report {
  id: number;
  name: string;
  project: string;
  bytes: number;
}

/** The newest artifact of each project's name, or of the name that was given. */
async function reportsOf(
  { id: run_id }: TriggeringRun,
  place: Place,
  { artifactName }: Inputs,
  api: GitHubApi,
): Promise<Report[]> {
  const artifacts = await api
    .paginate(api.rest.actions.listWorkflowRunArtifacts, {
      ...{ ...place, run_id, per_page: 100 },
      ...(artifactName && { name: artifactName }),
    })
    .catch(unreadable(`artifacts of run ${run_id}`, 'actions: read'));
  const newest = new Map<string, Report>();
  for (const { id, name, size_in_bytes: bytes, expired } of artifacts.toSorted((a, b) => a.id - b.id)) {
    const project = name === artifactName ? (projectOf(name) ?? '') : projectOf(name);
    if (project !== undefined && !expired) newest.set(name, { id, name, project, bytes });
  }
  if (newest.size > mostReports)
    throw new UserError(`run ${run_id} has uploaded ${newest.size} reports, more than ${mostReports}`, {
      advice: "Name the one to post by the input 'artifact-name'.",
    });
  return [...newest.values()];
}

/** Without these there is nothing to post, and nobody else would say so. */
function unreadable(what: string, permission: string): (error: unknown) => never {
  return (error) => {
    if (!isFromApi(error)) throw error;
    throw new UserError(`the ${what} cannot be read: ${reasonOf(error)}`, {
      cause: error,
      advice: isDenied(error)
        ? `Grant 'permissions: ${permission}' to the job that calls this workflow.`
        : 'Run the job again once GitHub can be reached.',
    });
  };
}

/** What GitHub says of the run in place of what its record says. */
function knownFacts(record: RunRecord, run: TriggeringRun, repository: string): RunRecord {
  return {
    ...record,
    run: {
      ...record.run,
      id: String(run.id),
      repository,
      workflow: run.name,
      event: run.event,
      commit: run.head_sha,
      actor: run.actor.login,
      url: run.html_url,
    },
  };
}
