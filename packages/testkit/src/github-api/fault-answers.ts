import type { Fault } from './faults.ts';
import type { Answer } from './pipeline.ts';

const RATE_LIMITS = 'https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api';

/** GitHub's answer to a request that meets `fault`; undefined when the fault is not an answer. */
export function faultAnswer(fault: Fault): Answer | undefined {
  switch (fault.kind) {
    case 'secondary-rate-limit': {
      const status = fault.status ?? 403;
      const message =
        'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
      return {
        status,
        headers: { 'retry-after': String(fault.retryAfter ?? 60) },
        body: {
          message,
          documentation_url: `${RATE_LIMITS}#about-secondary-rate-limits`,
          status: String(status),
        },
      };
    }
    case 'rate-limit':
      return {
        status: 403,
        headers: {
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + (fault.resetIn ?? 3600)),
        },
        body: {
          message: 'API rate limit exceeded for installation.',
          documentation_url: `${RATE_LIMITS}#primary-rate-limit-for-github-app-installations`,
          status: '403',
        },
      };
    case 'server-error':
      return serverError(fault.status ?? 500);
    default:
      return undefined;
  }
}

/** A bad gateway's page is HTML: clients must not expect JSON from it. */
function serverError(status: 500 | 502 | 503): Answer {
  if (status === 502) {
    const page = '<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>\n';
    return { status, headers: { 'content-type': 'text/html' }, body: Buffer.from(page) };
  }
  const message =
    status === 500
      ? 'Server Error'
      : 'No server is currently available to service your request. Sorry about that.';
  return { status, headers: {}, body: { message, status: String(status) } };
}
