import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { compactDescription, type Description } from '../src/github-api/compact.ts';
import { DOWNLOAD_TIMEOUT_MS, loadDescription } from '../src/github-api/index.ts';
import { createRouter } from '../src/github-api/router.ts';
import { createSchemas } from '../src/github-api/schemas.ts';

let description: Description;
beforeAll(async () => {
  description = await loadDescription();
}, DOWNLOAD_TIMEOUT_MS);

describe('routes', () => {
  test('every operation is found by an address made from its template, with its parameters', () => {
    const router = createRouter(description.operations);
    // Names that stand literally in another template at the same place would be that other operation.
    const segment = fc.stringMatching(/^[a-z0-9._ %#?@-]{1,12}$/).map((text) => `~${text}`);
    const routable = description.operations.filter(({ path }) => !path.includes('...'));
    fc.assert(
      fc.property(
        fc.constantFrom(...routable),
        fc.array(segment, { minLength: 8, maxLength: 8 }),
        (operation, values) => {
          const expected: Record<string, string> = {};
          const path = operation.path.replace(/\{([^}]+)\}/g, (_, name: string) => {
            expected[name] = values[Object.keys(expected).length] ?? '';
            return encodeURIComponent(expected[name]);
          });
          expect(router.match(operation.method, path)).toEqual({ operation, parameters: expected });
        },
      ),
    );
  });

  test.each([
    ['/repos/o/r/branches/feature/lr/protection', 'repos/get-branch-protection', { branch: 'feature/lr' }],
    ['/repos/o/r/branches/feature/lr', 'repos/get-branch', { branch: 'feature/lr' }],
    ['/repos/o/r/contents/', 'repos/get-content', { path: '' }],
    ['/repos/o/r/contents/a%20b/c.txt', 'repos/get-content', { path: 'a b/c.txt' }],
    ['/repos/o/r/compare/main...a/b', 'repos/compare-commits-with-basehead', { basehead: 'main...a/b' }],
    ['/repos/o/r/issues/comments/7', 'issues/get-comment', { comment_id: '7' }],
  ])('%s is %s', (path, id, parameters) => {
    const match = createRouter(description.operations).match('GET', path);
    expect(match?.operation.id).toBe(id);
    expect(match?.parameters).toEqual({ owner: 'o', repo: 'r', ...parameters });
  });
});

test('nullable schemas, references and parameters become JSON Schema', () => {
  const compact = compactDescription({
    paths: {
      '/things/{id}': {
        get: {
          operationId: 'things/get',
          parameters: [{ $ref: '#/components/parameters/id' }],
          responses: {
            200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/thing' } } } },
          },
        },
      },
    },
    components: {
      parameters: { id: { name: 'id', in: 'path', required: true, schema: { type: 'integer' } } },
      schemas: {
        thing: {
          type: 'object',
          required: ['owner', 'kind', 'description'],
          properties: {
            owner: { nullable: true, allOf: [{ $ref: '#/components/schemas/user' }] },
            kind: { type: 'string', nullable: true, enum: ['a'] },
            description: { type: 'string', description: 'prose' },
          },
        },
        user: { type: 'object', required: ['login'], properties: { login: { type: 'string' } } },
      },
    },
  });
  const schemas = createSchemas(compact);
  const [operation] = compact.operations;
  if (!operation) throw new Error('the operation is missing');
  const problems = (body: object) => schemas.response(operation, 200, body);
  expect(problems({ owner: null, kind: null, description: '' })).toEqual([]);
  expect(problems({ owner: { login: 'x' }, kind: 'a', description: '' })).toEqual([]);
  expect(problems({ owner: {}, kind: 'b', description: null })).not.toEqual([]);
  expect(problems({ owner: null, kind: null })).toEqual(['"description" wasn\'t supplied.']);
  expect(schemas.parameters(operation, { id: '12' })).toEqual({ values: { id: 12 }, problems: [] });
  expect(schemas.parameters(operation, { id: 'x' }).problems).toEqual([
    "For 'properties/id', the value is not an integer.",
  ]);
});

describe('obtaining the description', () => {
  let tools: string;
  beforeEach(async () => {
    tools = await mkdtemp(join(tmpdir(), 'mlops-description-'));
    vi.stubEnv('MLOPS_TOOLS_DIR', tools);
    vi.resetModules();
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(tools, { recursive: true, force: true });
  });

  const load = async () => (await import('../src/github-api/description.ts')).loadDescription();
  const folder = () => join(tools, 'github-openapi', '23.0.2');

  test('says what to do when the download fails', async () => {
    vi.stubEnv('npm_config_registry', `http://127.0.0.1:${await closedPort()}`);
    vi.stubEnv('npm_config_fetch_retries', '0');
    vi.stubEnv('npm_config_cache', join(tools, 'npm-cache'));
    const failure = load();
    await expect(failure).rejects.toThrow('`npm pack @octokit/openapi@23.0.2` failed:');
    await expect(failure).rejects.toThrow('ECONNREFUSED');
    await expect(failure).rejects.toThrow(`put it here: ${join(folder(), 'octokit-openapi-23.0.2.tgz')}`);
    expect(await readdir(folder())).toEqual([]);
  }, 60_000);

  test('refuses a file that is not the published one', async () => {
    await mkdir(folder(), { recursive: true });
    await writeFile(join(folder(), 'octokit-openapi-23.0.2.tgz'), 'something else');
    await expect(load()).rejects.toThrow('is not the published @octokit/openapi@23.0.2');
  });
});

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
