import { relative } from 'node:path';
import type { Context, InputsOf } from '@mlops/core';
import { type Hasher, hashText } from '@mlops/core/hash';
import { cacheStore, type Store } from '@mlops/core/store';
import type { action } from './action.ts';
import { environmentOf } from './environment.ts';
import { readInputFiles } from './inputs.ts';
import { canonical } from './key.ts';
import { Ledger, ledgerPrefix, loadLedger, saveLedger } from './ledger.ts';
import { Outputs } from './outputs.ts';
import type { Parameters } from './parameters.ts';
import { isKept, Pipeline, type Planned } from './pipeline.ts';
import { inputFiles } from './plan.ts';
import { stageRecord } from './record.ts';
import type { Stage } from './stages.ts';
import type { Supervisor } from './supervisor.ts';
import type { Workload } from './workload.ts';

export interface NativeParts {
  inputs: InputsOf<typeof action>;
  context: Context<typeof action>;
  planned: readonly Planned[];
  parameters: Parameters | undefined;
  hasher: Hasher;
  supervisor: Supervisor;
  seed: string | undefined;
  log: (line: string) => void;
}

/** A command, or stages of which only those run that something has changed for. */
export async function nativeWorkload(parts: NativeParts): Promise<Workload> {
  const { inputs, context, planned, hasher, supervisor, seed, log } = parts;
  const { workingDirectory: folder, github, signal } = context;
  const isCommand = typeof inputs.run === 'string';
  const matrix = inputs.matrix ?? {};
  const platform = `${process.platform} ${process.arch}`;

  const files = await readInputFiles(folder, inputFiles(planned), hasher);
  const environment = await environmentOf(context.record.environments, folder, hasher);
  const store = isCommand || inputs.cache === 'off' ? undefined : cacheStore({ trigger: github, signal });
  const prefix = ledgerPrefix({
    repository: github.repository ?? folder,
    folder: relative(github.workspace, folder),
    config: inputs.config,
    matrix,
    platform,
    seed,
  });
  const ledger = store ? await loadLedger(store, folder, prefix) : new Ledger();
  const outputs = new Outputs(folder, hasher, store);
  if (!isCommand) tellStart(planned, Object.keys(environment), store, log);

  const pipeline = new Pipeline(planned, {
    ...{ signal, supervisor, files, environment, platform, matrix, seed, ledger, outputs, log },
    identity: identities(parts, environment),
  });
  const keepLedger = async () => {
    // Not on a cancelled run, which has no time left; saved outputs are found without a ledger, too.
    if (!store || !ledger.changed || signal.aborted) return;
    await saveLedger(ledger, store, folder, `${prefix}${github.runId}-${github.runAttempt}-${Date.now()}`);
  };
  return {
    run: () => pipeline.run().finally(keepLedger),
    stages: () => planned.map((each) => stageRecord(each, pipeline.settled.get(each.stage.name))),
    outputs: () => [...pipeline.settled.values()].flatMap((stage) => stage.outputs),
  };
}

/**
 * What makes a checkpoint usable: a stage's key. A stage that declares nothing may depend on anything, and so on the
 * commit, all parameters, and the environment.
 */
function identities(
  { inputs, context, parameters, seed }: NativeParts,
  environment: Readonly<Record<string, string>>,
): (stage: Stage, key: string) => string {
  const { checkpointKey } = inputs;
  const { sha } = context.github;
  if (checkpointKey !== undefined) return ({ name }) => hashText(canonical({ checkpointKey, seed, name }));
  const values = Object.fromEntries([...(parameters?.all ?? [])].map(([key, { text }]) => [key, text]));
  return (stage, key) =>
    isKept(stage) ? key : hashText(canonical({ sha, key, parameters: values, environment }));
}

function tellStart(
  planned: readonly Planned[],
  environment: string[],
  store: Store | undefined,
  log: (line: string) => void,
): void {
  const cache = store?.kind === 'github-cache' ? "GitHub's cache" : 'a folder on this machine';
  log(`Stages: ${planned.map(({ stage }) => stage.name).join(', ')}`);
  log(`Environment: ${environment.join(', ') || 'no lock file found, so a changed package goes unnoticed'}`);
  log(`Results are kept in: ${store ? cache : 'nothing, the cache is off'}`);
}
