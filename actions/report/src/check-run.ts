import { createOnce, type GitHubApi } from '@mlops/core/github-api';

export interface CheckRun {
  owner: string;
  repo: string;
  /** The commit that it is attached to. */
  sha: string;
  name: string;
  /** Tells the check runs of several runs on one commit apart. */
  externalId: string;
  detailsUrl: string | undefined;
  conclusion: 'success' | 'neutral' | 'failure' | 'cancelled';
  title: string;
  /** Markdown of at most `longestSummary` bytes. */
  summary: string;
  annotations: readonly Annotation[];
}

export interface Annotation {
  path: string;
  line: number;
  level: 'notice' | 'warning' | 'failure';
  title: string;
  message: string;
}

/** GitHub takes 65,535 characters. */
export const longestSummary = 65_535;
/** GitHub takes this many annotations a request; those of further requests are added. */
const annotationsARequest = 50;

/** Creates a finished check run with all its annotations; answers its page. */
export async function postCheckRun(
  api: GitHubApi,
  check: CheckRun,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { owner, repo, sha, name, externalId, detailsUrl, conclusion } = check;
  const [first = [], ...rest] = batches(check.annotations.map(asGitHubTakesIt));
  const output = { title: cut(check.title, 255), summary: check.summary };
  const { id, html_url } = await createOnce(
    'the check run',
    async () => {
      const made = await api.rest.checks.create({
        ...{ owner, repo, name, head_sha: sha, external_id: externalId, conclusion },
        ...(detailsUrl && { details_url: detailsUrl }),
        status: 'completed',
        output: { ...output, annotations: first },
      });
      return made.data;
    },
    async () => {
      const made = await api.paginate(api.rest.checks.listForRef, {
        ...{ owner, repo, ref: sha, check_name: name, filter: 'all', per_page: 100 },
      });
      return made.find(({ external_id }) => external_id === externalId);
    },
    signal,
  );
  for (const [i, annotations] of rest.entries())
    await addAnnotations(api, { owner, repo, check_run_id: id }, output, annotations, {
      before: (i + 1) * annotationsARequest,
    });
  return html_url ?? undefined;
}

type GitHubAnnotation = ReturnType<typeof asGitHubTakesIt>;

/**
 * Adding annotations twice would show them twice, and the client repeats a change whose answer was lost: so each
 * request is made once, and after a failure it is looked up whether they arrived.
 */
async function addAnnotations(
  api: GitHubApi,
  place: { owner: string; repo: string; check_run_id: number },
  output: { title: string; summary: string },
  annotations: GitHubAnnotation[],
  { before }: { before: number },
): Promise<void> {
  await createOnce(
    'the annotations',
    () => api.rest.checks.update({ ...place, output: { ...output, annotations }, request: { once: true } }),
    async () => {
      const found = await api.rest.checks.get(place);
      return found.data.output.annotations_count > before ? found : undefined;
    },
  );
}

function asGitHubTakesIt({ path, line, level, title, message }: Annotation) {
  return {
    path,
    start_line: line,
    end_line: line,
    annotation_level: level,
    title: cut(title, 255),
    message: cut(message, 10_000),
  };
}

function batches<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / annotationsARequest);
  return Array.from({ length: count }, (_, i) =>
    items.slice(i * annotationsARequest, (i + 1) * annotationsARequest),
  );
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
