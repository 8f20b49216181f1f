import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** What GitHub says about the run, from the runner's GITHUB_* variables; off a runner, from the nearest equivalent. */
export interface GitHub {
  /** `owner/name`, or undefined off a runner. */
  readonly repository: string | undefined;
  readonly event: string;
  /** The webhook's payload. */
  readonly payload: Payload;
  /** `refs/heads/main`, `refs/tags/v1`, `refs/pull/7/merge`. */
  readonly ref: string;
  readonly sha: string;
  readonly workflow: string;
  /** The workflow's file relative to the repository's root, where the runner tells it. */
  readonly workflowPath: string | undefined;
  readonly job: string;
  readonly runId: string;
  readonly runAttempt: number;
  readonly actor: string;
  readonly serverUrl: string;
  readonly apiUrl: string;
  readonly workspace: string;
  /** A folder that lives as long as the job. */
  readonly temp: string;
  readonly defaultBranch: string;
  /** Whether the code under test comes from a fork, whose token can only read. */
  readonly isFork: boolean;
  /** The page of this run. */
  readonly runUrl: string | undefined;
}

export interface Payload {
  repository?: { default_branch?: string; full_name?: string };
  pull_request?: {
    number: number;
    head: { sha: string; ref: string; repo: { full_name: string; fork?: boolean } | null };
    base: { sha: string; ref: string };
  };
  [key: string]: unknown;
}

export function readGitHub(env: NodeJS.ProcessEnv): GitHub {
  const payload = readPayload(env.GITHUB_EVENT_PATH);
  const serverUrl = env.GITHUB_SERVER_URL ?? 'https://github.com';
  const repository = env.GITHUB_REPOSITORY || undefined;
  const runId = env.GITHUB_RUN_ID ?? '0';
  const head = payload.pull_request?.head.repo?.full_name;
  const event = env.GITHUB_EVENT_NAME ?? 'local';
  const ref = env.GITHUB_REF ?? '';
  // A schedule's payload does not tell the default branch, but that is where it runs.
  const scheduledOn = event === 'schedule' ? ref.replace('refs/heads/', '') : undefined;
  return {
    repository,
    event,
    payload,
    ref,
    sha: env.GITHUB_SHA ?? '',
    workflow: env.GITHUB_WORKFLOW ?? '',
    // acme/model/.github/workflows/ml.yml@refs/heads/main
    workflowPath: /^[^/]+\/[^/]+\/([^@]+)@/.exec(env.GITHUB_WORKFLOW_REF ?? '')?.[1],
    job: env.GITHUB_JOB ?? 'local',
    runId,
    runAttempt: Number(env.GITHUB_RUN_ATTEMPT ?? 1),
    actor: env.GITHUB_ACTOR ?? '',
    serverUrl,
    apiUrl: env.GITHUB_API_URL ?? 'https://api.github.com',
    workspace: env.GITHUB_WORKSPACE ?? process.cwd(),
    temp: env.RUNNER_TEMP ?? tmpdir(),
    defaultBranch: payload.repository?.default_branch ?? (scheduledOn || 'main'),
    // A deleted fork leaves no repository behind.
    isFork: payload.pull_request !== undefined && head !== (payload.repository?.full_name ?? repository),
    runUrl: repository ? `${serverUrl}/${repository}/actions/runs/${runId}` : undefined,
  };
}

function readPayload(path: string | undefined): Payload {
  if (!path) return {};
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Payload;
  } catch {
    return {};
  }
}
