import type { MappingDefinition } from '@actions/workflow-parser/templates/schema/mapping-definition';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import { getWorkflowSchema, isString } from './parser.ts';
import { entries } from './workflow.ts';

export type Level = 'none' | 'read' | 'write';

/** Permissions of a job's token by scope; a scope that is absent is 'none'. */
export type Permissions = Map<string, Level>;

/**
 * What a token may do where no `permissions` stands anywhere above: GitHub's restricted default, which new
 * repositories and organizations have.
 */
export const restrictedDefault: Permissions = new Map([
  ['contents', 'read'],
  ['packages', 'read'],
]);

const levels: Level[] = ['none', 'read', 'write'];

export function permissionsOf(token: TemplateToken): Permissions {
  if (isString(token)) return everything(token.value === 'write-all' ? 'write' : 'read');
  return new Map(
    entries(token).flatMap(({ key, value }) =>
      isString(value) ? [[key.value, value.value as Level] as const] : [],
    ),
  );
}

/** Scopes for which more is requested than granted, as GitHub compares them before it starts a run. */
export function excess(
  requested: Permissions,
  granted: Permissions,
): { scope: string; wants: Level; has: Level }[] {
  return [...requested]
    .map(([scope, wants]) => ({ scope, wants, has: granted.get(scope) ?? ('none' as const) }))
    .filter(({ wants, has }) => levels.indexOf(wants) > levels.indexOf(has));
}

/** `read-all` and `write-all`: the level for every scope that the schema knows, where the scope has that level. */
function everything(level: Level): Permissions {
  const { properties } = getWorkflowSchema().getDefinition('permissions-mapping') as MappingDefinition;
  return new Map(
    Object.entries(properties).map(([scope, { type }]) => [
      scope,
      type === 'permission-level-read-or-no-access' ? 'read' : level,
    ]),
  );
}
