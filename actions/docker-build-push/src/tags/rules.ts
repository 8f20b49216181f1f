import { suggest, throwAll, UserError } from '@mlops/core';
import { meaningful, oneOf, parseFields, wrong } from './fields.ts';

/** Where a tag comes from. */
export const ruleTypes = [
  'schedule',
  'semver',
  'pep440',
  'match',
  'edge',
  'ref',
  'raw',
  'sha',
  'model',
] as const;
export type RuleType = (typeof ruleTypes)[number];

/** One line of the input `tags`. */
export interface Rule {
  type: RuleType;
  /** As it was written, for messages. */
  line: string;
  /** A template that gives `true` or `false`. */
  enable: string;
  /** The higher, the further to the front; the first tag is the version of the image. */
  priority: number;
  /** Undefined where the flavor's counts. */
  prefix: string | undefined;
  suffix: string | undefined;
  /** What else the type has, with the defaults filled in. */
  attributes: Record<string, string>;
}

/** The rules where the user gives none. */
export const defaultRules = [
  'type=schedule',
  'type=ref,event=branch',
  'type=ref,event=tag',
  'type=ref,event=pr',
];

const common = ['enable', 'priority', 'prefix', 'suffix'];

interface Declared {
  priority: number;
  prefix?: string;
  /** With their defaults; undefined for those that have to be given. */
  attributes: Record<string, string | undefined>;
  choices?: Record<string, readonly string[]>;
}

const declared: Record<RuleType, Declared> = {
  schedule: { priority: 1000, attributes: { pattern: 'nightly' } },
  semver: { priority: 900, attributes: { pattern: undefined, value: '', match: '' } },
  pep440: { priority: 900, attributes: { pattern: undefined, value: '', match: '' } },
  match: { priority: 800, attributes: { pattern: undefined, group: '0', value: '' } },
  edge: { priority: 700, attributes: { branch: '' } },
  ref: {
    priority: 600,
    attributes: { event: undefined },
    choices: { event: ['branch', 'tag', 'pr'] },
  },
  raw: { priority: 200, attributes: { value: undefined } },
  sha: {
    ...{ priority: 100, prefix: 'sha-', attributes: { format: 'short' } },
    choices: { format: ['short', 'long'] },
  },
  model: { priority: 50, prefix: 'model-', attributes: {} },
};

const input = 'tags';

/**
 * Reads the rules, those with the highest priority first and otherwise in their order.
 *
 * @throws UserError for each rule that is wrong
 */
export function parseRules(lines: readonly string[]): Rule[] {
  const given = meaningful(lines);
  const problems: UserError[] = [];
  const rules = (given.length > 0 ? given : defaultRules).flatMap((line) => {
    try {
      return [parseRule(line)];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error);
      return [];
    }
  });
  throwAll(problems);
  return rules.sort((a, b) => b.priority - a.priority);
}

function parseRule(line: string): Rule {
  const fields = parseFields(line, input);
  const named = fields.findLast(({ key }) => key === 'type');
  const type = named ? oneOf(ruleTypes, named, { input, line }) : 'raw';
  const { choices = {}, ...defaults } = declared[type];
  const allowed = [...Object.keys(defaults.attributes), ...common];
  const given: Record<string, string> = {};
  for (const field of fields) {
    const key = field.key ?? 'value';
    if (key === 'type') continue;
    if (!allowed.includes(key))
      throw wrong(
        input,
        line,
        field.key ? `a rule of type '${type}' has no '${key}'` : `'${field.value}' is no attribute`,
        { advice: suggest(field.key ?? field.value, allowed) },
      );
    const choice = choices[key];
    given[key] = choice ? oneOf(choice, { ...field, key }, { input, line }) : field.value;
  }
  for (const [key, value] of Object.entries(defaults.attributes))
    if (value === undefined && given[key] === undefined)
      throw wrong(input, line, `'${key}' is missing`, { advice: examples[type] });
  const { enable = 'true', priority, prefix, suffix, ...attributes } = given;
  const isPull = type === 'ref' && attributes.event === 'pr';
  const rule = {
    ...{ type, line, enable, suffix },
    priority: priority === undefined ? defaults.priority : numberOf(priority, 'priority', line),
    prefix: prefix ?? (isPull ? 'pr-' : defaults.prefix),
    attributes: { ...defaults.attributes, ...attributes } as Record<string, string>,
  };
  if (type === 'match') checkMatch(rule);
  return rule;
}

const examples: Record<RuleType, string> = {
  schedule: "Write type=schedule,pattern={{date 'YYYYMMDD'}}.",
  semver: 'Write type=semver,pattern={{version}}, or another part: {{major}}.{{minor}}.',
  pep440: 'Write type=pep440,pattern={{version}}, or another part: {{major}}.{{minor}}.',
  match: 'Write type=match,pattern=v(.*),group=1.',
  edge: 'Write type=edge.',
  ref: 'Write type=ref,event=branch, event=tag or event=pr.',
  raw: 'Write type=raw,value=stable, or the tag alone.',
  sha: 'Write type=sha.',
  model: 'Write type=model.',
};

function numberOf(text: string, key: string, line: string): number {
  const number = Number(text);
  if (text && Number.isFinite(number)) return number;
  throw wrong(input, line, `'${key}' is '${text}', which is no number`, {
    advice: `Write ${key}=500; the highest comes first.`,
  });
}

/** Before a tag event is the first to try it. */
function checkMatch({ attributes: { pattern = '', group = '' }, line }: Pick<Rule, 'attributes' | 'line'>) {
  if (!/^\d+$/.test(group))
    throw wrong(input, line, `'group' is '${group}', which is no number`, {
      advice: 'Write the number of a group in the pattern; 0 is all that matches.',
    });
  try {
    regExpOf(pattern);
  } catch (cause) {
    throw wrong(input, line, `'pattern' is no regular expression: ${(cause as Error).message}`, {
      cause,
      advice: 'Write it as JavaScript does, such as v(\\d+)\\.(\\d+) or /release-(.*)/i.',
    });
  }
}

/** `/pattern/flags`, or the pattern alone. */
export function regExpOf(pattern: string): RegExp {
  const [, inner = pattern, flags = ''] = /^\/(.+)\/(.*)$/.exec(pattern) ?? [];
  return new RegExp(inner, flags);
}
