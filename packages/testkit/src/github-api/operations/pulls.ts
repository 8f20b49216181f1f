import { notFound, validationFailed } from '../errors.ts';
import { type Call, created, list, type Operations, ok, operation } from '../operation.ts';
import type { Requirement } from '../permissions.ts';
import type { Issue, PullRequest } from '../state.ts';
import { renderLabel } from './issues.ts';
import { renderRepository } from './repositories.ts';

const READ: Requirement = [{ 'pull-requests': 'read' }];
type Pull = Issue & { pull_request: PullRequest };

export const pullOperations: Operations = {
  'pulls/list': operation(READ, (call) => {
    const { state, head, base } = call.query;
    const matching = pulls(call).filter(
      (pull) =>
        (state === 'all' || pull.state === state) &&
        (!head || headLabel(pull) === head) &&
        (!base || pull.pull_request.base.ref === base),
    );
    return list(
      (call.query.direction === 'asc' ? matching : matching.toReversed()).map((p) => renderPull(call, p)),
    );
  }),
  'pulls/get': operation(READ, (call) => ok(renderPull(call, findPull(call)))),
  'pulls/create': operation<{ title: string; head: string; base: string; body?: string; draft?: boolean }>(
    [{ 'pull-requests': 'write' }],
    (call) => {
      const head = call.body.head.replace(`${call.repository.owner}:`, '');
      for (const [field, branch] of [['head', head] as const, ['base', call.body.base] as const]) {
        if (!call.repository.refs.has(`heads/${branch}`))
          throw validationFailed('PullRequest', field, 'invalid');
      }
      const duplicate = pulls(call).find(
        ({ state, pull_request: { head: h, base } }) =>
          state === 'open' && h.ref === head && base.ref === call.body.base,
      );
      if (duplicate) {
        const message = `A pull request already exists for ${headLabel(duplicate)}.`;
        throw validationFailed('PullRequest', 'head', 'custom', message);
      }
      return created(
        renderPull(call, call.repository.addPullRequest({ ...call.body, head, user: call.user })),
      );
    },
  ),
  'pulls/list-files': operation(READ, (call) =>
    list(findPull(call).pull_request.files.map((file) => renderFile(call, findPull(call), file))),
  ),
  'repos/list-pull-requests-associated-with-commit': operation(READ, (call) => {
    const sha = call.repository.resolve(call.path.commit_sha ?? '')?.sha;
    const matching = pulls(call).filter(({ pull_request }) => pull_request.head.sha === sha);
    return list(matching.map((pull) => renderPull(call, pull)));
  }),
};

function pulls(call: Call): Pull[] {
  return call.repository.issues.filter((issue): issue is Pull => issue.pull_request !== undefined);
}

function findPull(call: Call): Pull {
  const pull = pulls(call).find(({ number }) => number === Number(call.path.pull_number));
  if (!pull) throw notFound();
  return pull;
}

function headLabel({ pull_request: { head } }: Pull): string {
  return `${head.repository.split('/')[0]}:${head.ref}`;
}

function renderFile(call: Call, pull: Pull, file: PullRequest['files'][number]): object {
  const { sha } = pull.pull_request.head;
  return {
    ...file,
    changes: file.additions + file.deletions,
    blob_url: call.links.html(`/blob/${sha}/${file.filename}`),
    raw_url: call.links.html(`/raw/${sha}/${file.filename}`),
    contents_url: call.links.api(`/contents/${file.filename}?ref=${sha}`),
  };
}

/** Lists and single pull requests differ in their properties: those only of one are left to the schema. */
function renderPull(call: Call, pull: Pull): object {
  const { head, base, draft, id, merged_at } = pull.pull_request;
  const url = call.links.api(`/pulls/${pull.number}`);
  const issueUrl = call.links.api(`/issues/${pull.number}`);
  return {
    id,
    number: pull.number,
    title: pull.title,
    body: pull.body,
    state: pull.state,
    user: pull.user,
    labels: pull.labels.map((label) => renderLabel(call, label)),
    draft,
    merged_at,
    created_at: pull.created_at,
    updated_at: pull.updated_at,
    closed_at: pull.closed_at,
    url,
    html_url: call.links.html(`/pull/${pull.number}`),
    issue_url: issueUrl,
    comments_url: `${issueUrl}/comments`,
    statuses_url: call.links.api(`/statuses/${head.sha}`),
    author_association: 'NONE',
    head: {
      label: headLabel(pull),
      ref: head.ref,
      sha: head.sha,
      user: { login: head.repository.split('/')[0] },
      repo: {
        ...renderRepository(call),
        full_name: head.repository,
        fork: head.repository !== call.repository.fullName,
      },
    },
    base: {
      label: `${call.repository.owner}:${base.ref}`,
      ref: base.ref,
      sha: base.sha,
      user: { login: call.repository.owner },
      repo: renderRepository(call),
    },
  };
}
