export { actionYml } from './action-yml.ts';
export { configSchema, recordSchema } from './json-schema.ts';
export { between, withTables } from './readme-tables.ts';
