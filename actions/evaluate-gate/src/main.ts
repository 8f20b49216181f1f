import { run } from '@mlops/core';
import { action } from './action.ts';
import { gate } from './run.ts';

await run(action, gate);
