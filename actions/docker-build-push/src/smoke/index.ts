export { SmokeFailure, type SmokeOptions, type SmokeReport, smokeTest } from './smoke-test.ts';
