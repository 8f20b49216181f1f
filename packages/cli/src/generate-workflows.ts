import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from './root.ts';

/** The README's table of reusable workflows, from each file's first comment and inputs. */
export async function workflowTable(): Promise<string> {
  const names = (await readdir(join(root, 'workflows'))).filter((name) => name.endsWith('.yml')).sort();
  const rows = await Promise.all(names.map(row));
  return ['| Workflow | What it does | Inputs |', '| --- | --- | --- |', ...rows].join('\n');
}

async function row(name: string): Promise<string> {
  const text = await readFile(join(root, 'workflows', name), 'utf8');
  const summary = /^# (.+)$/m.exec(text)?.[1];
  if (!summary) throw new Error(`workflows/${name}: the first line must be a comment that says what it does`);
  const { on } = parse(text) as { on: { workflow_call: { inputs?: Record<string, unknown> } } };
  const inputs = Object.keys(on.workflow_call.inputs ?? {}).map((input) => `\`${input}\``);
  return `| [\`${name}\`](workflows/${name}) | ${summary} | ${inputs.join(', ')} |`;
}
