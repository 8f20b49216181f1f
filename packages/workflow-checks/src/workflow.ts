import type { TemplateContext } from '@actions/workflow-parser/templates/template-context';
import type { MappingToken } from '@actions/workflow-parser/templates/tokens/mapping-token';
import type { StringToken } from '@actions/workflow-parser/templates/tokens/string-token';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import {
  convertActionTemplate,
  convertJobs,
  convertOn,
  isBoolean,
  isMapping,
  isSequence,
  isString,
  NoOperationTraceWriter,
  parseAction as parseActionFile,
  parseWorkflow as parseWorkflowFile,
} from './parser.ts';
import { parserProblems } from './parser-problem.ts';
import type { Problem } from './problem.ts';

/** A mapping of the file by lower-case name, as GitHub compares names of inputs, secrets, outputs, jobs and steps. */
export type Named<T> = Map<string, T & { name: string }>;

export interface Input {
  /** As declared by a reusable workflow; actions know texts only. */
  type?: string;
  /** Whether every caller must give it; an action's default spares it that, a workflow's does not. */
  required: boolean;
}

/** What a caller sees of a workflow or an action. */
export interface Interface {
  inputs: Named<Input>;
  secrets: Named<{ required: boolean }>;
  outputs: Named<{ value: TemplateToken }>;
}

export interface Step {
  body: MappingToken;
  id?: string;
  uses?: StringToken;
  with?: MappingToken;
}

export interface Job {
  id: string;
  key: TemplateToken;
  body: MappingToken;
  uses?: StringToken;
  needs: Set<string>;
  steps: Step[];
}

export interface Workflow {
  file: string;
  root?: MappingToken;
  triggers: Set<string>;
  /** The interface under `on.workflow_call`; absent in a workflow that cannot be called. */
  call?: Interface;
  jobs: Named<Job>;
  /** What GitHub's parser says of the file alone. */
  problems: Problem[];
}

export interface Action extends Interface {
  file: string;
  /** Steps of a composite action. */
  steps: Step[];
  problems: Problem[];
}

export function parseWorkflow(file: string, content: string): Workflow {
  const { context, value } = parseWorkflowFile({ name: file, content }, new NoOperationTraceWriter());
  const root = value && isMapping(value) ? value : undefined;
  const jobs = get(root, 'jobs');
  const on = get(root, 'on');
  attempt(context, jobs, convertJobs);
  attempt(context, on, convertOn);
  const triggers = triggersOf(on);
  return {
    file,
    ...(root && { root }),
    triggers: new Set(triggers.keys()),
    ...(triggers.has('workflow_call') && { call: interfaceOf(triggers.get('workflow_call')) }),
    jobs: named(jobs, job),
    problems: parserProblems(file, context.errors.getErrors(), root),
  };
}

export function parseAction(file: string, content: string): Action {
  const { context, value } = parseActionFile({ name: file, content }, new NoOperationTraceWriter());
  const root = value && isMapping(value) ? value : undefined;
  attempt(context, root, convertActionTemplate);
  return {
    file,
    ...interfaceOf(root, true),
    steps: steps(get(get(root, 'runs'), 'steps')),
    problems: parserProblems(file, context.errors.getErrors(), root),
  };
}

/** The value under a key, where the token is a mapping that has it. */
export function get(token: TemplateToken | undefined, key: string): TemplateToken | undefined {
  return token && isMapping(token) ? token.find(key) : undefined;
}

/** A mapping's entries; nothing for anything else, and none whose key is an expression. */
export function entries(token: TemplateToken | undefined): { key: StringToken; value: TemplateToken }[] {
  if (!token || !isMapping(token)) return [];
  return [...(token as Iterable<{ key: TemplateToken; value: TemplateToken }>)].flatMap(({ key, value }) =>
    isString(key) ? [{ key, value }] : [],
  );
}

/** A sequence's items; a single scalar counts as a sequence of one, as in `needs` and `on`. */
export function items(token: TemplateToken | undefined): TemplateToken[] {
  if (!token || isMapping(token)) return [];
  return isSequence(token) ? [...(token as Iterable<TemplateToken>)] : [token];
}

function attempt(
  context: TemplateContext,
  token: TemplateToken | undefined,
  convert: (context: TemplateContext, token: TemplateToken) => unknown,
): void {
  if (!token) return;
  try {
    convert(context, token);
  } catch (error) {
    // The parser has already reported the malformed value that the converter trips over.
    if (context.errors.count === 0) context.error(token, error as Error);
  }
}

function triggersOf(on: TemplateToken | undefined): Map<string, TemplateToken | undefined> {
  const names = items(on).flatMap((item) => (isString(item) ? [item.value] : []));
  return new Map([
    ...names.map((name) => [name, undefined] as const),
    ...entries(on).map(({ key, value }) => [key.value, value] as const),
  ]);
}

function interfaceOf(token: TemplateToken | undefined, defaultSuffices = false): Interface {
  return {
    inputs: named(get(token, 'inputs'), (value) => {
      const type = get(value, 'type');
      return {
        ...(type && isString(type) && { type: type.value }),
        required: isTrue(get(value, 'required')) && !(defaultSuffices && get(value, 'default')),
      };
    }),
    secrets: named(get(token, 'secrets'), (value) => ({ required: isTrue(get(value, 'required')) })),
    outputs: named(get(token, 'outputs'), (value) => ({ value })),
  };
}

/** action.yml may write `required: 'true'`. */
function isTrue(token: TemplateToken | undefined): boolean {
  return token !== undefined && (isBoolean(token) ? token.value : isString(token) && token.value === 'true');
}

function named<T extends object>(
  mapping: TemplateToken | undefined,
  read: (value: TemplateToken, key: StringToken) => T | undefined,
): Named<T> {
  const result: Named<T> = new Map();
  for (const { key, value } of entries(mapping)) {
    const item = read(value, key);
    if (item) result.set(key.value.toLowerCase(), { ...item, name: key.value });
  }
  return result;
}

function job(body: TemplateToken, key: StringToken): Job | undefined {
  if (!isMapping(body)) return undefined;
  const uses = body.find('uses');
  const needs = items(body.find('needs')).flatMap((need) =>
    isString(need) ? [need.value.toLowerCase()] : [],
  );
  return {
    id: key.value,
    key,
    body,
    ...(uses && isString(uses) && { uses }),
    needs: new Set(needs),
    steps: steps(body.find('steps')),
  };
}

function steps(sequence: TemplateToken | undefined): Step[] {
  return items(sequence)
    .filter(isMapping)
    .map((body) => {
      const id = body.find('id');
      const uses = body.find('uses');
      const values = body.find('with');
      return {
        body,
        ...(id && isString(id) && { id: id.value }),
        ...(uses && isString(uses) && { uses }),
        ...(values && isMapping(values) && { with: values }),
      };
    });
}
