import { relative, resolve, sep } from 'node:path';
import { annotate, type Place, UserError } from '@mlops/core';

/** What BuildKit's checks find in a Dockerfile (https://docs.docker.com/reference/build-checks/). */
export interface Warning {
  message: string;
  /** Where it says more. */
  url: string | undefined;
  line: number | undefined;
}

/** Answers for programs; what it finds goes into annotations. */
export const checkCall = 'check,format=json';

interface Range {
  start?: { line?: number };
}

/**
 * The answer of `--call check,format=json` (frontend/subrequests/lint in moby/buildkit).
 *
 * @throws UserError for what is no such answer
 */
export function warningsIn(answer: string): Warning[] {
  try {
    const { warnings } = JSON.parse(answer) as {
      warnings?:
        | { ruleName?: string; detail?: string; url?: string; location?: { ranges?: Range[] } }[]
        | null;
    };
    return (warnings ?? []).map(({ ruleName, detail, url, location }) => ({
      message: [ruleName, detail].filter(Boolean).join(': '),
      ...{ url, line: location?.ranges?.[0]?.start?.line },
    }));
  } catch (cause) {
    throw new UserError('the answer of buildx to the check cannot be read', {
      cause,
      advice: "Use buildx 0.15 or newer, such as 'buildx-version: latest'.",
    });
  }
}

/** What a build warned of, as its metadata has it where BUILDX_METADATA_WARNINGS is set (client.VertexWarning). */
export function takeWarnings(metadata: Record<string, unknown>): Warning[] {
  const { 'buildx.build.warnings': found } = metadata;
  delete metadata['buildx.build.warnings'];
  if (!Array.isArray(found)) return [];
  return found.map(({ short = '', url, range }: { short?: string; url?: string; range?: Range[] }) => ({
    // In Go's JSON bytes are base64.
    message: Buffer.from(short, 'base64')
      .toString()
      .replace(/ \(line \d+\)$/, ''),
    ...{ url, line: range?.[0]?.start?.line },
  }));
}

/** Where a warning is in the repository; a Dockerfile that was written for this build is nowhere in it. */
export function annotateWarnings(
  warnings: readonly Warning[],
  { dockerfile, workspace }: { dockerfile: string | undefined; workspace: string },
): void {
  const path = dockerfile && relative(workspace, resolve(workspace, dockerfile)).split(sep).join('/');
  for (const { message, url, line } of warnings) {
    const place: Place = path && !path.startsWith('..') ? { file: path, ...(line && { line }) } : {};
    annotate('warning', url ? `${message} (${url})` : message, place);
  }
}

/** The error that the findings of a check are; none without findings. */
export function refusal(warnings: readonly Warning[]): UserError | undefined {
  if (warnings.length === 0) return undefined;
  const count = warnings.length === 1 ? 'a finding' : `${warnings.length} findings`;
  return new UserError(`the check of the Dockerfile has ${count}`, {
    advice:
      "Mend what the annotations name, or leave a rule out with a line '# check=skip=RuleName' at its top.",
  });
}
