import type { Rule, Rules } from './rules.ts';

/** Whether a rule is for all metrics of a form, such as `class.*.recall`. */
export function isPattern(metric: string): boolean {
  return metric.includes('*');
}

/**
 * Rules by metric: those of patterns for each name that one matches. `*` is any text without a dot, `**` any text. A
 * rule of the very name comes before patterns, and of these the first that matches; one that matches nothing stays, and
 * is not met.
 */
export function withoutPatterns(rules: Rules, names: Iterable<string>): Rules {
  const patterns = Object.keys(rules).filter(isPattern);
  if (!patterns.length) return rules;
  const matched = new Map<string, [string, Rule][]>(patterns.map((pattern) => [pattern, []]));
  const tests = patterns.map((pattern) => ({ pattern, test: expressionOf(pattern) }));
  for (const name of new Set(names)) {
    if (Object.hasOwn(rules, name)) continue;
    const pattern = tests.find(({ test }) => test.test(name))?.pattern;
    if (pattern !== undefined) matched.get(pattern)?.push([name, { ...(rules[pattern] as Rule), pattern }]);
  }
  return Object.fromEntries(
    Object.entries(rules).flatMap(([metric, rule]) => {
      const some = matched.get(metric);
      return some?.length ? some : [[metric, rule] as [string, Rule]];
    }),
  );
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern.split(/(\*+)/).map((part) => {
    if (part === '*') return '[^.]*';
    return part.startsWith('*') ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`, 's');
}
