export { type Action, defineAction, type InputsOf, type OutputsOf } from './action.ts';
export { bytesText } from './bytes-text.ts';
export { messageOf, type Place, throwAll, UserError, UserErrors } from './errors.ts';
export type { GitHub, Payload } from './github.ts';
export {
  choice,
  duration,
  flag,
  type Input,
  integer,
  list,
  milliseconds,
  number,
  structure,
  text,
  textOr,
} from './input.ts';
export { code, plain, table } from './markdown.ts';
export { nearest, suggest } from './nearest.ts';
export { DeadlineError, type RetryOptions, retry, type WaitOptions, waitFor } from './retry.ts';
export { type Context, run } from './run.ts';
export {
  addPath,
  annotate,
  debug,
  exportVariable,
  group,
  mask,
  readState,
  saveState,
} from './runner.ts';
export { show } from './schema-problems.ts';
