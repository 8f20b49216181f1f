import { tool } from '@mlops/tools';
import { Example } from './example.ts';

/**
 * examples/vision-pytorch with an environment that is there already, whose interpreter is `python`: the example's own
 * lock brings 3 GB of CUDA along.
 */
export async function openVision(): Promise<{ example: Example; python: string }> {
  const python = await tool('python-torch');
  const example = await Example.open({ name: 'vision-pytorch' });
  await example.edit('mlops.yaml', '  cuda: auto', `  install: false\n  python-version: ${python}`);
  return { example, python };
}

/** Parameters for a training of a few seconds, whose epochs have 135 batches. */
export async function shorten(example: Example, epochs: number, checkpointsPerEpoch: number): Promise<void> {
  await example.edit('params.yaml', 'epochs: 100', `epochs: ${epochs}`);
  await example.edit('params.yaml', 'batch_size: 64', 'batch_size: 8');
  await example.edit(
    'params.yaml',
    'checkpoints_per_epoch: 4',
    `checkpoints_per_epoch: ${checkpointsPerEpoch}`,
  );
}
