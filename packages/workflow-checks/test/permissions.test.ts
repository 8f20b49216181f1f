import fc from 'fast-check';
import { expect, test } from 'vitest';
import { excess, type Level, type Permissions } from '../src/permissions.ts';

const order: Level[] = ['none', 'read', 'write'];
const permissions = fc
  .dictionary(fc.constantFrom('contents', 'packages', 'id-token', 'checks'), fc.constantFrom(...order))
  .map((levels): Permissions => new Map(Object.entries(levels)));

test('nothing is in excess exactly when every scope asks for no more than is granted', () => {
  fc.assert(
    fc.property(permissions, permissions, (requested, granted) => {
      const rank = (of: Permissions, scope: string) => order.indexOf(of.get(scope) ?? 'none');
      const scopes = [...requested.keys(), ...granted.keys()];
      const fits = scopes.every((scope) => rank(requested, scope) <= rank(granted, scope));
      expect(excess(requested, granted).length === 0).toBe(fits);
    }),
  );
});
