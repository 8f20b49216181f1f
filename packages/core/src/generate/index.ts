export { actionYml } from './action-yml.ts';
export { configSchema } from './json-schema.ts';
export { between, withTables } from './readme-tables.ts';
