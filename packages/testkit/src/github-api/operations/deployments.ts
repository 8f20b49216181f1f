import { ApiError, notFound, validationFailed } from '../errors.ts';
import { type Call, created, list, noContent, type Operations, ok, operation } from '../operation.ts';
import type { Requirement } from '../permissions.ts';
import type { Deployment, DeploymentStatus, Environment } from '../state.ts';
import { currentStatuses, MAX_STATUS_DESCRIPTION } from './statuses.ts';

const READ: Requirement = [{ deployments: 'read' }];
const WRITE: Requirement = [{ deployments: 'write' }];

interface NewDeployment {
  ref: string;
  task: string;
  required_contexts?: string[];
  payload?: unknown;
  environment: string;
  description?: string | null;
  transient_environment?: boolean;
  production_environment?: boolean;
}
type NewStatus = Partial<Omit<DeploymentStatus, 'id'>> & {
  state: DeploymentStatus['state'];
  target_url?: string;
  auto_inactive?: boolean;
};

export const deploymentOperations: Operations = {
  'repos/list-deployments': operation(READ, (call) => {
    // The description's default for each filter is the word "none".
    const wanted = (name: 'sha' | 'ref' | 'task' | 'environment', deployment: Deployment): boolean =>
      [undefined, null, 'none', deployment[name]].includes(call.query[name] as string | undefined);
    const matching = call.repository.deployments.filter((deployment) =>
      (['sha', 'ref', 'task', 'environment'] as const).every((name) => wanted(name, deployment)),
    );
    return list(matching.toReversed().map((deployment) => render(call, deployment)));
  }),
  'repos/create-deployment': operation<NewDeployment>(WRITE, (call) => {
    const { body } = call;
    const commit = call.repository.resolve(body.ref);
    if (!commit) throw new ApiError(422, `No ref found for: ${body.ref}`);
    checkContexts(call, commit.sha, body);
    const deployment: Deployment = {
      id: call.clock.id(),
      sha: commit.sha,
      ref: body.ref,
      task: body.task,
      environment: body.environment,
      description: body.description || null,
      payload: body.payload || {},
      transient_environment: body.transient_environment ?? false,
      production_environment: body.production_environment ?? body.environment === 'production',
      creator: call.user,
      created_at: call.clock.now(),
      statuses: [],
    };
    call.repository.deployments.push(deployment);
    ensureEnvironment(call, body.environment);
    return created(render(call, deployment));
  }),
  'repos/get-deployment': operation(READ, (call) => ok(render(call, findDeployment(call)))),
  'repos/delete-deployment': operation(WRITE, (call) => {
    const { deployments } = call.repository;
    const deployment = findDeployment(call);
    const active = deployment.statuses.at(-1)?.state !== 'inactive';
    if (active && deployments.length > 1) {
      throw new ApiError(
        422,
        'We cannot delete an active deployment unless it is the only deployment in a given environment.',
      );
    }
    deployments.splice(deployments.indexOf(deployment), 1);
    return noContent();
  }),

  'repos/create-deployment-status': operation<NewStatus>(WRITE, (call) => {
    const deployment = findDeployment(call);
    const { body } = call;
    if ((body.description?.length ?? 0) > MAX_STATUS_DESCRIPTION) {
      const message = `description is too long (maximum is ${MAX_STATUS_DESCRIPTION} characters)`;
      throw validationFailed('DeploymentStatus', 'description', 'custom', message);
    }
    if (body.environment) deployment.environment = body.environment;
    const status = addStatus(call, deployment, body);
    if (body.state === 'success' && body.auto_inactive !== false) deactivateOthers(call, deployment);
    return created(renderStatus(call, deployment, status));
  }),
  'repos/list-deployment-statuses': operation(READ, (call) => {
    const deployment = findDeployment(call);
    return list(deployment.statuses.toReversed().map((status) => renderStatus(call, deployment, status)));
  }),
  'repos/get-deployment-status': operation(READ, (call) => {
    const deployment = findDeployment(call);
    const status = deployment.statuses.find(({ id }) => id === Number(call.path.status_id));
    if (!status) throw notFound();
    return ok(renderStatus(call, deployment, status));
  }),

  'repos/get-all-environments': operation([{ actions: 'read' }], (call) =>
    list(
      call.repository.environments.map((environment) => renderEnvironment(call, environment)),
      'environments',
    ),
  ),
  'repos/get-environment': operation([{ actions: 'read' }], (call) =>
    ok(renderEnvironment(call, findEnvironment(call))),
  ),
  'repos/create-or-update-environment': operation([{ administration: 'write' }], (call) =>
    ok(renderEnvironment(call, ensureEnvironment(call, call.path.environment_name ?? ''))),
  ),
  'repos/delete-an-environment': operation([{ administration: 'write' }], (call) => {
    const { environments } = call.repository;
    environments.splice(environments.indexOf(findEnvironment(call)), 1);
    return noContent();
  }),
};

/** Without `required_contexts` every status of the commit must be a success; an empty list asks for none. */
function checkContexts(call: Call, sha: string, { ref, required_contexts }: NewDeployment): void {
  const statuses = currentStatuses(call, sha);
  const contexts = required_contexts ?? statuses.map(({ context }) => context);
  const failing = contexts.filter(
    (context) => statuses.find((status) => status.context === context)?.state !== 'success',
  );
  if (failing.length === 0) return;
  throw new ApiError(409, `Conflict: Commit status checks failed for ${ref}.`, {
    errors: [{ resource: 'Deployment', field: 'required_contexts', code: 'invalid', contexts: failing }],
  });
}

/** GitHub's `auto_inactive`: earlier lasting, non-production deployments to the same environment end. */
function deactivateOthers(call: Call, deployment: Deployment): void {
  for (const other of call.repository.deployments) {
    if (other === deployment) return;
    const ends = !other.transient_environment && !other.production_environment;
    const active = other.statuses.at(-1)?.state !== 'inactive';
    if (ends && active && other.environment === deployment.environment)
      addStatus(call, other, { state: 'inactive' });
  }
}

function addStatus(call: Call, deployment: Deployment, fields: NewStatus): DeploymentStatus {
  const status: DeploymentStatus = {
    id: call.clock.id(),
    state: fields.state,
    description: fields.description ?? '',
    environment: deployment.environment,
    environment_url: fields.environment_url ?? '',
    log_url: fields.log_url || fields.target_url || '',
    creator: call.user,
    created_at: call.clock.now(),
  };
  deployment.statuses.push(status);
  return status;
}

function ensureEnvironment(call: Call, name: string): Environment {
  const now = call.clock.now();
  const existing = call.repository.environments.find((environment) => environment.name === name);
  if (existing) return existing;
  const environment = { id: call.clock.id(), name, created_at: now, updated_at: now };
  call.repository.environments.push(environment);
  return environment;
}

function findDeployment(call: Call): Deployment {
  const deployment = call.repository.deployments.find(({ id }) => id === Number(call.path.deployment_id));
  if (!deployment) throw notFound();
  return deployment;
}

function findEnvironment(call: Call): Environment {
  const environment = call.repository.environments.find(({ name }) => name === call.path.environment_name);
  if (!environment) throw notFound();
  return environment;
}

function render(call: Call, { statuses, ...deployment }: Deployment): object {
  const url = call.links.api(`/deployments/${deployment.id}`);
  return {
    ...deployment,
    original_environment: deployment.environment,
    updated_at: statuses.at(-1)?.created_at ?? deployment.created_at,
    url,
    statuses_url: `${url}/statuses`,
    repository_url: call.links.api(''),
  };
}

function renderStatus(call: Call, deployment: Deployment, status: DeploymentStatus): object {
  const deployment_url = call.links.api(`/deployments/${deployment.id}`);
  return {
    ...status,
    target_url: status.log_url,
    updated_at: status.created_at,
    deployment_url,
    url: `${deployment_url}/statuses/${status.id}`,
    repository_url: call.links.api(''),
  };
}

function renderEnvironment(call: Call, environment: Environment): object {
  const path = encodeURIComponent(environment.name);
  return {
    ...environment,
    url: call.links.api(`/environments/${path}`),
    html_url: call.links.html(`/deployments/activity_log?environments_filter=${path}`),
    protection_rules: [],
    deployment_branch_policy: null,
  };
}
