import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UserError } from '@mlops/core';
import type { Extras, UserReport } from '@mlops/report';

/** Bytes that a model card may have; the page holds it whole. */
const largestCard = 1_000_000;

export interface NamedFiles {
  userReport: string | undefined;
  modelCard: string | undefined;
}

/**
 * This job's own report and model card, as far as its files are there: not every job of a run makes them.
 *
 * @throws UserError for a file that is there and cannot be taken
 */
export async function ownExtras(
  files: NamedFiles,
  folder: string,
  readUserReport: (folder: string, path: string) => Promise<UserReport>,
): Promise<Extras> {
  const isThere = (path: string | undefined): path is string =>
    path !== undefined && existsSync(resolve(folder, path));
  return {
    ...(isThere(files.userReport) && { userReport: await readUserReport(folder, files.userReport) }),
    ...(isThere(files.modelCard) && { modelCard: await readCard(folder, files.modelCard) }),
  };
}

/** The named files that no job had, for a notice: `user-report 'report.md'`. */
export function missingFiles(files: NamedFiles, { userReport, modelCard }: Extras): string[] {
  return [
    ...(files.userReport !== undefined && !userReport ? [`user-report '${files.userReport}'`] : []),
    ...(files.modelCard !== undefined && modelCard === undefined ? [`model-card '${files.modelCard}'`] : []),
  ];
}

async function readCard(folder: string, name: string): Promise<string> {
  const path = resolve(folder, name);
  const found = await stat(path);
  if (!found.isFile()) throw unusable(name, 'is no file', 'Name the Markdown file itself.');
  if (found.size > largestCard)
    throw unusable(name, `has ${found.size} bytes, more than 1 MB`, 'Shorten it, or link to what is long.');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    throw unusable(name, 'is not UTF-8', 'Save it as UTF-8.', cause);
  }
}

function unusable(name: string, why: string, advice: string, cause?: unknown): UserError {
  return new UserError(`input model-card: '${name}' ${why}`, { file: name, advice, cause });
}
