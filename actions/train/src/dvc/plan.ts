import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Content } from './content.ts';
import { type Decision, decide, type Situation } from './decide.ts';
import { type Lock, type Locked, readLock } from './lock.ts';
import { inOrder, selected } from './order.ts';
import { valueReader } from './parameters.ts';
import { type PipelineFile, readPipelineFile } from './pipeline-file.ts';
import { type DvcProject, trackedData } from './project.ts';
import type { ReadValues } from './templating.ts';
import { Unsure } from './unsure.ts';
import { readYaml } from './yaml.ts';

/** What can be told of a project without DVC. */
export interface Known {
  file: PipelineFile;
  /** The stages that are to be run, in order. */
  stages: Situation['stages'];
  data: ReadonlyMap<string, Content>;
  read: ReadValues;
}

/** Reads a project. Throws Unsure when only DVC can tell what is in it. */
export async function readProject(project: DvcProject, targets: readonly string[]): Promise<Known> {
  const { folder } = project;
  const { value } = await readYaml(await readFile(join(folder, 'dvc.yaml'), 'utf8'), 'dvc.yaml');
  const read = valueReader(folder);
  const file = await readPipelineFile(value, read);
  const names = file.stages.flatMap(({ outs }) => outs.map(({ path }) => path));
  if (new Set(names).size < names.length) throw new Unsure('two outputs have one path');
  return {
    ...{ file, read },
    stages: inOrder(selected(file.stages, targets)),
    data: await trackedData(project),
  };
}

/** The text of the project's dvc.lock; undefined when there is none. */
export async function lockText({ folder }: Pick<DvcProject, 'folder'>): Promise<string | undefined> {
  const path = join(folder, 'dvc.lock');
  return existsSync(path) ? readFile(path, 'utf8') : undefined;
}

/** The entries of a lock; Unsure for a lock that only DVC can read. */
export async function parsedLock(text: string | undefined): Promise<Lock> {
  return text === undefined ? new Map() : readLock(text, 'dvc.lock');
}

/** Of two locks the one by which more stages are unchanged, the first when they are equal. */
export async function betterLock(
  known: Known,
  folder: string,
  [committed, other]: readonly [Lock, Lock],
): Promise<Lock> {
  const situation = { ...known, folder, committed, runs: [], forced: new Map<string, string>() };
  const unchanged = async (lock: Lock) => {
    const { judged } = await decide({ ...situation, lock });
    return judged.filter(({ verdict }) => verdict === 'unchanged').length;
  };
  return (await unchanged(other)) > (await unchanged(committed)) ? other : committed;
}

export interface Facts {
  lock: Lock;
  committed: Lock;
  runs: readonly Locked[];
  forced: ReadonlyMap<string, string>;
}

/**
 * Judges all stages. Outputs on the disk that their stage did not write are removed first, and their paths added to
 * `removed`.
 */
export async function judge(
  project: DvcProject,
  known: Known,
  facts: Facts,
  removed: Set<string>,
): Promise<Decision> {
  const situation = { ...known, ...facts, folder: project.folder };
  const decision = await decide(situation);
  if (!decision.stale.length) return decision;
  for (const path of decision.stale) {
    await rm(join(project.folder, path), { recursive: true, force: true });
    removed.add(path);
  }
  return decide(situation);
}
