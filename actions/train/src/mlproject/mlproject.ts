import { annotate, type Context, type InputsOf } from '@mlops/core';
import type { action } from '../action.ts';
import { type Command, commandOf, entryPointOf } from './command.ts';
import { readMlProject } from './project-file.ts';

/** Where no entry point is named. */
const defaultEntryPoint = 'main';

/**
 * The command that an MLproject stands for; undefined when the working directory has none and no entry point is named.
 * What MLflow itself needs, such as MLFLOW_TRACKING_URI, reaches the command as any variable of the step does.
 */
export async function mlprojectCommand(
  inputs: InputsOf<typeof action>,
  { workingDirectory: folder, github, record }: Context<typeof action>,
  log: (line: string) => void,
): Promise<Command | undefined> {
  const project = await readMlProject(folder, github.workspace);
  if (!project && inputs.entryPoint === undefined) return undefined;
  const entry = entryPointOf(inputs.entryPoint ?? defaultEntryPoint, project, folder);
  const command = commandOf(entry, inputs.parameters ?? {}, { file: project?.file ?? entry.name, folder });
  log(`Entry point ${entry.name}${project ? ` of ${project.file}` : ''}: ${command.text}`);
  if (command.extra.length)
    log(`Appended, because the entry point does not declare them: ${command.extra.join(', ')}`);
  const isActive = record.environments.length || process.env.VIRTUAL_ENV || process.env.CONDA_PREFIX;
  if (project?.environment && !isActive)
    annotate(
      'notice',
      `${project.file} asks for the environment in ${project.environment}, and none is active: the command runs with the Python that is on PATH. Run setup-python-cuda before this step.`,
    );
  return command;
}
