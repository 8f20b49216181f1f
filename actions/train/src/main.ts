import { run } from '@mlops/core';
import { action } from './action.ts';
import { train } from './run.ts';

await run(action, train);
