export { aboutRun } from './about-run.ts';
export { type AboutRun, assemble } from './assemble.ts';
export { fromOtherJobs, type HandedOn } from './other-jobs.ts';
export { filesOfPart, keptFiles, partPrefix } from './parts.ts';
export { recordSoFar } from './record-so-far.ts';
