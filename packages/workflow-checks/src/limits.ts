import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import { isMapping, isSequence, TemplateToken as Tokens } from './parser.ts';
import { type Problem, problem } from './problem.ts';
import { entries, get, items, type Workflow } from './workflow.ts';

/** Jobs that one matrix may make in a run. Source: GitHub's reference of workflow limits, "Job matrix". */
const maxMatrixJobs = 256;
/** Inputs of `workflow_dispatch`. Source: GitHub's reference of events, "Providing inputs". */
const maxDispatchInputs = 25;

export function checkLimits({ file, root, jobs }: Workflow): Problem[] {
  const inputs = get(get(get(root, 'on'), 'workflow_dispatch'), 'inputs');
  const count = entries(inputs).length;
  return [
    ...(count > maxDispatchInputs
      ? [
          problem(
            'limits',
            file,
            inputs,
            `workflow_dispatch has ${count} inputs; GitHub allows ${maxDispatchInputs}`,
            'Join inputs that belong together into one, for instance as JSON.',
          ),
        ]
      : []),
    ...[...jobs.values()].flatMap(({ id, body }) => {
      const matrix = get(body.find('strategy'), 'matrix');
      const size = matrix ? matrixJobs(matrix) : 0;
      if (size <= maxMatrixJobs) return [];
      return [
        problem(
          'limits',
          file,
          matrix,
          `the matrix of job '${id}' makes at least ${size} jobs; GitHub allows ${maxMatrixJobs}`,
          'Shorten its lists, exclude combinations, or split the job.',
        ),
      ];
    }),
  ];
}

type Leg = Map<string, string>;

/**
 * Jobs that a matrix makes, at the least where parts of it are known only in the run: a list that an expression gives
 * counts as one value.
 */
function matrixJobs(matrix: TemplateToken): number {
  const vectors = entries(matrix)
    .filter(({ key }) => key.value !== 'include' && key.value !== 'exclude')
    .map(({ key, value }) => ({
      name: key.value,
      values: isSequence(value) ? items(value).map(text) : [text(value)],
    }));
  const product = vectors.reduce((jobs, { values }) => jobs * values.length, vectors.length > 0 ? 1 : 0);
  const literal = isMapping(matrix) && ![...Tokens.traverse(matrix)].some(([, token]) => token.isExpression);
  const exclude = get(matrix, 'exclude');
  if (!literal) return exclude ? 0 : product;
  // Legs are counted one by one only where that can change the answer.
  if (product > (exclude ? 100 * maxMatrixJobs : maxMatrixJobs)) return product;
  const excluded = filters(exclude);
  const legs = vectors
    .reduce<Leg[]>(
      (known, { name, values }) =>
        known.flatMap((leg) => values.map((value) => new Map([...leg, [name, value]]))),
      vectors.length > 0 ? [new Map()] : [],
    )
    .filter((leg) => !excluded.some((filter) => matches(leg, filter)));
  // An include that fits no leg is a job of its own; the others only add values to legs.
  const names = new Set(vectors.map(({ name }) => name));
  const added = filters(get(matrix, 'include')).filter((include) => {
    const shared = new Map([...include].filter(([name]) => names.has(name)));
    return !legs.some((leg) => matches(leg, shared));
  });
  return legs.length + added.length;
}

function filters(token: TemplateToken | undefined): Leg[] {
  return items(token).map((item) => new Map(entries(item).map(({ key, value }) => [key.value, text(value)])));
}

function matches(leg: Leg, filter: Leg): boolean {
  return [...filter].every(([name, value]) => leg.get(name) === value);
}

function text(token: TemplateToken): string {
  return JSON.stringify(token);
}
