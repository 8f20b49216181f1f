import { notFound, unknownCommit } from '../errors.ts';
import { type Call, created, list, type Operations, ok, operation } from '../operation.ts';
import type { Requirement } from '../permissions.ts';
import type { Annotation, CheckRun } from '../state.ts';

const READ: Requirement = [{ checks: 'read' }];
const WRITE: Requirement = [{ checks: 'write' }];

interface CheckRunChanges {
  name?: string;
  details_url?: string;
  external_id?: string;
  status?: CheckRun['status'];
  conclusion?: string;
  started_at?: string;
  completed_at?: string;
  output?: { title?: string; summary: string; text?: string; annotations?: Annotation[] };
}

export const checkOperations: Operations = {
  'checks/create': operation<CheckRunChanges & { name: string; head_sha: string }>(WRITE, (call) => {
    if (!call.repository.commits.has(call.body.head_sha)) throw unknownCommit(call.body.head_sha);
    const check: CheckRun = {
      id: call.clock.id(),
      name: call.body.name,
      head_sha: call.body.head_sha,
      status: 'queued',
      conclusion: null,
      details_url: null,
      external_id: '',
      started_at: call.clock.now(),
      completed_at: null,
      output: { title: null, summary: null, text: null },
      annotations: [],
    };
    applyChanges(call, check, call.body);
    call.repository.checkRuns.push(check);
    return created(render(call, check));
  }),
  'checks/get': operation(READ, (call) => ok(render(call, findCheck(call)))),
  'checks/update': operation<CheckRunChanges>(WRITE, (call) => {
    const check = findCheck(call);
    applyChanges(call, check, call.body);
    return ok(render(call, check));
  }),
  'checks/list-annotations': operation(READ, (call) => {
    const check = findCheck(call);
    const blob_href = call.links.html(`/blob/${check.head_sha}/`);
    return list(
      check.annotations.map((annotation) => ({
        start_column: null,
        end_column: null,
        title: null,
        raw_details: null,
        ...annotation,
        blob_href: blob_href + annotation.path,
      })),
    );
  }),
  'checks/list-for-ref': operation(READ, (call) => {
    const sha = call.repository.resolve(call.path.ref ?? '')?.sha;
    if (!sha) throw unknownCommit(call.path.ref ?? '');
    const { check_name, status, filter } = call.query;
    const ofCommit = call.repository.checkRuns.filter(
      (check) =>
        check.head_sha === sha &&
        (!check_name || check.name === check_name) &&
        (!status || check.status === status),
    );
    const latest = ofCommit.filter(
      (check, i) => !ofCommit.slice(i + 1).some((later) => later.name === check.name),
    );
    return list(
      (filter === 'all' ? ofCommit : latest).toReversed().map((c) => render(call, c)),
      'check_runs',
    );
  }),
};

function findCheck(call: Call): CheckRun {
  const check = call.repository.checkRuns.find(({ id }) => id === Number(call.path.check_run_id));
  if (!check) throw notFound();
  return check;
}

/** Annotations of several requests add up; everything else is replaced. A conclusion completes the check. */
function applyChanges(call: Call, check: CheckRun, changes: CheckRunChanges): void {
  const { output, ...rest } = changes;
  Object.assign(check, rest);
  if (output) {
    const { annotations = [], ...text } = output;
    check.output = { ...check.output, ...text };
    check.annotations.push(...annotations);
  }
  if (changes.conclusion) check.status = 'completed';
  if (check.status === 'completed') check.completed_at ??= call.clock.now();
}

function render(call: Call, { annotations, ...check }: CheckRun): object {
  const url = call.links.api(`/check-runs/${check.id}`);
  return {
    ...check,
    url,
    html_url: call.links.html(`/runs/${check.id}`),
    output: { ...check.output, annotations_count: annotations.length, annotations_url: `${url}/annotations` },
    app: { id: 15368, slug: 'github-actions', name: 'GitHub Actions' },
  };
}
