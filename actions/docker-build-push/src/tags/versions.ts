import { suggest } from '@mlops/core';
import { clean, explain, major, minor, patch, valid as validPep440 } from '@renovatebot/pep440';
import semver from 'semver';
import type { ImageContext } from './context.ts';
import { refIn, shortShaLength } from './expressions.ts';
import { wrong } from './fields.ts';
import type { Flavor } from './flavor.ts';
import { type Rule, type RuleType, regExpOf } from './rules.ts';
import type { Templates, Values } from './templates.ts';
import { validTag } from './valid-tag.ts';

/** What the rules gave. */
export interface Versions {
  /** The tag of the first rule that applied. */
  main: string | undefined;
  /** The tags of the others. */
  others: string[];
  /** Whether there is a tag `latest`. */
  latest: boolean;
}

/** What the rules are applied to. */
export interface Subject {
  context: ImageContext;
  flavor: Flavor;
  templates: Templates;
  /** The expressions that every template may use. */
  values: Values;
  /** Of the model in the image, such as `sha256:…`. */
  modelDigest: string | undefined;
  shaLength: number | undefined;
  warn: (message: string) => void;
}

/** A tag before the prefix and suffix, and whether it makes the image the latest one where the flavor says `auto`. */
interface Given {
  text: string;
  latest: boolean;
}

/** Applies the rules in their order; those that do not fit the event give nothing. */
export function applyRules(rules: readonly Rule[], subject: Subject): Versions {
  const tags: string[] = [];
  let latest: boolean | undefined;
  for (const rule of rules) {
    if (!isEnabled(rule, subject)) continue;
    const given = appliers[rule.type](rule, subject);
    if (given === undefined) continue;
    const tag = validTag(surrounded(given.text, rule, subject));
    if (!tag) continue;
    tags.push(tag);
    const { latest: wanted } = subject.flavor;
    latest ??= wanted === 'auto' ? given.latest : wanted === 'true';
  }
  const [main, ...others] = new Set(tags);
  return { main, others, latest: latest ?? false };
}

function isEnabled(rule: Rule, subject: Subject): boolean {
  const enabled = filled(rule.enable, rule, subject);
  if (enabled === 'true' || enabled === 'false') return enabled === 'true';
  throw wrong('tags', rule.line, `'enable' is '${enabled}'`, {
    advice: `${suggest(enabled, ['true', 'false'])} In a workflow: enable=\${{ github.ref == 'refs/heads/main' }}.`,
  });
}

function surrounded(text: string, rule: Rule, subject: Subject): string {
  const { flavor } = subject;
  const prefix = filled(rule.prefix ?? flavor.prefix, rule, subject);
  const suffix = filled(rule.suffix ?? flavor.suffix, rule, subject);
  return `${prefix}${text}${suffix}`;
}

function filled(template: string, { line }: Rule, { templates, values }: Subject, more: Values = {}): string {
  return templates.render(template, { ...values, ...more }, { input: 'tags', line });
}

const appliers: Record<RuleType, (rule: Rule, subject: Subject) => Given | undefined> = {
  schedule: (rule, subject) =>
    subject.context.event.includes('schedule')
      ? { text: filled(rule.attributes.pattern ?? '', rule, subject), latest: false }
      : undefined,
  semver: fromSemver,
  pep440: fromPep440,
  match: fromMatch,
  edge({ attributes }, { context: { ref, defaultBranch } }) {
    const branch = refIn('refs/heads/', ref);
    const isEdge = branch !== undefined && branch === (attributes.branch || defaultBranch);
    return isEdge ? { text: 'edge', latest: false } : undefined;
  },
  ref({ attributes: { event } }, { context: { ref } }) {
    const text =
      event === 'branch'
        ? refIn('refs/heads/', ref)
        : event === 'tag'
          ? refIn('refs/tags/', ref)
          : refIn('refs/pull/', ref)?.replace(/\/merge$/, '');
    return text === undefined ? undefined : { text, latest: event === 'tag' };
  },
  raw: (rule, subject) => ({ text: filled(rule.attributes.value ?? '', rule, subject), latest: false }),
  sha({ attributes: { format } }, { context: { sha }, shaLength = shortShaLength }) {
    if (!sha) return undefined;
    return { text: format === 'long' ? sha : sha.slice(0, shaLength), latest: false };
  },
  model({ line }, { modelDigest, warn }) {
    const digest = /^[a-z0-9]+:([0-9a-f]{12})/.exec(modelDigest ?? '')?.[1];
    if (!digest)
      warn(`tags, '${line}': the image holds no model whose digest is known, so there is no such tag.`);
    return digest ? { text: digest, latest: false } : undefined;
  },
};

/** What a versioned rule looks at: its `value`, or the git tag. */
function subjectOf(rule: Rule, subject: Subject): string | undefined {
  const { value } = rule.attributes;
  return value ? filled(value, rule, subject) : refIn('refs/tags/', subject.context.ref);
}

/** The same, of which `match` may take a part; slashes would not be valid. */
function versionOf(rule: Rule, subject: Subject): string | undefined {
  const whole = subjectOf(rule, subject);
  const { match } = rule.attributes;
  if (whole === undefined) return undefined;
  const found = match ? regExpOf(match).exec(whole) : undefined;
  if (found === null) subject.warn(`tags, '${rule.line}': '${match}' does not match '${whole}'.`);
  return (found ? (found[1] ?? found[0]) : whole).replaceAll('/', '-');
}

/** Of a pre-release only the whole version is a tag: `1.2` must not move to what is not released. */
function fromSemver(rule: Rule, subject: Subject): Given | undefined {
  const text = versionOf(rule, subject);
  if (text === undefined) return undefined;
  const version = semver.valid(text) && semver.parse(text, { loose: true });
  if (!version) {
    subject.warn(`tags, '${rule.line}': '${text}' is no semantic version (https://semver.org).`);
    return undefined;
  }
  const { raw, major, minor, patch, prerelease, build } = version;
  const values = { raw, version: version.version, major, minor, patch, prerelease, build };
  const { pattern = '' } = rule.attributes;
  if (prerelease.length === 0) return { text: filled(pattern, rule, subject, values), latest: true };
  const isRaw = subject.templates.isRaw(pattern);
  return { text: isRaw ? raw : version.version, latest: false };
}

/** Likewise of pre-, post- and development releases. */
function fromPep440(rule: Rule, subject: Subject): Given | undefined {
  const text = versionOf(rule, subject);
  if (text === undefined) return undefined;
  const explained = validPep440(text) ? explain(text) : null;
  if (!explained) {
    subject.warn(
      `tags, '${rule.line}': '${text}' is no version of Python (https://peps.python.org/pep-0440).`,
    );
    return undefined;
  }
  const version = clean(text) ?? text;
  const { pattern = '' } = rule.attributes;
  if (explained.is_prerelease || explained.is_postrelease || explained.is_devrelease)
    return { text: subject.templates.isRaw(pattern) ? text : version, latest: false };
  const values = { raw: text, version, major: major(text), minor: minor(text), patch: patch(text) };
  return { text: filled(pattern, rule, subject, values), latest: true };
}

function fromMatch(rule: Rule, subject: Subject): Given | undefined {
  const text = subjectOf(rule, subject);
  if (text === undefined) return undefined;
  const { pattern = '', group = '0' } = rule.attributes;
  const found = regExpOf(pattern).exec(text);
  const part = found?.[Number(group)];
  if (!found) subject.warn(`tags, '${rule.line}': '${pattern}' does not match '${text}'.`);
  else if (part === undefined)
    subject.warn(`tags, '${rule.line}': '${pattern}' has no group ${group} in '${text}'.`);
  return part === undefined ? undefined : { text: part, latest: true };
}
