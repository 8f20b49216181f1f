import { suggest, UserError } from '@mlops/core';
import type { DvcStage } from './pipeline-file.ts';

/** The stages that run whatever has changed, and why. A group's name stands for all its members. */
export function forcedStages(
  stages: readonly DvcStage[],
  { force = [], cache }: { force?: readonly string[] | undefined; cache: 'auto' | 'off' },
): Map<string, string> {
  const names = stages.map(({ name }) => name);
  const groupOf = (name: string) => name.replace(/@[^@]*$/, '');
  const unknown = force.find(
    (wish) => wish !== 'all' && !names.includes(wish) && !names.some((name) => groupOf(name) === wish),
  );
  if (unknown !== undefined)
    throw new UserError(`input force: there is no stage '${unknown}'`, {
      advice: suggest(unknown, [...names, 'all']),
    });
  if (cache === 'off') return new Map(names.map((name) => [name, 'the cache is off']));
  const isForced = (name: string) =>
    force.includes('all') || force.includes(name) || force.includes(groupOf(name));
  return new Map(names.filter(isForced).map((name) => [name, 'forced']));
}
