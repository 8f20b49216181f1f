import type { TemplateValidationError } from '@actions/workflow-parser/templates/template-validation-error';
import type { MappingToken } from '@actions/workflow-parser/templates/tokens/mapping-token';
import { splitAllowedContext, TemplateToken } from './parser.ts';
import { listed, type Problem, problem } from './problem.ts';

/** The errors of GitHub's parser in this package's words, with what is available where an expression is wrong. */
export function parserProblems(
  file: string,
  errors: TemplateValidationError[],
  root: MappingToken | undefined,
): Problem[] {
  return errors
    .filter(({ rawMessage }) => !followsFromExpression.test(rawMessage))
    .map((error) => parserProblem(file, error, root));
}

/** A refused expression stays behind as text, which then is no number or boolean either. */
const followsFromExpression = /^Unexpected value '.*\$\{\{/s;

function parserProblem(
  file: string,
  error: TemplateValidationError,
  root: MappingToken | undefined,
): Problem {
  const at = error.range?.start ?? { line: 1, column: 1 };
  const text = error.rawMessage.split('\n', 1)[0] ?? '';
  const unknown = /^Unrecognized (named-value|function): '(.+)'$/.exec(text);
  if (unknown || text === 'A template expression is not allowed in this context') {
    const { namedContexts, functions } = splitAllowedContext(allowedContext(root, at));
    const kind = unknown?.[1] === 'function' ? 'function' : 'context';
    const available = kind === 'function' ? functions.map(({ name }) => name) : namedContexts;
    return problem(
      'contexts',
      file,
      at,
      unknown ? `the ${kind} '${unknown[2]}' is not available here` : 'an expression is not allowed here',
      namedContexts.length > 0
        ? `At this place GitHub provides the ${kind}s ${listed(available)}${kind === 'function' ? ', besides the general ones' : ''}.`
        : 'GitHub evaluates no expression at this place; write the value itself.',
    );
  }
  if (
    /cycle in the dependency graph|depends on unknown job|at least one job with no dependencies/.test(text)
  ) {
    return problem('needs', file, at, lowerFirst(text), "Let 'needs' name jobs of this file, in no circle.");
  }
  return problem(
    'syntax',
    file,
    at,
    lowerFirst(text),
    'Correct it as the reference of the workflow syntax says.',
  );
}

/** Contexts and functions that the schema allows for the innermost value around a position. */
function allowedContext(root: MappingToken | undefined, at: { line: number; column: number }): string[] {
  let allowed: string[] = [];
  if (!root) return allowed;
  // Depth first, so the last value that spans the position is the innermost one.
  for (const [, token, key] of TemplateToken.traverse(root)) {
    const { range } = token;
    // A value that was refused has no definition; its key has that of the property.
    const definitionInfo = token.definitionInfo ?? key?.definitionInfo;
    if (!range || !definitionInfo) continue;
    const starts =
      range.start.line < at.line || (range.start.line === at.line && range.start.column <= at.column);
    const ends = range.end.line > at.line || (range.end.line === at.line && range.end.column >= at.column);
    if (starts && ends) allowed = definitionInfo.allowedContext;
  }
  return allowed;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/[.:]$/, '');
}
