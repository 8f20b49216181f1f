import { run } from '@mlops/core';
import { action } from './action.ts';

await run(
  action,
  async () => (await import('./run.ts')).train,
  async () => (await import('./post.ts')).keepCheckpoint,
);
