import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwAll, type UserError } from '@mlops/core';
import { type ReleaseSet, readReleaseSet } from './release-set.ts';
import { type Refs, renderWorkflow } from './render.ts';

/** Writes the reusable workflows as a release has them to `<out>/.github/workflows/`, and gives the files' paths. */
export async function renderWorkflows({
  root,
  out,
  refs = 'set',
  version,
}: {
  root: string;
  out: string;
  refs?: Refs;
  version?: string;
}): Promise<string[]> {
  const set = await readReleaseSet(root);
  return await writeWorkflows(
    out,
    await renderedWorkflows(root, { ...set, version: version ?? set.version }, refs),
  );
}

/** Every reusable workflow, rendered, by file name; all that is wrong in any of them is reported together. */
export async function renderedWorkflows(
  root: string,
  { slug, version, workflows, files }: ReleaseSet,
  refs: Refs,
): Promise<Map<string, string>> {
  const exists = (path: string) => files.includes(path) || files.includes(`${path}/action.yml`);
  const problems: UserError[] = [];
  const rendered = new Map<string, string>();
  for (const name of workflows) {
    const file = `workflows/${name}`;
    const source = await readFile(join(root, file), 'utf8');
    const result = renderWorkflow(source, { file, refs, slug, version, exists });
    problems.push(...result.problems);
    rendered.set(name, result.text);
  }
  throwAll(problems);
  return rendered;
}

export async function writeWorkflows(
  tree: string,
  workflows: ReadonlyMap<string, string>,
): Promise<string[]> {
  const folder = join(tree, '.github', 'workflows');
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const [name, text] of workflows) {
    paths.push(join(folder, name));
    await writeFile(join(folder, name), text);
  }
  return paths;
}
