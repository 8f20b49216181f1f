import { UserError } from '@mlops/core';

/** What a project's report is called as an artifact. */
export function reportName(project: string): string {
  return `mlops-report${project && `-${project}`}`;
}

/** The project whose report an artifact of this name is; undefined for other artifacts, also for the page by itself. */
export function projectOf(artifact: string): string | undefined {
  if (artifact.endsWith('.html')) return undefined;
  return /^mlops-report(?:$|-(.+))/
    .exec(artifact)
    ?.slice(1)
    .map((project) => project ?? '')[0];
}

/** Where a browser gets an artifact of a run. */
export function artifactUrl(runUrl: string | undefined, id: number | undefined): string | undefined {
  return runUrl && id !== undefined ? `${runUrl}/artifacts/${id}` : undefined;
}

/** @throws UserError for what is no name of a user or team */
export function mentions(names: readonly string[]): string[] {
  return names.map((name) => {
    const plain = name.replace(/^@/, '');
    if (/^[a-z\d-]+(\/[\w.-]+)?$/i.test(plain)) return `@${plain}`;
    throw new UserError(`input cc: '${name}' is no user or team`, {
      advice: "Give names as GitHub has them, one a line: 'ada' for a user, 'acme/ml' for a team.",
    });
  });
}
