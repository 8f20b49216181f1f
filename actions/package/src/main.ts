import { run } from '@mlops/core';
import { action } from './action.ts';
import { packageModel } from './run.ts';

await run(action, packageModel);
