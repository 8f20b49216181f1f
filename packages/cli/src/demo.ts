import { parseArgs } from 'node:util';
import { UserError } from '@mlops/core';
import { Progress } from './demo/progress.ts';
import { prepareProject, setParameter } from './demo/project.ts';
import { showResult } from './demo/result.ts';
import { runEvent } from './demo/run-event.ts';
import { foldersWith } from './root.ts';

const usage = `Usage: pnpm demo [options]

Runs an example's whole pipeline on this machine, through a real workflow engine: train, gate, package, deploy, report.
The example is copied to .demo/<name>/repository; change something there and run the demo again.

  --example NAME    folder of examples/ (default tabular-sklearn)
  --event EVENT     push, pull_request, tag or schedule (default push)
  --set KEY=VALUE   change a parameter in params.yaml first, such as train.learning_rate=0.2; may be repeated
  --keep            leave the deployed model serving
  --fresh           start anew: forget the copy, its caches and its records
  --help            show this text
`;

const events = ['push', 'pull_request', 'tag', 'schedule'] as const;
export type DemoEvent = (typeof events)[number];

try {
  await demo();
} catch (error) {
  if (!(error instanceof UserError) && !(error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS_'))
    throw error;
  console.error(error instanceof UserError ? String(error) : (error as Error).message);
  process.exitCode = 1;
}

async function demo(): Promise<void> {
  const { values } = parseArgs({
    options: {
      example: { type: 'string', default: 'tabular-sklearn' },
      event: { type: 'string', default: 'push' },
      set: { type: 'string', multiple: true, default: [] },
      keep: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const event = events.find((one) => one === values.event);
  if (!event)
    throw new UserError(`the event '${values.event}' is not known`, {
      advice: `Events: ${events.join(', ')}.`,
    });
  const examples = await foldersWith('examples', 'mlops.yaml');
  if (!examples.includes(values.example))
    throw new UserError(`there is no example '${values.example}'`, {
      advice: `Examples: ${examples.join(', ')}.`,
    });

  const progress = new Progress();
  const project = await prepareProject(values.example, { fresh: values.fresh }, progress);
  for (const assignment of values.set) await setParameter(project, assignment);
  const run = await runEvent(project, event, progress);
  await showResult(project, run, { keep: values.keep }, progress);
}
