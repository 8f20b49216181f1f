import { run } from '@mlops/core';
import { action } from './action.ts';

await run(
  action,
  async () => (await import('./run.ts')).buildAndPush,
  async () => (await import('./clean-up.ts')).cleanUp,
);
