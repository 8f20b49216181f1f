import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { buildConfig } from '../src/model/config.ts';
import { factsSchema, type ModelFacts } from '../src/model/index.ts';
// As schema/config-schema.json stands in the repository of the specification, at d78bf32.
import schema from './fixtures/model-config-schema.json' with { type: 'json' };

const ajv = new Ajv2020();
formats.default(ajv);
const isValid = ajv.compile(schema);

const value = fc.constantFrom<unknown>(
  ...[
    'text',
    '',
    'en',
    'English',
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.5+02:00',
    'yesterday',
    5,
    true,
  ],
  ...[
    ['text'],
    ['embedding', 'other'],
    ['smell'],
    ['en', 'zh'],
    ['English'],
    [],
    [5],
    {},
    { reasoning: true },
  ],
  ...[
    { inputTypes: ['text'], languages: ['en'], knowledgeCutoff: '2026-01-01T00:00:00Z' },
    { inputTypes: 'text' },
  ],
);
const names = (part: 'ModelDescriptor' | 'ModelConfig') => Object.keys(schema.$defs[part].properties);
const part = (of: 'ModelDescriptor' | 'ModelConfig') =>
  fc.dictionary(fc.constantFrom(...names(of), 'unknown'), value, { maxKeys: 3, noNullPrototype: true });

it("allows what the specification's own schema allows, and nothing else", () => {
  const diffIds = [`sha256:${'0'.repeat(64)}`];
  fc.assert(
    fc.property(part('ModelDescriptor'), part('ModelConfig'), (descriptor, config) => {
      const expected = isValid({ descriptor, config, modelfs: { type: 'layers', diffIds } });
      expect(factsSchema.safeParse({ descriptor, config }).success).toBe(expected);
      if (!expected) return;
      const built = JSON.parse(buildConfig({ descriptor, config } as ModelFacts, diffIds).toString());
      expect(isValid(built)).toBe(true);
      expect(built).toMatchObject({ descriptor, config });
    }),
    { numRuns: 2000 },
  );
});
