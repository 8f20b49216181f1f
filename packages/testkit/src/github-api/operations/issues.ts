import { notFound, validationFailed } from '../errors.ts';
import { type Call, created, list, noContent, type Operations, ok, operation } from '../operation.ts';
import type { Requirement } from '../permissions.ts';
import type { Comment, Issue, Label } from '../state.ts';

/** Characters; GitHub's database limit, which its description does not give. */
const MAX_BODY = 65_536;
const READ: Requirement = [{ issues: 'read' }, { 'pull-requests': 'read' }];
const WRITE: Requirement = [{ issues: 'write' }, { 'pull-requests': 'write' }];

interface IssueChanges {
  title?: string | number;
  body?: string | null;
  labels?: LabelNames;
  state?: Issue['state'];
  state_reason?: string | null;
}
type LabelNames = (string | { name?: string })[];

export const issueOperations: Operations = {
  'issues/list-for-repo': operation(READ, (call) => {
    const wanted = String(call.query.labels ?? '')
      .split(',')
      .filter(Boolean);
    const matching = call.repository.issues.filter(
      (issue) =>
        (call.query.state === 'all' || issue.state === call.query.state) &&
        (!call.query.creator || issue.user.login === call.query.creator) &&
        wanted.every((name) => issue.labels.some((label) => label.name === name)),
    );
    const newestFirst = call.query.direction === 'asc' ? matching : matching.toReversed();
    return list(newestFirst.map((issue) => renderIssue(call, issue)));
  }),
  'issues/create': operation<IssueChanges>([{ issues: 'write' }], (call) => {
    checkBody('Issue', call.body.body);
    const issue = call.repository.addIssue({ title: String(call.body.title), user: call.user });
    applyChanges(call, issue, call.body);
    return created(renderIssue(call, issue));
  }),
  'issues/get': operation(READ, (call) => ok(renderIssue(call, findIssue(call)))),
  'issues/update': operation<IssueChanges>(WRITE, (call) => {
    const issue = findIssue(call);
    checkBody('Issue', call.body.body);
    applyChanges(call, issue, call.body);
    return ok(renderIssue(call, issue));
  }),

  'issues/list-comments': operation(READ, (call) => {
    const { number } = findIssue(call);
    const since = call.query.since ? Date.parse(String(call.query.since)) : 0;
    const comments = call.repository.comments.filter(
      (comment) => comment.issue_number === number && Date.parse(comment.updated_at) >= since,
    );
    return list(comments.map((comment) => renderComment(call, comment)));
  }),
  'issues/list-comments-for-repo': operation(READ, (call) =>
    list(call.repository.comments.map((comment) => renderComment(call, comment))),
  ),
  'issues/create-comment': operation<{ body: string }>(WRITE, (call) => {
    const { number } = findIssue(call);
    checkCommentBody(call.body.body);
    const now = call.clock.now();
    const comment: Comment = {
      id: call.clock.id(),
      issue_number: number,
      body: call.body.body,
      user: call.user,
      created_at: now,
      updated_at: now,
    };
    call.repository.comments.push(comment);
    return created(renderComment(call, comment));
  }),
  'issues/get-comment': operation(READ, (call) => ok(renderComment(call, findComment(call)))),
  'issues/update-comment': operation<{ body: string }>(WRITE, (call) => {
    const comment = findComment(call);
    checkCommentBody(call.body.body);
    Object.assign(comment, { body: call.body.body, updated_at: call.clock.now() });
    return ok(renderComment(call, comment));
  }),
  'issues/delete-comment': operation(WRITE, (call) => {
    const { comments } = call.repository;
    comments.splice(comments.indexOf(findComment(call)), 1);
    return noContent();
  }),

  'issues/list-labels-on-issue': operation(READ, (call) =>
    list(findIssue(call).labels.map((label) => renderLabel(call, label))),
  ),
  'issues/add-labels': operation<{ labels?: LabelNames } | LabelNames>(WRITE, (call) => {
    const issue = findIssue(call);
    for (const label of labelsOf(call, call.body))
      if (!issue.labels.includes(label)) issue.labels.push(label);
    return list(issue.labels.map((label) => renderLabel(call, label)));
  }),
  'issues/set-labels': operation<{ labels?: LabelNames } | LabelNames>(WRITE, (call) => {
    const issue = findIssue(call);
    issue.labels = labelsOf(call, call.body);
    return list(issue.labels.map((label) => renderLabel(call, label)));
  }),
  'issues/remove-label': operation(WRITE, (call) => {
    const issue = findIssue(call);
    const index = issue.labels.findIndex((label) => sameName(label, call.path.name));
    if (index < 0) throw notFound();
    issue.labels.splice(index, 1);
    return list(issue.labels.map((label) => renderLabel(call, label)));
  }),
  'issues/list-labels-for-repo': operation(READ, (call) =>
    list(call.repository.labels.map((label) => renderLabel(call, label))),
  ),
  'issues/get-label': operation(READ, (call) => {
    const label = call.repository.labels.find((candidate) => sameName(candidate, call.path.name));
    if (!label) throw notFound();
    return ok(renderLabel(call, label));
  }),
  'issues/create-label': operation<{ name: string; color?: string; description?: string }>(WRITE, (call) => {
    const { name, color, description } = call.body;
    if (call.repository.labels.some((label) => sameName(label, name))) {
      throw validationFailed('Label', 'name', 'already_exists');
    }
    return created(renderLabel(call, call.repository.addLabel(name, color, description)));
  }),
};

function findIssue(call: Call): Issue {
  const issue = call.repository.issues.find(({ number }) => number === Number(call.path.issue_number));
  if (!issue) throw notFound();
  return issue;
}

function findComment(call: Call): Comment {
  const comment = call.repository.comments.find(({ id }) => id === Number(call.path.comment_id));
  if (!comment) throw notFound();
  return comment;
}

/** GraphQL's id of a comment. */
export function nodeId({ id }: Comment): string {
  return `IC_${Buffer.from(String(id)).toString('base64url')}`;
}

export function checkCommentBody(body: string): void {
  checkBody('IssueComment', body);
}

function checkBody(resource: string, body: string | null | undefined): void {
  if ((body?.length ?? 0) <= MAX_BODY) {
    if (resource === 'IssueComment' && !body?.trim()) {
      throw validationFailed(resource, 'data', 'unprocessable', 'Body cannot be blank');
    }
    return;
  }
  throw validationFailed(
    resource,
    'data',
    'unprocessable',
    `Body is too long (maximum is ${MAX_BODY} characters)`,
  );
}

function applyChanges(call: Call, issue: Issue, changes: IssueChanges): void {
  if (changes.title !== undefined) issue.title = String(changes.title);
  if (changes.body !== undefined) issue.body = changes.body;
  if (changes.labels) issue.labels = labelsOf(call, changes.labels);
  if (changes.state) {
    issue.closed_at = changes.state === 'closed' ? (issue.closed_at ?? call.clock.now()) : null;
    issue.state_reason = changes.state_reason ?? (changes.state === 'closed' ? 'completed' : 'reopened');
    issue.state = changes.state;
  }
  issue.updated_at = call.clock.now();
}

/** Names are compared without case; an unknown one is created, as GitHub does. */
function labelsOf(call: Call, labels: { labels?: LabelNames } | LabelNames): Label[] {
  const names = Array.isArray(labels) ? labels : (labels.labels ?? []);
  return names
    .map((entry) => (typeof entry === 'string' ? entry : (entry.name ?? '')))
    .map((name) => call.repository.labels.find((l) => sameName(l, name)) ?? call.repository.addLabel(name));
}

function sameName(label: Label, name: string | undefined): boolean {
  return label.name.toLowerCase() === name?.toLowerCase();
}

export function renderLabel(call: Call, label: Label): object {
  return { ...label, url: call.links.api(`/labels/${encodeURIComponent(label.name)}`), default: false };
}

function renderComment(call: Call, full: Comment): object {
  const { issue_number, minimized: _, ...comment } = full;
  const isPull = call.repository.issues.some(
    ({ number, pull_request }) => number === issue_number && pull_request,
  );
  return {
    ...comment,
    node_id: nodeId(full),
    url: call.links.api(`/issues/comments/${comment.id}`),
    html_url: call.links.html(`/${isPull ? 'pull' : 'issues'}/${issue_number}#issuecomment-${comment.id}`),
    issue_url: call.links.api(`/issues/${issue_number}`),
    author_association: 'NONE',
  };
}

function renderIssue(call: Call, { pull_request, ...issue }: Issue): object {
  const url = call.links.api(`/issues/${issue.number}`);
  const kind = pull_request ? 'pull' : 'issues';
  return {
    ...issue,
    labels: issue.labels.map((label) => renderLabel(call, label)),
    url,
    comments_url: `${url}/comments`,
    html_url: call.links.html(`/${kind}/${issue.number}`),
    repository_url: call.links.api(''),
    comments: call.repository.comments.filter((comment) => comment.issue_number === issue.number).length,
    author_association: 'NONE',
    ...(pull_request && { draft: pull_request.draft }),
    ...(pull_request && {
      pull_request: { url: call.links.api(`/pulls/${issue.number}`), merged_at: pull_request.merged_at },
    }),
  };
}
