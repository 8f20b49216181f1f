import { run } from '@mlops/core';
import { action } from './action.ts';
import { report } from './run.ts';

await run(action, report);
