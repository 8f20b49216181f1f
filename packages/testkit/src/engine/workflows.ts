import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

interface JobDefinition {
  name?: string;
  uses?: string;
  outputs?: Record<string, string>;
}

export interface Workflow {
  name: string;
  jobs: Record<string, JobDefinition>;
  /** Template by output name, where the workflow can be called. */
  outputs: Record<string, string>;
}

/** Who a job is, read from act's name for it: `[<calling job>/]<workflow>/<job>[-<number in the matrix>]`. */
export interface JobIdentity {
  workflow: Workflow;
  definition: JobDefinition;
  /** act's name of the job that called the workflow. */
  caller: string | undefined;
  /** act's name of the job within its workflow. */
  own: string;
}

/** The workflows in the given folders (each the root of a repository). */
export async function readWorkflows(roots: readonly string[]): Promise<Workflow[]> {
  const workflows: Workflow[] = [];
  for (const root of roots) {
    const folder = join(root, '.github', 'workflows');
    const files = await readdir(folder).catch(() => []);
    for (const file of files.filter((name) => /\.ya?ml$/.test(name)).sort()) {
      const workflow = read(await readFile(join(folder, file), 'utf8'), file);
      if (workflow) workflows.push(workflow);
    }
  }
  return workflows;
}

function read(text: string, file: string): Workflow | undefined {
  try {
    const { name, on, jobs } = parse(text) as Record<string, unknown> & { on?: { workflow_call?: unknown } };
    const call = on?.workflow_call as { outputs?: Record<string, { value: string }> } | null | undefined;
    const outputs = Object.entries(call?.outputs ?? {}).map(([key, { value }]) => [key, String(value)]);
    return {
      name: String(name ?? file),
      jobs: jobs as Record<string, JobDefinition>,
      outputs: Object.fromEntries(outputs),
    };
  } catch {
    return undefined; // act reports a workflow that cannot be read, and that report is in the result.
  }
}

export function identify(
  workflows: readonly Workflow[],
  actName: string,
  jobId: string,
): JobIdentity | undefined {
  const readings = workflows.flatMap((workflow): JobIdentity[] => {
    const definition = workflow.jobs?.[jobId];
    if (!definition) return [];
    const fits = (own: string) =>
      definition.name !== undefined || own.replace(/-\d+$/, '') === jobId || own === jobId;
    const prefix = `${workflow.name}/`;
    const at = actName.lastIndexOf(`/${prefix}`);
    const called = at > 0 ? actName.slice(at + 1 + prefix.length) : undefined;
    if (called !== undefined && fits(called)) {
      return [{ workflow, definition, caller: actName.slice(0, at), own: called }];
    }
    const own = actName.slice(prefix.length);
    return actName.startsWith(prefix) && fits(own) ? [{ workflow, definition, caller: undefined, own }] : [];
  });
  return readings.sort((a, b) => a.own.length - b.own.length)[0];
}
