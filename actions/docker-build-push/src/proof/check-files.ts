import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { type Hasher, openHasher } from '@mlops/core/hash';
import { numberOf } from '@mlops/core/record';
import { readMetrics } from '@mlops/metrics';
import type { Checks } from './checks.ts';
import { contentDigest } from './content-digest.ts';
import type { Training } from './predicate.ts';
import { changedFiles, readSource } from './source.ts';

/** Files of this machine that have to be what the statement says. */
export interface LocalFiles {
  /** The project's folder, in a working copy: its code, data, intermediate results and metrics. */
  folder?: string | undefined;
  /**
   * Whether data that is not in the folder counts as failed (default true). What stages wrote may always be missing,
   * since no repository holds it.
   */
  requireData?: boolean | undefined;
  /** Whether all files that git tracks count, or only those that stages read (default true). */
  code?: boolean | undefined;
  /** The model, where it lies somewhere else or must be there. */
  model?: string | undefined;
  /** Metrics files that must be there. */
  metrics?: readonly string[] | undefined;
  /** The archive that the package action made. */
  package?: string | undefined;
}

type Content = Training['trainings'][number]['data'][number];

/** Looks at every file that the statement tells of, and names each that differs. */
export async function checkFiles(
  training: Training,
  local: LocalFiles,
  checks: Checks,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const hasher = await openHasher({ signal });
  try {
    if (local.folder !== undefined) {
      if (local.code !== false) await checkCode(training, local.folder, checks, signal);
      await checkContents(training, { ...local, folder: local.folder }, checks, hasher);
    }
    await checkModel(training, local, checks, hasher);
    await checkMetrics(training, local, checks, hasher);
    if (local.package !== undefined) await checkPackage(training, local.package, checks, hasher);
  } finally {
    await hasher.close();
  }
}

async function checkCode(
  { source }: Training,
  folder: string,
  checks: Checks,
  signal: AbortSignal | undefined,
): Promise<void> {
  const expected = source.files?.digest ?? `the files of ${source.commit}`;
  await checks.attempt('code', expected, async () => {
    const here = await readSource(folder, { signal });
    if (!here) return checks.add('code', expected, 'no working copy of git', false);
    if (!source.files) return checks.add('code', 'a digest in the statement', 'none', false);
    if (here.files.digest === source.files.digest)
      return checks.add('code', source.files.digest, here.files.digest, true);
    const changed = await changedFiles(folder, source.checkout ?? source.commit, { signal });
    const names = changed.length ? `: ${listed(changed)}` : '';
    return checks.add(`code${names}`, source.files.digest, here.files.digest, false);
  });
}

/** Data and code that stages read, and what they wrote, each path once. */
async function checkContents(
  { trainings }: Training,
  { folder, requireData = true }: LocalFiles & { folder: string },
  checks: Checks,
  hasher: Hasher,
): Promise<void> {
  const given = new Map(trainings.flatMap(({ data }) => data.map((one) => [one.path, one])));
  const made = new Map(
    trainings.flatMap(({ stages }) =>
      stages.flatMap(({ outputs }) => outputs.map((one) => [one.path, one] as const)),
    ),
  );
  for (const one of given.values()) await checkContent('input', one, requireData);
  for (const one of made.values()) await checkContent('output', one, false);

  async function checkContent(what: string, { path, digest }: Content, isRequired: boolean): Promise<void> {
    await checks.attempt(`${what} ${path}`, digest, async () => {
      const found = await contentDigest(folder, path, digest, hasher);
      if (found !== undefined || isRequired) checks.same(`${what} ${path}`, digest, found);
    });
  }
}

async function checkModel(
  { trainings }: Training,
  { folder, model }: LocalFiles,
  checks: Checks,
  hasher: Hasher,
): Promise<void> {
  const recorded = trainings.flatMap((training) => training.model ?? []);
  if (model === undefined) {
    if (folder === undefined) return;
    const made = new Set(
      trainings.flatMap(({ stages }) => stages.flatMap(({ outputs }) => outputs.map(({ path }) => path))),
    );
    // As an output of a stage it has been looked at.
    for (const { path, digest } of recorded.filter(({ path }) => !made.has(path)))
      await checks.attempt(`model ${path}`, digest, async () => {
        const found = await contentDigest(folder, path, digest, hasher);
        if (found !== undefined) checks.same(`model ${path}`, digest, found);
      });
    return;
  }
  const expected = recorded.map(({ digest }) => digest).join(' or ') || 'a model in the statement';
  await checks.attempt(`model ${model}`, expected, async () => {
    const found = await contentDigest(folder ?? '.', model, recorded[0]?.digest ?? '', hasher);
    checks.add(
      `model ${model}`,
      expected,
      found ?? 'nothing',
      recorded.some(({ digest }) => digest === found),
    );
  });
}

/** By their bytes where the statement has these, and always by every value in them. */
async function checkMetrics(
  training: Training,
  { folder = '.', metrics = [] }: LocalFiles,
  checks: Checks,
  hasher: Hasher,
): Promise<void> {
  const digests = new Map(
    training.trainings.flatMap(({ metricsFiles, stages }) =>
      [...stages.flatMap(({ outputs }) => outputs), ...metricsFiles].map(({ path, digest }) => [
        path,
        digest,
      ]),
    ),
  );
  for (const path of metrics) {
    const digest = digests.get(path);
    await checks.attempt(`metrics ${path}`, digest ?? 'the recorded values', async () => {
      if (digest !== undefined)
        checks.same(`metrics ${path}`, digest, await contentDigest(folder, path, digest, hasher));
      await checkValues(training, folder, path, checks);
    });
  }
}

async function checkValues(
  { trainings }: Training,
  folder: string,
  path: string,
  checks: Checks,
): Promise<void> {
  await readFile(resolve(folder, path)).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(error.code === 'ENOENT' ? 'nothing' : error.message, { cause: error });
  });
  const { values } = await readMetrics(folder, [path]);
  const recorded = trainings.flatMap(({ metrics, repeats }) => [
    ...repeats.map((repeat) => repeat.metrics),
    metrics,
  ]);
  // The file is of one training, or of one of its seeds: of the one that it fits best.
  const differences = recorded
    .map((metrics) =>
      [...values].flatMap(([name, value]) => {
        const expected = metrics[name];
        const isSame = expected !== undefined && Object.is(numberOf(expected), value);
        return isSame ? [] : [{ name, expected: String(expected ?? 'no such metric'), found: String(value) }];
      }),
    )
    .sort((a, b) => a.length - b.length)[0];
  if (!differences) checks.add(`metrics ${path}`, 'recorded values', 'none in the statement', false);
  else if (values.size === 0) checks.add(`metrics ${path}`, 'recorded values', 'none in the file', false);
  else if (differences.length === 0)
    checks.add(`values in ${path}`, `${values.size} as recorded`, 'the same', true);
  for (const { name, expected, found } of differences ?? [])
    checks.add(`metric ${name} in ${path}`, expected, found, false);
}

async function checkPackage(
  { packages }: Training,
  path: string,
  checks: Checks,
  hasher: Hasher,
): Promise<void> {
  const expected = packages.map(({ digest }) => digest).join(' or ') || 'a package in the statement';
  await checks.attempt(`package ${path}`, expected, async () => {
    const { digest } = await hasher.file(path);
    checks.add(
      `package ${path}`,
      expected,
      digest,
      packages.some((one) => one.digest === digest),
    );
  });
}

function listed(names: readonly string[]): string {
  const more = names.length - 10;
  return names.slice(0, 10).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
