import { ApiError, notFound } from './errors.ts';
import type { Repository } from './repository.ts';
import type { User } from './state.ts';

/**
 * Names as in a workflow's `permissions:`, and two that only a GitHub App or a personal token can have.
 * Source: GitHub's "Permissions required for GitHub Apps".
 */
export type PermissionName =
  | 'actions'
  | 'checks'
  | 'contents'
  | 'deployments'
  | 'issues'
  | 'pull-requests'
  | 'statuses'
  | 'administration'
  | 'environments';

export type Access = 'read' | 'write' | 'none';
export type Permissions = Partial<Record<PermissionName, Access>>;

export interface Token {
  value: string;
  permissions: Permissions;
  user: User;
  /** Full names of the repositories it was issued for; any, when absent. */
  repositories?: string[];
}

/** What an operation asks for: one of the alternatives in full. An empty list asks for nothing but access. */
export type Requirement = Permissions[];

/** Throws what GitHub answers when `token` may not do this to `repository`. */
export function authorize(
  token: Token | undefined,
  repository: Repository,
  requirement: Requirement,
  method: string,
): void {
  const reads = method === 'GET' || method === 'HEAD';
  if (reads && !repository.private) return;
  const issuedFor = token && (!token.repositories || token.repositories.includes(repository.fullName));
  if (repository.private && !issuedFor) throw notFound();
  if (!token) throw new ApiError(401, 'Requires authentication');
  if (issuedFor && (requirement.length === 0 || requirement.some((needed) => grants(token, needed)))) return;
  throw new ApiError(403, 'Resource not accessible by integration', {}, acceptedHeader(requirement));
}

function grants(token: Token, needed: Permissions): boolean {
  return (Object.entries(needed) as [PermissionName, Access][]).every(([name, access]) => {
    const granted = token.permissions[name] ?? 'none';
    return granted === 'write' || granted === access;
  });
}

/** The header GitHub adds to a refusal: `issues=write; pull_requests=write`. */
function acceptedHeader(requirement: Requirement): Record<string, string> {
  const alternatives = requirement.map((needed) =>
    Object.entries(needed)
      .map(([name, access]) => `${name.replaceAll('-', '_')}=${access}`)
      .join(','),
  );
  return { 'x-accepted-github-permissions': alternatives.join('; ') };
}
