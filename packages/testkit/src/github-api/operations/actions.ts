import { createHash } from 'node:crypto';
import { ApiError, notFound } from '../errors.ts';
import { type Call, list, noContent, type Operations, ok, operation } from '../operation.ts';
import type { Requirement } from '../permissions.ts';
import type { Artifact, Workflow, WorkflowJob, WorkflowRun } from '../state.ts';
import { renderRepository } from './repositories.ts';

const READ: Requirement = [{ actions: 'read' }];
const WRITE: Requirement = [{ actions: 'write' }];
const ARTIFACT_LIFETIME_MS = 90 * 24 * 3600 * 1000;

export const actionsOperations: Operations = {
  'repos/create-dispatch-event': operation<{ event_type: string; client_payload?: Record<string, unknown> }>(
    [{ contents: 'write' }],
    (call) => {
      const { event_type, client_payload = {} } = call.body;
      call.repository.dispatches.push({ kind: 'repository', event_type, client_payload });
      return noContent();
    },
  ),
  'actions/create-workflow-dispatch': operation<{ ref: string; inputs?: Record<string, unknown> }>(
    WRITE,
    (call) => {
      const workflow = findWorkflow(call);
      const { ref, inputs = {} } = call.body;
      if (!call.repository.resolve(ref)) throw new ApiError(422, `No ref found for: ${ref}`);
      const unexpected = Object.keys(inputs).filter(
        (name) => workflow.inputs && !workflow.inputs.includes(name),
      );
      if (unexpected.length > 0) {
        throw new ApiError(422, `Unexpected inputs provided: ${JSON.stringify(unexpected)}`);
      }
      call.repository.dispatches.push({ kind: 'workflow', workflow: workflow.path, ref, inputs });
      return noContent();
    },
  ),
  'actions/list-repo-workflows': operation(READ, (call) =>
    list(
      call.repository.workflows.map((workflow) => renderWorkflow(call, workflow)),
      'workflows',
    ),
  ),
  'actions/get-workflow': operation(READ, (call) => ok(renderWorkflow(call, findWorkflow(call)))),

  'actions/list-workflow-runs-for-repo': operation(READ, (call) =>
    listRuns(call, call.repository.workflowRuns),
  ),
  'actions/list-workflow-runs': operation(READ, (call) => {
    const workflow = findWorkflow(call);
    return listRuns(
      call,
      call.repository.workflowRuns.filter((run) => run.workflow === workflow),
    );
  }),
  'actions/get-workflow-run': operation(READ, (call) => ok(renderRun(call, findRun(call)))),
  'actions/list-jobs-for-workflow-run': operation(READ, (call) => {
    const run = findRun(call);
    const latestOnly = call.query.filter !== 'all';
    const jobs = call.repository.workflowJobs.filter(
      (job) => job.run_id === run.id && (!latestOnly || job.run_attempt === run.run_attempt),
    );
    return list(
      jobs.map((job) => renderJob(call, run, job)),
      'jobs',
    );
  }),

  'actions/list-artifacts-for-repo': operation(READ, (call) =>
    listArtifacts(call, call.repository.artifacts),
  ),
  'actions/list-workflow-run-artifacts': operation(READ, (call) => {
    const run = findRun(call);
    return listArtifacts(
      call,
      call.repository.artifacts.filter((artifact) => artifact.run_id === run.id),
    );
  }),
  'actions/get-artifact': operation(READ, (call) => ok(renderArtifact(call, findArtifact(call)))),
  'actions/download-artifact': operation(READ, (call) => {
    const artifact = findArtifact(call);
    if (call.path.archive_format !== 'zip') throw notFound();
    if (artifact.expired) throw new ApiError(410, 'Artifact has expired');
    return { status: 302, headers: { location: call.links.download(artifact.data, 'application/zip') } };
  }),
  'actions/delete-artifact': operation(WRITE, (call) => {
    const { artifacts } = call.repository;
    artifacts.splice(artifacts.indexOf(findArtifact(call)), 1);
    return noContent();
  }),
};

/** A workflow is named by its id or its file's name. */
function findWorkflow(call: Call): Workflow {
  const wanted = call.path.workflow_id;
  const workflow = call.repository.workflows.find(
    ({ id, path }) => String(id) === wanted || path.split('/').at(-1) === wanted,
  );
  if (!workflow) throw notFound();
  return workflow;
}

function findRun(call: Call): WorkflowRun {
  const run = call.repository.workflowRuns.find(({ id }) => id === Number(call.path.run_id));
  if (!run) throw notFound();
  return run;
}

function findArtifact(call: Call): Artifact {
  const artifact = call.repository.artifacts.find(({ id }) => id === Number(call.path.artifact_id));
  if (!artifact) throw notFound();
  return artifact;
}

function listRuns(call: Call, runs: WorkflowRun[]) {
  const { branch, event, status, head_sha, actor } = call.query;
  const matching = runs.filter(
    (run) =>
      (!branch || run.head_branch === branch) &&
      (!event || run.event === event) &&
      (!status || run.status === status || run.conclusion === status) &&
      (!head_sha || run.head_sha === head_sha) &&
      (!actor || run.actor.login === actor),
  );
  return list(
    matching.toReversed().map((run) => renderRun(call, run)),
    'workflow_runs',
  );
}

function listArtifacts(call: Call, artifacts: Artifact[]) {
  const matching = artifacts.filter(({ name }) => !call.query.name || name === call.query.name);
  return list(
    matching.toReversed().map((artifact) => renderArtifact(call, artifact)),
    'artifacts',
  );
}

function renderWorkflow(call: Call, { inputs: _, ...workflow }: Workflow): object {
  return {
    ...workflow,
    url: call.links.api(`/actions/workflows/${workflow.id}`),
    html_url: call.links.html(`/blob/${call.repository.defaultBranch}/${workflow.path}`),
  };
}

function renderRun(call: Call, { workflow, ...run }: WorkflowRun): object {
  const url = call.links.api(`/actions/runs/${run.id}`);
  const {
    default_branch: _,
    visibility: __,
    ...repository
  } = renderRepository(call) as Record<string, unknown>;
  const commit = call.repository.commits.get(run.head_sha);
  return {
    ...run,
    name: workflow.name,
    path: workflow.path,
    workflow_id: workflow.id,
    workflow_url: call.links.api(`/actions/workflows/${workflow.id}`),
    triggering_actor: run.actor,
    run_started_at: run.created_at,
    display_title: commit?.message ?? workflow.name,
    head_commit: commit && {
      id: commit.sha,
      message: commit.message,
      timestamp: commit.author.date,
      author: { name: commit.author.name, email: commit.author.email },
      committer: { name: commit.author.name, email: commit.author.email },
    },
    repository,
    head_repository: repository,
    url,
    html_url: call.links.html(`/actions/runs/${run.id}`),
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
  };
}

function renderJob(call: Call, run: WorkflowRun, job: WorkflowJob): object {
  return {
    ...job,
    steps: job.steps.map((step, i) => ({ ...step, number: i + 1 })),
    run_url: call.links.api(`/actions/runs/${run.id}`),
    url: call.links.api(`/actions/jobs/${job.id}`),
    html_url: call.links.html(`/actions/runs/${run.id}/job/${job.id}`),
    check_run_url: call.links.api(`/check-runs/${job.id}`),
    head_sha: run.head_sha,
    head_branch: run.head_branch,
    workflow_name: run.workflow.name,
    created_at: job.started_at,
    labels: ['ubuntu-latest'],
  };
}

function renderArtifact(call: Call, artifact: Artifact): object {
  const url = call.links.api(`/actions/artifacts/${artifact.id}`);
  const run = call.repository.workflowRuns.find(({ id }) => id === artifact.run_id);
  return {
    id: artifact.id,
    name: artifact.name,
    size_in_bytes: artifact.data.length,
    digest: `sha256:${createHash('sha256').update(artifact.data).digest('hex')}`,
    expired: artifact.expired,
    created_at: artifact.created_at,
    updated_at: artifact.created_at,
    expires_at: new Date(Date.parse(artifact.created_at) + ARTIFACT_LIFETIME_MS).toISOString(),
    url,
    archive_download_url: `${url}/zip`,
    workflow_run: run && {
      id: run.id,
      repository_id: call.repository.id,
      head_repository_id: call.repository.id,
      head_branch: run.head_branch,
      head_sha: run.head_sha,
    },
  };
}
