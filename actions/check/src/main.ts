import { run } from '@mlops/core';
import { action } from './action.ts';
import { check } from './run.ts';

await run(action, check);
