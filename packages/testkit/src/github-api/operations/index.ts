import type { Operations } from '../operation.ts';
import { actionsOperations } from './actions.ts';
import { checkOperations } from './checks.ts';
import { deploymentOperations } from './deployments.ts';
import { issueOperations } from './issues.ts';
import { pullOperations } from './pulls.ts';
import { releaseOperations } from './releases.ts';
import { repositoryOperations } from './repositories.ts';
import { statusOperations } from './statuses.ts';

/** Every operation that keeps state. Any other that GitHub describes answers 501 and is a violation. */
export const OPERATIONS: Operations = {
  ...actionsOperations,
  ...checkOperations,
  ...deploymentOperations,
  ...issueOperations,
  ...pullOperations,
  ...releaseOperations,
  ...repositoryOperations,
  ...statusOperations,
};
