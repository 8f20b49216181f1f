import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from './root.ts';

/** The most jobs that one training may have; the first one stands in train.yml. */
const mostSegments = 8;

/**
 * workflows/segments.yml, whose jobs go on with a training one after the other: each is the job of train.yml once more.
 * A workflow cannot call itself, and has no loops; and in a workflow of their own, jobs that a training does not need
 * are one line in a run instead of seven.
 */
export async function segmentsWorkflow(): Promise<string> {
  const source = await readFile(join(root, 'workflows', 'train.yml'), 'utf8');
  const job = part(source, /^ {2}train:\n {4}name: Train\n((?: {4}.*\n|\n)+)/m);
  const taken = part(source, /^( {4}inputs:\n[\s\S]*?)^ {4}outputs:\n/m);
  const numbers = [...Array(mostSegments - 1).keys()].map((i) => i + 2);
  return `# Goes on with a training that its first job did not finish: train.yml calls this. Generated from that file.
name: segments
on:
  workflow_call:
${taken}    outputs:
${outputs(source, numbers)}
permissions: {}

jobs:
${numbers.map((number) => segment(number, job)).join('')}`;
}

function segment(number: number, job: string): string {
  const isLast = number === mostSegments;
  const rest = job.replace("${{ inputs.segments <= 1 && 'fail' || 'pass' }}", () =>
    isLast ? 'fail' : `\${{ inputs.segments <= ${number} && 'fail' || 'pass' }}`,
  );
  if (rest === job) throw new Error('workflows/train.yml: the input if-unfinished is not what is expected');
  const after = `segment-${number - 1}`;
  const condition =
    number === 2
      ? ''
      : `    needs: ${after}
    if: \${{ inputs.segments >= ${number} && needs.${after}.outputs.finished == 'false' }}
`;
  return `  segment-${number}:\n    name: Segment ${number}\n${condition}${rest}`;
}

/** What the last job that ran has to say. */
function outputs(source: string, numbers: readonly number[]): string {
  const { on } = parse(source) as {
    on: { workflow_call: { outputs: Record<string, { description: string }> } };
  };
  const lines = Object.entries(on.workflow_call.outputs).map(([name, { description }]) => {
    const values = numbers.toReversed().map((number) => `jobs.segment-${number}.outputs.${name}`);
    return `      ${name}:
        description: ${description}
        value: >-
          \${{ ${values.join('\n          || ')} }}
`;
  });
  return lines.join('');
}

function part(source: string, pattern: RegExp): string {
  const found = pattern.exec(source)?.[1];
  if (!found) throw new Error(`workflows/train.yml: nothing fits ${pattern}`);
  return found;
}
