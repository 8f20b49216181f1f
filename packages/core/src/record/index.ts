export { jobRecordPath } from './job-record.ts';
export * from './schema.ts';
