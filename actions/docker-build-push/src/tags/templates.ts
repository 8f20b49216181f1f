import { messageOf, suggest, UserError } from '@mlops/core';
import { formatDate } from './date-format.ts';
import { wrong } from './fields.ts';

/** What an expression stands for: text, or a function of a format, such as `{{date 'YYYYMMDD' tz='Asia/Tokyo'}}`. */
export type Values = Record<string, unknown>;

/** Where a template stands, for messages. */
export interface Where {
  input: string;
  line: string;
}

/** Fills in `{{…}}`; see loadTemplates. */
export interface Templates {
  /** @throws UserError when the template is malformed or names something unknown */
  render(template: string, values: Values, where: Where): string;
  /** Whether a template is `{{raw}}` and nothing else. */
  isRaw(template: string): boolean;
}

/**
 * Templates in the language of Handlebars, without its escapes for HTML: tags and labels are plain text. Handlebars is
 * loaded only where one of the `texts` has an expression.
 */
export async function loadTemplates(texts: readonly string[]): Promise<Templates> {
  if (!texts.some((text) => text.includes('{{')))
    return { render: (template) => template, isRaw: () => false };
  const { default: handlebars } = await import('handlebars');
  return {
    render(template, values, where) {
      try {
        const program = handlebars.parse(template);
        mustKnow(program, values, where);
        return handlebars.compile(program, { noEscape: true })(values);
      } catch (cause) {
        if (cause instanceof UserError) throw cause;
        throw wrong(where.input, where.line, `'${template}' cannot be filled in: ${messageOf(cause)}`, {
          cause,
          advice: 'Write expressions as {{name}}; see the list of expressions in the README.',
        });
      }
    },
    isRaw(template) {
      const [first, ...more] = handlebars.parse(template).body;
      return more.length === 0 && first !== undefined && nameOf(first) === 'raw';
    },
  };
}

/** Handlebars makes nothing of a name that it does not know, which would shorten a tag without a word. */
function mustKnow(program: hbs.AST.Program, values: Values, { input, line }: Where): void {
  for (const statement of program.body) {
    const name = nameOf(statement);
    if (name === undefined || Object.hasOwn(values, name)) continue;
    throw wrong(input, line, `unknown expression '{{${name}}}'`, {
      advice: suggest(name, Object.keys(values)),
    });
  }
}

/** What `{{name …}}` names; undefined for text, blocks and paths. */
function nameOf(statement: hbs.AST.Statement): string | undefined {
  if (statement.type !== 'MustacheStatement') return undefined;
  const { path } = statement as hbs.AST.MustacheStatement;
  if (path.type !== 'PathExpression') return undefined;
  const { parts, data, depth } = path as hbs.AST.PathExpression;
  return parts.length === 1 && !data && depth === 0 ? parts[0] : undefined;
}

interface Called {
  hash: Record<string, unknown>;
}

/**
 * The function behind `{{date 'YYYYMMDD' tz='Europe/Berlin'}}`; the time zone is UTC unless given. A format without
 * quotes names a value that does not exist, and gives ISO 8601, as docker/metadata-action does.
 */
export function dateFunction(
  name: string,
  date: Date,
  warn: (message: string) => void,
): (format: unknown, called?: Called) => string {
  return (format, called) => {
    if (!called) throw new Error(`${name} needs a format: {{${name} 'YYYYMMDD'}}`);
    if (format === undefined)
      warn(
        `The format of an expression {{${name} …}} has no quotes and counts for nothing: {{${name} 'YYYYMMDD'}}.`,
      );
    const { tz = 'UTC', ...others } = called.hash;
    const [other] = Object.keys(others);
    if (other) throw new Error(`${name} has no '${other}', only tz`);
    const iso = `YYYY-MM-DDTHH:mm:ss${tz === 'UTC' ? '[Z]' : 'Z'}`;
    try {
      return formatDate(date, String(format ?? iso), String(tz));
    } catch {
      throw new Error(`'${tz}' is no time zone; they are named like 'Europe/Berlin'`);
    }
  };
}
