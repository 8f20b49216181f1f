import type { JsonObject } from './schemas.ts';

const DOCS = 'https://docs.github.com/rest';

/** An answer other than success, with the body that GitHub sends. */
export class ApiError extends Error {
  readonly status: number;
  readonly details: JsonObject;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    message: string,
    details: JsonObject = {},
    headers: Record<string, string> = {},
  ) {
    super(message);
    this.status = status;
    this.details = details;
    this.headers = headers;
  }

  /** `status` is text in GitHub's bodies. */
  body(docs: string): JsonObject {
    return {
      message: this.message,
      ...this.details,
      documentation_url: docs || DOCS,
      status: String(this.status),
    };
  }
}

/** Also what GitHub says about a private repository that a token may not see. */
export function notFound(): ApiError {
  return new ApiError(404, 'Not Found');
}

/** The request does not fit the schema of the operation. */
export function invalidRequest(problems: string[]): ApiError {
  return new ApiError(422, `Invalid request.\n\n${problems.join('\n')}`);
}

/** The request is well-formed, and the model refuses a value. */
export function validationFailed(resource: string, field: string, code: string, message?: string): ApiError {
  return new ApiError(422, 'Validation Failed', {
    errors: [{ resource, code, field, ...(message && { message }) }],
  });
}

export function unknownCommit(sha: string): ApiError {
  return new ApiError(422, `No commit found for SHA: ${sha}`);
}
