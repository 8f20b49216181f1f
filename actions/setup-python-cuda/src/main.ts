import { run } from '@mlops/core';
import { action } from './action.ts';
import { saveCache } from './post.ts';
import { setUp } from './run.ts';

await run(action, setUp, saveCache);
