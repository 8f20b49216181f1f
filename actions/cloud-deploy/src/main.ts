import { run } from '@mlops/core';
import { action } from './action.ts';
import { deploy } from './run.ts';

await run(action, deploy);
