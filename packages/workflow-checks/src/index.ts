import { checkCalls, checkDeclaredSecrets, checkSteps } from './calls.ts';
import { checkChain } from './chain.ts';
import { type Library, openLibrary, type Resolve } from './library.ts';
import { checkLimits } from './limits.ts';
import { checkActionOutputs, checkOutputs } from './outputs.ts';
import type { Problem } from './problem.ts';
import { checkHeadCheckout, checkInjection, checkPinning } from './security.ts';
import type { Action, Workflow } from './workflow.ts';

export type { Resolve } from './library.ts';
export type { Check, Problem } from './problem.ts';
export { resolveInTree } from './resolve.ts';

/**
 * Checks workflows, and every workflow and action of ours that they reach, for what GitHub refuses or leaves empty
 * when it puts callers and called together.
 * @param files workflow files, each taken as one that an event starts (or, with `workflow_call` alone, that somebody calls)
 * @param resolve which file a `uses:` means; see {@link resolveInTree}
 * @returns what is wrong, by file and line
 * @throws where a file of `files` cannot be read
 */
export function checkWorkflows({ files, resolve }: { files: string[]; resolve: Resolve }): Problem[] {
  const library = openLibrary(resolve);
  const given = files.map((file) => library.workflow(file));
  const problems = given.flatMap((workflow) => [
    ...checkChain(workflow, library),
    ...(workflow.triggers.has('pull_request_target')
      ? reachable(workflow, library).flatMap(checkHeadCheckout)
      : []),
  ]);
  for (const workflow of library.workflows()) problems.push(...checkWorkflow(workflow, library, resolve));
  for (const action of library.actions()) problems.push(...checkAction(action, library, resolve));
  return sorted(problems);
}

function checkWorkflow(workflow: Workflow, library: Library, resolve: Resolve): Problem[] {
  const { file, jobs } = workflow;
  const steps = [...jobs.values()].flatMap((job) => job.steps);
  return [
    ...workflow.problems,
    ...checkCalls(workflow, library),
    ...checkDeclaredSecrets(workflow),
    ...checkOutputs(workflow, library),
    ...checkLimits(workflow),
    ...checkInjection(file, steps),
    ...checkPinning(file, jobs.values(), steps, resolve),
  ];
}

function checkAction(action: Action, library: Library, resolve: Resolve): Problem[] {
  const { file, steps } = action;
  return [
    ...action.problems,
    ...checkSteps(file, steps, library),
    ...checkActionOutputs(file, steps, action.outputs.values(), library),
    ...checkInjection(file, steps),
    ...checkPinning(file, [], steps, resolve),
  ];
}

function reachable(workflow: Workflow, library: Library, seen = new Set<Workflow>()): Workflow[] {
  if (seen.has(workflow)) return [];
  seen.add(workflow);
  for (const { uses } of workflow.jobs.values()) {
    const target = uses && library.calledWorkflow(uses.value, workflow.file);
    if (target && 'jobs' in target) reachable(target, library, seen);
  }
  return [...seen];
}

/** By place, each problem once: several callers may lead to the same one. */
function sorted(problems: Problem[]): Problem[] {
  const distinct = new Map(problems.map((each) => [JSON.stringify(each), each]));
  return [...distinct.values()].sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      a.line - b.line ||
      (a.column ?? 0) - (b.column ?? 0) ||
      (a.message < b.message ? -1 : 1),
  );
}
