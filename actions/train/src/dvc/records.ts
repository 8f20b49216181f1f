import { hashText } from '@mlops/core/hash';
import { measuredOf, type StageRecord } from '@mlops/core/record';
import { canonical } from '../key.ts';
import type { Content } from './content.ts';
import type { Judged } from './decide.ts';
import { differences } from './differences.ts';
import type { Lock, Locked } from './lock.ts';
import type { Told } from './progress.ts';
import { isMapping, type Value } from './yaml.ts';

/** What is known of a stage once DVC has ended, or was not needed. */
export interface StageFacts {
  name: string;
  judged: Judged | undefined;
  told: Told | undefined;
  /** The locks before and after. */
  before: Lock;
  after: Lock;
  /** What it took when it last ran, in milliseconds. */
  durationMs: number | undefined;
  /** Paths that were brought back from the cache or the remote. */
  restored: ReadonlySet<string>;
  /** Whether DVC has decided, or did not have to. */
  settled: boolean;
}

export function stageRecord(facts: StageFacts): StageRecord {
  const { name, told, after, durationMs = 0, restored } = facts;
  const outcome = outcomeOf(facts);
  const entry = after.get(name);
  const entries = outcome === 'not-reached' || outcome === 'failed' ? undefined : entry;
  return {
    ...{ name, outcome, reason: reasonOf(facts, outcome) },
    key: entries ? keyOf(entries) : null,
    durationMs: told?.durationMs ?? 0,
    savedMs: outcome === 'skipped' ? durationMs : 0,
    startedAt: (told?.startedAt ?? new Date()).toISOString(),
    inputs: filesOf(entries?.deps),
    outputs: filesOf(entries?.outs).map((file) => ({
      ...file,
      restored: told?.outcome === 'cached' || restored.has(file.path),
    })),
    parameters: parametersOf(entries?.params ?? {}),
  };
}

function outcomeOf({ told, judged, settled }: StageFacts): StageRecord['outcome'] {
  if (told?.outcome === 'ran' || told?.outcome === 'failed') return told.outcome;
  if (told) return 'skipped';
  return settled && judged?.verdict === 'unchanged' ? 'skipped' : 'not-reached';
}

function reasonOf(
  { name, told, judged, before, after }: StageFacts,
  outcome: StageRecord['outcome'],
): string {
  if (outcome === 'not-reached') return 'the run ended before it';
  if (told?.outcome === 'cached') return 'an earlier run had the same command, inputs and parameters';
  if (outcome === 'skipped') return 'nothing it depends on has changed';
  if (judged?.verdict === 'changed') return judged.reason;
  const [now, was] = [after.get(name), before.get(name)];
  if (!was) return 'it is not in dvc.lock';
  return (now && outcome === 'ran' && differences(now, was)) || judged?.reason || 'DVC decided so';
}

/** A digest of what decides the stage's result. */
function keyOf({ command, deps, params, outs }: Locked): string {
  const contents = Object.fromEntries([...deps].map(([path, { md5 }]) => [path, md5]));
  return hashText(
    canonical({ command, deps: contents, params: jsonOf(params), outs: [...outs.keys()].sort() }),
  );
}

function filesOf(contents: ReadonlyMap<string, Content> | undefined): StageRecord['inputs'] {
  return [...(contents ?? [])].map(([path, { md5, bytes }]) => ({ path, digest: `md5:${md5}`, bytes }));
}

/** Parameters by dotted name; those of other files than params.yaml with the file before them. */
function parametersOf(params: Locked['params']): StageRecord['parameters'] {
  const flat: StageRecord['parameters'] = {};
  const add = (name: string, value: Value) => {
    if (isMapping(value) && Object.keys(value).length)
      for (const [key, inner] of Object.entries(value)) add(`${name}.${key}`, inner);
    else flat[name] = jsonOf(value);
  };
  for (const [file, values] of Object.entries(params))
    for (const [key, value] of Object.entries(isMapping(values) ? values : {}))
      add(file === 'params.yaml' ? key : `${file}:${key}`, value);
  return flat;
}

function jsonOf(value: Value): StageRecord['parameters'][string] {
  return JSON.parse(
    JSON.stringify(value, (_, inner: unknown) => {
      if (typeof inner === 'bigint') return Number(inner);
      return typeof inner === 'number' ? measuredOf(inner) : inner;
    }),
  );
}
