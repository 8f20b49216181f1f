import type { StringToken } from '@actions/workflow-parser/templates/tokens/string-token';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import { references } from './expressions.ts';
import type { Library } from './library.ts';
import { isBasicExpression, isBoolean, isNumber, isString } from './parser.ts';
import { listed, type Problem, problem } from './problem.ts';
import {
  entries,
  type Input,
  type Interface,
  type Job,
  type Named,
  type Step,
  type Workflow,
} from './workflow.ts';

/** What callers hand down: inputs and secrets to the workflows that jobs call, inputs to the actions of steps. */
export function checkCalls(workflow: Workflow, library: Library): Problem[] {
  return [...workflow.jobs.values()].flatMap((job) => [
    ...(job.uses ? checkJob(workflow, job, job.uses, library) : []),
    ...checkSteps(workflow.file, job.steps, library),
  ]);
}

export function checkSteps(file: string, steps: Step[], library: Library): Problem[] {
  return steps.flatMap(({ uses, with: values }) => {
    const action = uses && library.usedAction(uses.value, file);
    if (!uses || !action) return [];
    if ('broken' in action) return [broken(file, uses, action.broken)];
    return checkInputs(file, uses, values, action);
  });
}

function checkJob(workflow: Workflow, job: Job, uses: StringToken, library: Library): Problem[] {
  const { file } = workflow;
  const target = library.calledWorkflow(uses.value, file);
  if (!target) return [];
  if ('broken' in target) return [broken(file, uses, target.broken)];
  const { call } = target;
  if (!call) return [];
  const values = job.body.find('with');
  return [
    ...checkInputs(file, uses, values, call),
    ...entries(values).flatMap(({ key, value }) => {
      const input = call.inputs.get(key.value.toLowerCase());
      return input ? checkType(workflow, uses, input, value) : [];
    }),
    ...checkSecrets(file, uses, job.body.find('secrets'), call),
  ];
}

function broken(file: string, uses: StringToken, message: string): Problem {
  return problem('uses', file, uses, message, 'Correct the reference, or add what it means.');
}

function checkInputs(
  file: string,
  uses: StringToken,
  values: TemplateToken | undefined,
  { inputs }: Interface,
): Problem[] {
  const given = entries(values);
  const names = new Set(given.map(({ key }) => key.value.toLowerCase()));
  const unknown = given.filter(({ key }) => !inputs.has(key.value.toLowerCase()));
  const missing = [...inputs].filter(([id, { required }]) => required && !names.has(id));
  return [
    ...unknown.map(({ key }) =>
      problem(
        'inputs',
        file,
        key,
        `'${uses.value}' has no input '${key.value}'`,
        `Its inputs: ${namesOf(inputs)}.`,
      ),
    ),
    ...missing.map(([, { name }]) =>
      problem(
        'inputs',
        file,
        uses,
        `'${uses.value}' requires the input '${name}', which is not given`,
        `Add '${name}' under 'with'.`,
      ),
    ),
  ];
}

/** GitHub converts any value to a text, but no text to a boolean or a number. */
function checkType(
  workflow: Workflow,
  uses: StringToken,
  input: Input & { name: string },
  value: TemplateToken,
): Problem[] {
  const actual = typeOf(workflow, value);
  if (!actual || !input.type || input.type === 'string' || actual === input.type) return [];
  return [
    problem(
      'inputs',
      workflow.file,
      value,
      `the input '${input.name}' of '${uses.value}' is a ${input.type}, but '${shown(value)}' is a ${actual}`,
      actual === 'string' && isBasicExpression(value)
        ? `Convert it with fromJSON(), or let the whole value be an expression that gives a ${input.type}.`
        : `Write a ${input.type}, without quotes.`,
    ),
  ];
}

/** The type a value has for certain: a literal's, a text with expressions in it, or that of an input passed on. */
function typeOf(workflow: Workflow, value: TemplateToken): string | undefined {
  if (isBoolean(value)) return 'boolean';
  if (isNumber(value)) return 'number';
  if (isString(value)) return 'string';
  if (!isBasicExpression(value)) return undefined;
  if (value.originalExpressions) return 'string';
  const [read, ...others] = references(value);
  const passedOn = read && others.length === 0 && read.text.toLowerCase() === value.expression.toLowerCase();
  if (!passedOn || read.path.length !== 2 || read.path[0] !== 'inputs' || workflow.triggers.size !== 1)
    return undefined;
  return workflow.call?.inputs.get(read.path[1] ?? '')?.type;
}

function shown(value: TemplateToken): string {
  if (!isBasicExpression(value)) return String(value);
  return (value.originalExpressions && value.source) || `\${{ ${value.expression} }}`;
}

function checkSecrets(
  file: string,
  uses: StringToken,
  passed: TemplateToken | undefined,
  { secrets }: Interface,
): Problem[] {
  if (passed && isString(passed)) return []; // inherit
  const given = entries(passed);
  const names = new Set(given.map(({ key }) => key.value.toLowerCase()));
  const unknown = given.filter(({ key }) => !secrets.has(key.value.toLowerCase()));
  const missing = [...secrets].filter(([id, { required }]) => required && !names.has(id));
  return [
    ...unknown.map(({ key }) =>
      problem(
        'secrets',
        file,
        key,
        `'${uses.value}' declares no secret '${key.value}'`,
        `Its secrets: ${namesOf(secrets)}.`,
      ),
    ),
    ...missing.map(([, { name }]) =>
      problem(
        'secrets',
        file,
        uses,
        `'${uses.value}' requires the secret '${name}', which is not passed`,
        `Add '${name}' under 'secrets', or pass all with 'secrets: inherit'.`,
      ),
    ),
  ];
}

function namesOf(named: Named<object>): string {
  return listed([...named.values()].map(({ name }) => name));
}

/** A called workflow sees only the secrets that it declares, unless every caller passes all with `inherit`. */
export function checkDeclaredSecrets({ file, root, call }: Workflow): Problem[] {
  if (!root || !call) return [];
  return references(root).flatMap(({ path: [context, name], line, column }) =>
    context !== 'secrets' || name === undefined || name === 'github_token' || call.secrets.has(name)
      ? []
      : [
          problem(
            'secrets',
            file,
            { line, ...(column !== undefined && { column }) },
            `the secret '${name.toUpperCase()}' is read, but this workflow does not declare it`,
            `Declare it under 'on.workflow_call.secrets'; without that it is empty for every caller that passes secrets by name.`,
          ),
        ],
  );
}
