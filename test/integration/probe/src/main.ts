import { annotate, choice, defineAction, mask, run, text, UserError } from '@mlops/core';
import { script } from '@mlops/core/process';

/** An action that does what the runtime must cope with. */
const action = defineAction({
  name: 'train',
  title: 'Probe',
  description: 'Does what it is told.',
  branding: { icon: 'cpu', color: 'blue' },
  inputs: {
    does: choice(['succeed', 'user-error', 'bug', 'annotate', 'leak', 'wait', 'command'], {
      description: 'What.',
      default: 'succeed',
    }),
    token: text({ description: 'Secret.', secret: true }),
  },
  outputs: { 'first-output': 'Known early.', 'second-output': 'Known late.' },
  post: true,
});

await run(
  action,
  async () => async (inputs, context) => {
    context.outputs.firstOutput = 'early';
    context.summary.push('## Summary so far');
    switch (inputs.does) {
      case 'user-error':
        throw new UserError("the metric 'acc' is missing", {
          advice: 'Add it.',
          file: 'metrics.json',
          line: 3,
        });
      case 'bug':
        throw new TypeError('x is not a function');
      case 'annotate':
        for (let i = 1; i <= 12; i++) annotate('warning', `number ${i}`);
        break;
      case 'leak':
        mask('s3cret');
        context.outputs.secondOutput = 'contains s3cret here';
        context.summary.push('the token is s3cret');
        context.record.trainings.push({ name: 's3cret' } as never);
        return;
      case 'wait':
        await script('touch started; sleep 600', { cwd: context.workingDirectory, signal: context.signal });
        break;
      case 'command':
        await script('echo "no such table" >&2; exit 4');
        break;
    }
    context.outputs.secondOutput = 2;
  },
  async () => async () => {
    console.log('post ran');
  },
);
