import { Lexer, Parser } from '@actions/expressions';
import {
  Binary,
  ContextAccess,
  type Expr,
  FunctionCall,
  Grouping,
  IndexAccess,
  Literal,
  Logical,
  Unary,
} from '@actions/expressions/ast';
import type { BasicExpressionToken } from '@actions/workflow-parser/templates/tokens/basic-expression-token';
import type { TemplateToken as Token } from '@actions/workflow-parser/templates/tokens/template-token';
import { isBasicExpression, isString, splitAllowedContext, TemplateToken } from './parser.ts';

/** Something an expression reads, such as `needs.train.outputs.passed`. */
export interface Reference {
  /** Lower-case names from the context on; undefined where the name is computed or `*`. */
  path: (string | undefined)[];
  /** As written in the file. */
  text: string;
  line: number;
  column?: number;
}

/** Every `${{ }}` under a token, one by one also where several stand in one text. */
export function expressions(token: Token): BasicExpressionToken[] {
  return [...TemplateToken.traverse(token)].flatMap(([, each]) =>
    isBasicExpression(each) ? (each.originalExpressions ?? [each]) : [],
  );
}

/** Everything that the expressions under a token read, those of `if` without `${{ }}` too. */
export function references(token: Token): Reference[] {
  return [...TemplateToken.traverse(token)].flatMap(([, each]) => {
    if (isBasicExpression(each)) {
      return (each.originalExpressions ?? [each]).flatMap((expression) =>
        read(expression, expression.expression, expression.expressionRange ?? expression.range),
      );
    }
    if (isString(each) && each.definition?.key.endsWith('-if')) return read(each, each.value, each.range);
    return [];
  });
}

function read(token: Token, expression: string, range: Token['range']): Reference[] {
  const { namedContexts, functions } = splitAllowedContext(token.definitionInfo?.allowedContext ?? []);
  let tree: Expr | undefined;
  try {
    tree = new Parser(new Lexer(expression).lex().tokens, namedContexts, functions).parse();
  } catch {
    return []; // The workflow parser has reported it.
  }
  const found: Omit<Reference, 'line' | 'column'>[] = [];
  if (tree) visit(tree, found);
  const start = range?.start ?? { line: 1, column: 1 };
  return found.map((reference) => ({ ...reference, line: start.line, column: start.column }));
}

function visit(node: Expr, found: Omit<Reference, 'line' | 'column'>[]): void {
  if (node instanceof ContextAccess || node instanceof IndexAccess) {
    const names: (string | undefined)[] = [];
    let base: Expr = node;
    for (; base instanceof IndexAccess; base = base.expr) {
      names.unshift(base.index instanceof Literal ? base.index.literal.coerceString() : undefined);
      visit(base.index, found);
    }
    if (base instanceof ContextAccess) {
      const path = [base.name.lexeme, ...names];
      found.push({
        path: path.map((name) => name?.toLowerCase()),
        text: path.map((name) => name ?? '*').join('.'),
      });
    } else visit(base, found);
  } else if (node instanceof FunctionCall || node instanceof Logical) {
    for (const argument of node.args) visit(argument, found);
  } else if (node instanceof Binary) {
    visit(node.left, found);
    visit(node.right, found);
  } else if (node instanceof Unary) visit(node.expr, found);
  else if (node instanceof Grouping) visit(node.group, found);
}
