export { DOWNLOAD_TIMEOUT_MS, loadDescription } from './description.ts';
export type { Fault, FaultFilter } from './faults.ts';
export {
  type OidcClaims,
  type OidcIssuer,
  startOidcIssuer,
} from './oidc.ts';
export {
  type Call,
  created,
  list,
  noContent,
  type Operations,
  ok,
  operation,
  type Reply,
} from './operation.ts';
export type { PermissionName, Permissions } from './permissions.ts';
export type { Violation } from './pipeline.ts';
export { ACTIONS_BOT, Repository } from './repository.ts';
export { type GitHubApi, type GitHubApiOptions, type RequestRecord, startGitHubApi } from './server.ts';
export type * from './state.ts';
