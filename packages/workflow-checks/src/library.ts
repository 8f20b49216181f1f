import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Action, parseAction, parseWorkflow, type Workflow } from './workflow.ts';

/**
 * Says which local file a `uses:` means: the workflow's own file, or the action's action.yml.
 * @param uses the value of `uses:`
 * @param from the file it stands in
 * @returns the file, whether it exists or not; undefined for what belongs to somebody else
 */
export type Resolve = (uses: string, from: string) => string | undefined;

/** A target that cannot be used as it stands. */
export interface Broken {
  broken: string;
}

/** Workflows and actions by file, each read and parsed once. */
export interface Library {
  /** The workflow in a file that was given. */
  workflow(file: string): Workflow;
  /** The workflow that a job calls; undefined when it is somebody else's. */
  calledWorkflow(uses: string, from: string): Workflow | Broken | undefined;
  /** The action that a step uses; undefined when it is somebody else's. */
  usedAction(uses: string, from: string): Action | Broken | undefined;
  /** Everything that was read, including what is read while one goes through it. */
  workflows(): Iterable<Workflow>;
  actions(): Iterable<Action>;
}

export function openLibrary(resolve: Resolve): Library {
  const workflows = new Map<string, Workflow>();
  const actions = new Map<string, Action>();

  function workflow(file: string): Workflow {
    return remember(workflows, file, () => parseWorkflow(file, readFileSync(file, 'utf8')));
  }

  return {
    workflow,
    calledWorkflow(uses, from) {
      const file = resolve(uses, from);
      if (file === undefined) return undefined;
      if (isActionFile(file)) return { broken: `'${uses}' is an action, and a job can only call a workflow` };
      if (!existsSync(file)) return { broken: `'${uses}' means the file ${file}, which does not exist` };
      const called = workflow(file);
      return called.call
        ? called
        : { broken: `'${uses}' has no 'on: workflow_call', so it cannot be called` };
    },
    usedAction(uses, from) {
      const file = resolve(uses, from);
      if (file === undefined) return undefined;
      if (!isActionFile(file))
        return { broken: `'${uses}' is a workflow, and a step can only use an action` };
      if (!existsSync(file)) return { broken: `'${uses}' means the file ${file}, which does not exist` };
      return remember(actions, file, () => parseAction(file, readFileSync(file, 'utf8')));
    },
    workflows: () => workflows.values(),
    actions: () => actions.values(),
  };
}

function isActionFile(file: string): boolean {
  return /^action\.ya?ml$/.test(basename(file));
}

function remember<T>(known: Map<string, T>, file: string, read: () => T): T {
  const value = known.get(file) ?? read();
  known.set(file, value);
  return value;
}
