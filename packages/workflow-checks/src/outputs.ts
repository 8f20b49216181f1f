import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import { type Reference, references } from './expressions.ts';
import type { Library } from './library.ts';
import { type Check, listed, type Problem, problem } from './problem.ts';
import { entries, get, type Job, type Step, type Workflow } from './workflow.ts';

/** Every `needs.x.outputs.y`, `steps.x.outputs.y` and `jobs.x.outputs.y` means something that exists. */
export function checkOutputs(workflow: Workflow, library: Library): Problem[] {
  return [
    ...[...workflow.jobs.values()].flatMap((job) => [
      ...references(job.body).flatMap((reference) => checkNeeds(workflow, job, reference, library)),
      ...checkStepOutputs(workflow.file, job, library),
    ]),
    ...[...(workflow.call?.outputs.values() ?? [])].flatMap(({ value }) =>
      references(value).flatMap((reference) => checkJobs(workflow, reference, library)),
    ),
  ];
}

function checkNeeds(workflow: Workflow, job: Job, reference: Reference, library: Library): Problem[] {
  const [context, id, property, output] = reference.path;
  if (context !== 'needs' || id === undefined) return [];
  const needed = workflow.jobs.get(id);
  if (!needed) {
    return [
      wrong(
        'needs',
        workflow.file,
        reference,
        `'${reference.text}' reads a job '${id}', which this workflow does not have`,
        `Its jobs: ${listed([...workflow.jobs.values()].map(({ name }) => name))}.`,
      ),
    ];
  }
  if (!job.needs.has(id)) {
    return [
      wrong(
        'needs',
        workflow.file,
        reference,
        `'${reference.text}' is empty, because job '${job.id}' does not need '${needed.id}'`,
        `Add '${needed.id}' to the job's 'needs'; a job it needs through another one does not count.`,
      ),
    ];
  }
  return checkJobResult(workflow, needed, reference, property, output, library);
}

function checkJobs(workflow: Workflow, reference: Reference, library: Library): Problem[] {
  const [context, id, property, output] = reference.path;
  if (context !== 'jobs' || id === undefined) return [];
  const job = workflow.jobs.get(id);
  if (job) return checkJobResult(workflow, job, reference, property, output, library);
  return [
    wrong(
      'outputs',
      workflow.file,
      reference,
      `'${reference.text}' reads a job '${id}', which this workflow does not have`,
      `Its jobs: ${listed([...workflow.jobs.values()].map(({ name }) => name))}.`,
    ),
  ];
}

function checkJobResult(
  { file }: Workflow,
  job: Job,
  reference: Reference,
  property: string | undefined,
  output: string | undefined,
  library: Library,
): Problem[] {
  if (property === undefined || property === 'result') return [];
  if (property !== 'outputs') {
    return [
      wrong(
        'outputs',
        file,
        reference,
        `'${reference.text}' is empty: a job has no '${property}'`,
        `A job has 'outputs' and 'result'.`,
      ),
    ];
  }
  return checkOutput(file, reference, output, jobOutputs(file, job, library), `job '${job.id}'`);
}

/** Names of a job's outputs; undefined where they are not known here. */
function jobOutputs(file: string, job: Job, library: Library): string[] | undefined {
  if (!job.uses) return entries(get(job.body, 'outputs')).map(({ key }) => key.value);
  const target = library.calledWorkflow(job.uses.value, file);
  if (!target || 'broken' in target || !target.call) return undefined;
  return [...target.call.outputs.values()].map(({ name }) => name);
}

function checkStepOutputs(file: string, job: Job, library: Library): Problem[] {
  const inSteps = job.steps.flatMap((step, index) =>
    checkSteps(file, step.body, job.steps.slice(0, index), job.steps, library),
  );
  // What stands outside of the steps (outputs, environment.url) is evaluated when they are done.
  const outside = entries(job.body)
    .filter(({ key }) => key.value !== 'steps')
    .flatMap(({ value }) => checkSteps(file, value, job.steps, job.steps, library));
  return [...inSteps, ...outside];
}

/** Like a job's steps, those of a composite action; its outputs are evaluated when they are done. */
export function checkActionOutputs(
  file: string,
  steps: Step[],
  outputs: Iterable<{ value: TemplateToken }>,
  library: Library,
): Problem[] {
  return [
    ...steps.flatMap((step, index) => checkSteps(file, step.body, steps.slice(0, index), steps, library)),
    ...[...outputs].flatMap(({ value }) => checkSteps(file, value, steps, steps, library)),
  ];
}

function checkSteps(
  file: string,
  token: TemplateToken,
  done: Step[],
  all: Step[],
  library: Library,
): Problem[] {
  return references(token).flatMap((reference) => {
    const [context, id, property, output] = reference.path;
    if (context !== 'steps' || id === undefined) return [];
    const step = find(done, id);
    if (!step) {
      return [
        wrong(
          'outputs',
          file,
          reference,
          find(all, id)
            ? `'${reference.text}' is empty here, because step '${id}' has not run yet`
            : `'${reference.text}' reads a step '${id}', which this job does not have`,
          `Steps with an id before it: ${listed(done.flatMap((each) => each.id ?? []))}.`,
        ),
      ];
    }
    if (property === undefined || property === 'outcome' || property === 'conclusion') return [];
    if (property !== 'outputs') {
      return [
        wrong(
          'outputs',
          file,
          reference,
          `'${reference.text}' is empty: a step has no '${property}'`,
          `A step has 'outputs', 'outcome' and 'conclusion'.`,
        ),
      ];
    }
    const action = step.uses && library.usedAction(step.uses.value, file);
    const known =
      action && 'outputs' in action ? [...action.outputs.values()].map(({ name }) => name) : undefined;
    return checkOutput(file, reference, output, known, `'${step.uses?.value}'`);
  });
}

function find(steps: Step[], id: string): Step | undefined {
  return steps.find((step) => step.id?.toLowerCase() === id);
}

function checkOutput(
  file: string,
  reference: Reference,
  output: string | undefined,
  known: string[] | undefined,
  owner: string,
): Problem[] {
  if (output === undefined || !known || known.some((name) => name.toLowerCase() === output)) return [];
  return [
    wrong(
      'outputs',
      file,
      reference,
      `'${reference.text}' is empty: ${owner} has no output '${output}'`,
      `Its outputs: ${listed(known)}.`,
    ),
  ];
}

function wrong(check: Check, file: string, at: Reference, message: string, advice: string): Problem {
  return problem(check, file, at, message, advice);
}
