import { UserError } from '@mlops/core';
import type { Task } from '@mlops/stats';
import { className } from './cells.ts';
import type { Examples } from './examples.ts';

/** What the examples are for, from what their labels, predictions and scores look like; a UserError where that is open. */
export function taskOf({ found, label, prediction, scores, file }: Examples): Task {
  const perClass = ![undefined, 'one'].includes(scores?.first?.kind);
  const { distinct } = label;
  const few = distinct <= 2;
  if (perClass) return (found.classScores.size ? found.classScores.size <= 2 : few) ? 'binary' : 'multiclass';
  if (!label.allNumbers) return few ? 'binary' : 'multiclass';
  const fractions = found.prediction && !prediction.allWhole;
  if (label.allWhole && few && !fractions) return 'binary';
  if (!label.allWhole || (distinct > 20 && !found.score) || (!few && fractions)) return 'regression';
  throw new UserError(
    `the labels are ${distinct} whole numbers, which may be classes or values, so the task is open`,
    { file, advice: 'Say so with `task`: binary, multiclass, regression or ranking.' },
  );
}

/** The names of all classes in their order; more than two of a binary task are a UserError. */
export function classesOf({ names: known, scores, file }: Examples, task: Task): string[] {
  scores?.refuseBroken();
  const names = new Set(known);
  const first = scores?.first;
  const digits = [...names].every((name) => /^\d+$/.test(name));
  if (digits && first?.kind === 'list') for (const i of first.cells.keys()) names.add(String(i));
  const [only = ''] = names;
  const other: Record<string, string> = { 0: '1', 1: '0', true: 'false', false: 'true' };
  if (task === 'binary' && names.size === 1 && other[only] !== undefined) names.add(other[only]);
  if (task === 'binary' && names.size > 2)
    throw new UserError(
      `a binary task has two classes, but here are ${names.size}: ${[...names].slice(0, 10).join(', ')}`,
      { file, advice: 'Set `task: multiclass`, or mend the labels and predictions.' },
    );
  return sortedClasses(names);
}

/** Numbers by value, other names by code unit. */
export function sortedClasses(names: Iterable<string>): string[] {
  const all = [...names];
  return all.every((name) => name !== '' && Number.isFinite(Number(name)))
    ? all.sort((a, b) => Number(a) - Number(b))
    : all.sort();
}

/** The index of the class that was told to be the positive one, or is called as such usually are. */
export function positiveOf(
  classes: readonly string[],
  told: string | undefined,
  file: string | undefined,
): number {
  const names = told === undefined ? ['1', 'true', 'yes', 'positive', 'pos'] : [className(told)];
  const found = classes.findIndex((name) => names.includes(told === undefined ? name.toLowerCase() : name));
  if (found >= 0) return found;
  throw new UserError(
    told === undefined ? 'which class is the positive one is open' : `there is no class '${told}'`,
    { file, advice: `Set \`positive\` to one of the classes: ${classes.join(', ')}.` },
  );
}
