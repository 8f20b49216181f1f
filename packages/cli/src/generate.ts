import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Action } from '@mlops/core';
import { actionYml, between, configSchema, recordSchema, withTables } from '@mlops/core/generate';
import { verdictSchema } from '@mlops/core/record';
import { segmentsWorkflow } from './generate-segments.ts';
import { workflowTable } from './generate-workflows.ts';
import { foldersWith, root } from './root.ts';

/**
 * Makes every generated file from the declarations: action.yml, the tables of the READMEs, the JSON Schema of
 * mlops.yaml and those of verdict files and of what is attested of an image, the jobs that go on with a training. With --check it writes nothing and fails when a file would change.
 */
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

const actions = await Promise.all((await foldersWith('actions', 'src/action.ts')).map(declarationOf));
const files = new Map<string, string>();
for (const action of actions) {
  files.set(`actions/${action.name}/action.yml`, actionYml(action));
  const readme = `actions/${action.name}/README.md`;
  files.set(readme, withTables(await readFile(join(root, readme), 'utf8'), action, readme));
}
files.set('mlops.schema.json', `${JSON.stringify(await configSchema(actions), null, 2)}\n`);
files.set('verdict.schema.json', `${JSON.stringify(recordSchema('verdict.json', verdictSchema), null, 2)}\n`);
const { trainingSchema } = await import('../../../actions/docker-build-push/src/proof/predicate.ts');
files.set(
  'training.schema.json',
  `${JSON.stringify(recordSchema('training.json', trainingSchema), null, 2)}\n`,
);
files.set('workflows/segments.yml', await segmentsWorkflow());
const readme = await readFile(join(root, 'README.md'), 'utf8');
files.set(
  'README.md',
  between(
    between(readme, 'actions', actionTable(actions), 'README.md'),
    'workflows',
    await workflowTable(),
    'README.md',
  ),
);

const changed: string[] = [];
for (const [path, content] of files) {
  const before = await readFile(join(root, path), 'utf8').catch(() => undefined);
  if (before === content) continue;
  changed.push(path);
  if (!values.check) await writeFile(join(root, path), content);
}
if (values.check && changed.length) {
  console.error(
    `Not in sync with the declarations:\n${changed.map((path) => `  ${path}`).join('\n')}\nRun 'pnpm generate' and commit the result.`,
  );
  process.exitCode = 1;
} else
  console.log(
    changed.length ? `Generated ${changed.join(', ')}` : `All ${files.size} generated files are in sync.`,
  );

async function declarationOf(name: string): Promise<Action> {
  const { action } = (await import(join(root, 'actions', name, 'src/action.ts'))) as { action: Action };
  const named = [
    ['description', action.description],
    ...Object.entries(action.inputs).map(([input, { description }]) => [`input '${input}'`, description]),
    ...Object.entries(action.outputs).map(([output, description]) => [`output '${output}'`, description]),
  ] as const;
  for (const [what, description] of named)
    if (!description?.trim()) throw new Error(`actions/${name}/src/action.ts: ${what} has no description`);
  if (action.name !== name)
    throw new Error(`actions/${name}/src/action.ts: the name must be '${name}', not '${action.name}'`);
  return action;
}

function actionTable(all: readonly Action[]): string {
  const rows = all.map(
    ({ name, description }) => `| [\`${name}\`](actions/${name}/README.md) | ${description.split('\n')[0]} |`,
  );
  return ['| Action | What it does |', '| --- | --- |', ...rows].join('\n');
}
