import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Context, type InputsOf, UserError } from '@mlops/core';
import type { action } from './action.ts';
import type { Run } from './stages.ts';

type Inputs = InputsOf<typeof action>;

/** What is trained. */
export interface Subject {
  /** Undefined for the stages of a dvc.yaml, which DVC runs. */
  run: Run | undefined;
  /** Parameters that are in the command. */
  parameters: ReadonlyMap<string, string>;
}

/** The input `run`; without it, what a dvc.yaml or an MLproject in the working directory says. */
export async function subjectOf(
  inputs: Inputs,
  context: Context<typeof action>,
  log: (line: string) => void,
): Promise<Subject> {
  const { run, entryPoint } = inputs;
  const { workingDirectory: folder } = context;
  const none = new Map<string, string>();
  if (run !== undefined) {
    refuse(inputs, ['dvcTargets', 'dvcRemote'], "are for a dvc.yaml, and the input 'run' is set");
    refuse(inputs, ['entryPoint', 'parameters'], "are for an MLproject, and the input 'run' is set");
    return { run, parameters: none };
  }
  if (entryPoint === undefined && existsSync(join(folder, 'dvc.yaml'))) {
    refuse(inputs, ['parameters'], 'are for an MLproject, and a dvc.yaml is what trains here');
    refuse(
      inputs,
      ['repeat', 'seeds'],
      "need the input 'run': DVC runs a stage again only when it has changed",
    );
    return { run: undefined, parameters: none };
  }
  const { mlprojectCommand } = await import('./mlproject/mlproject.ts');
  const command = await mlprojectCommand(inputs, context, log);
  if (command) return { run: command.text, parameters: command.parameters };
  throw new UserError("train: the input 'run' is missing, and there is neither a dvc.yaml nor an MLproject", {
    advice: `Set it with 'with: run:' or as 'train: run:' in mlops.yaml, or name the folder with dvc.yaml or MLproject in 'working-directory'.`,
  });
}

/** Inputs that would pass without any effect are mistakes. */
function refuse(inputs: Inputs, names: readonly (keyof Inputs)[], why: string): void {
  const given = names.filter((name) => inputs[name] !== undefined);
  if (!given.length) return;
  const shown = names.map((name) => `'${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}'`);
  throw new UserError(
    `the inputs ${shown.join(' and ')} ${why}`.replace(/^the inputs ('[\w-]+') are/, 'the input $1 is'),
    {
      advice: "Leave them away, or leave the input 'run' away.",
    },
  );
}
