import { unknownCommit, validationFailed } from '../errors.ts';
import { type Call, created, list, type Operations, operation } from '../operation.ts';
import type { Requirement } from '../permissions.ts';
import type { CommitStatus } from '../state.ts';
import { renderRepository } from './repositories.ts';

/** Characters of a description, of commit and deployment statuses alike. */
export const MAX_STATUS_DESCRIPTION = 140;
/** Statuses per commit and context, from GitHub's documentation of the operation. */
const MAX_STATUSES = 1000;
const READ: Requirement = [{ statuses: 'read' }];

type StatusFields = Pick<CommitStatus, 'state' | 'context'> & { description?: string; target_url?: string };

export const statusOperations: Operations = {
  'repos/create-commit-status': operation<StatusFields>([{ statuses: 'write' }], (call) => {
    const sha = call.path.sha ?? '';
    if (!call.repository.commits.has(sha)) throw unknownCommit(sha);
    const { state, context, description, target_url } = call.body;
    if ((description?.length ?? 0) > MAX_STATUS_DESCRIPTION) {
      const message = `description is too long (maximum is ${MAX_STATUS_DESCRIPTION} characters)`;
      throw validationFailed('Status', 'description', 'custom', message);
    }
    if (statusesOf(call, sha).filter((status) => status.context === context).length >= MAX_STATUSES) {
      const message = 'This SHA and context has reached the maximum number of statuses.';
      throw validationFailed('Status', 'base', 'custom', message);
    }
    const status: CommitStatus = {
      id: call.clock.id(),
      sha,
      state,
      context,
      description: description ?? null,
      target_url: target_url ?? null,
      creator: call.user,
      created_at: call.clock.now(),
    };
    call.repository.statuses.push(status);
    return created(render(call, status));
  }),
  'repos/list-commit-statuses-for-ref': operation(READ, (call) => {
    const statuses = statusesOf(call, commitSha(call));
    return list(statuses.toReversed().map((status) => render(call, status)));
  }),
  'repos/get-combined-status-for-ref': operation(READ, (call) => {
    const sha = commitSha(call);
    const current = currentStatuses(call, sha);
    const url = call.links.api(`/commits/${sha}/status`);
    return {
      status: 200,
      body: {
        state: combine(current),
        sha,
        total_count: current.length,
        // One page of contexts is all that a test needs; GitHub pages them by 30.
        statuses: current.map(({ creator: _, sha: __, ...status }) => ({
          ...status,
          url: call.links.api(`/statuses/${sha}`),
          updated_at: status.created_at,
        })),
        repository: minimalRepository(call),
        commit_url: call.links.api(`/commits/${sha}`),
        url,
      },
    };
  }),
};

/** The latest status of each context. */
export function currentStatuses(call: Call, sha: string): CommitStatus[] {
  return [...new Map(statusesOf(call, sha).map((status) => [status.context, status])).values()];
}

function statusesOf(call: Call, sha: string): CommitStatus[] {
  return call.repository.statuses.filter((status) => status.sha === sha);
}

function commitSha(call: Call): string {
  const commit = call.repository.resolve(call.path.ref ?? '');
  if (!commit) throw unknownCommit(call.path.ref ?? '');
  return commit.sha;
}

/** The rule in GitHub's documentation: failure before pending (or none at all) before success. */
function combine(statuses: CommitStatus[]): string {
  if (statuses.some(({ state }) => state === 'error' || state === 'failure')) return 'failure';
  return statuses.length === 0 || statuses.some(({ state }) => state === 'pending') ? 'pending' : 'success';
}

function minimalRepository(call: Call): object {
  const {
    default_branch: _,
    visibility: __,
    ...repository
  } = renderRepository(call) as Record<string, unknown>;
  return repository;
}

function render(call: Call, { sha, ...status }: CommitStatus): object {
  const url = call.links.api(`/statuses/${sha}`);
  return { ...status, url, updated_at: status.created_at };
}
