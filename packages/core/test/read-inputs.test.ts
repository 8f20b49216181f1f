import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import {
  choice,
  defineAction,
  duration,
  flag,
  integer,
  list,
  milliseconds,
  structure,
  text,
  textOr,
} from '../src/index.ts';
import { readInputs } from '../src/read-inputs.ts';

const action = defineAction({
  name: 'train',
  title: 'Train',
  description: 'Trains.',
  branding: { icon: 'cpu', color: 'blue' },
  inputs: {
    run: text({ description: 'Command.', required: true }),
    version: text({ description: 'Version.' }),
    cache: choice(['auto', 'off'], { description: 'Cache.', default: 'auto' }),
    force: flag({ description: 'Force.', default: false }),
    jobs: integer({ description: 'Jobs.', min: 1, max: 8, default: 2 }),
    limit: duration({ description: 'Limit.', default: '1h' }),
    files: list({ description: 'Files.', default: [] }),
    rules: structure(async () => z.record(z.string(), z.strictObject({ threshold: z.number() })), {
      description: 'Rules.',
    }),
    script: textOr(async () => z.array(z.strictObject({ name: z.string() })), { description: 'Script.' }),
    token: text({ description: 'Token.', secret: true }),
  },
  outputs: {},
});

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function read(inputs: Record<string, string>, file?: string) {
  const workspace = mkdtempSync(join(tmpdir(), 'mlops-inputs-'));
  folders.push(workspace);
  if (file !== undefined) writeFileSync(join(workspace, 'mlops.yaml'), file);
  mkdirSync(join(workspace, 'sub'));
  const env = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
  );
  return readInputs(action, { GITHUB_WORKSPACE: workspace, ...env });
}

describe('inputs', () => {
  test('are typed, with defaults', async () => {
    const { inputs } = await read({ run: 'python train.py' });
    expect(inputs).toMatchObject({
      run: 'python train.py',
      cache: 'auto',
      force: false,
      jobs: 2,
      limit: '1h',
      files: [],
      workingDirectory: '.',
    });
    expect(inputs.version).toBeUndefined();
  });

  test('come from with: before the overlay, the overlay before the file, the file before the default', async () => {
    const file = `
train: { run: file, jobs: 3, cache: off, version: file }
environments: { staging: { train: { jobs: 4, version: overlay } } }
`;
    const { inputs } = await read(
      { environment: 'staging', version: 'with' },
      file.replace('cache: off', "cache: 'off'"),
    );
    expect(inputs).toMatchObject({ run: 'file', jobs: 4, cache: 'off', version: 'with', limit: '1h' });
  });

  test('of an environment without overlay are those of the file', async () => {
    const { inputs } = await read(
      { environment: 'preview' },
      'train: { run: x }\nenvironments: { production: {} }',
    );
    expect(inputs.environment).toBe('preview');
  });

  test('keep a version as it is spelled in the file', async () => {
    expect((await read({}, 'train: { run: x, version: 3.10 }')).inputs.version).toBe('3.10');
    expect((await read({}, 'train: { run: x, version: 1e3 }')).inputs.version).toBe('1e3');
  });

  test('that are lists stand one a line, or as YAML', async () => {
    expect((await read({ run: 'x', files: 'a\n  b c\n\n' })).inputs.files).toEqual(['a', 'b c']);
    expect((await read({ run: 'x', files: '- a\n- b' })).inputs.files).toEqual(['a', 'b']);
    expect((await read({ run: 'x', files: '[a, b]' })).inputs.files).toEqual(['a', 'b']);
  });

  test('that are structured stand as YAML in with:, too', async () => {
    const { inputs } = await read({ run: 'x', rules: 'accuracy: { threshold: 0.9 }' });
    expect(inputs.rules).toEqual({ accuracy: { threshold: 0.9 } });
  });

  test('that are structured say which keys a mapping has that was written as a value', async () => {
    await expect(read({ run: 'x', rules: 'accuracy: 0.9' })).rejects.toMatchObject({
      message: 'input rules.accuracy: expected a mapping, but got 0.9',
      advice: expect.stringContaining('threshold'),
    });
  });

  test('in a file that is not YAML are refused with its name and line', async () => {
    await expect(read({}, 'train:\n\trun: x')).rejects.toMatchObject({
      message: 'mlops.yaml is not valid YAML: Tabs are not allowed as indentation',
      place: { file: 'mlops.yaml', line: 2 },
    });
  });

  test('that are text or structured keep a script as it stands', async () => {
    const script = 'a: b # c\n[ -f x ] && echo "x: y"\n  exit';
    expect((await read({ run: 'x', script })).inputs.script).toBe(script);
    for (const stages of [
      '- name: a\n- name: b',
      '[{name: a}, {name: b}]',
      '[\n  {"name":"a"},{"name":"b"}]',
    ])
      expect((await read({ run: 'x', script: stages })).inputs.script).toEqual([
        { name: 'a' },
        { name: 'b' },
      ]);
    await expect(read({ run: 'x', script: '- nmae: a' })).rejects.toThrow("unknown key 'nmae'");
  });

  test('that are secret are handed over for masking', async () => {
    expect((await read({ run: 'x', token: 's3cret' })).secrets).toEqual(['s3cret']);
  });

  test('may come from a file with another name, and from a folder below', async () => {
    const workspace = mkdtempSync(join(tmpdir(), 'mlops-inputs-'));
    folders.push(workspace);
    mkdirSync(join(workspace, 'sub'));
    writeFileSync(join(workspace, 'sub', 'other.yaml'), 'train: { run: sub }');
    const env = { GITHUB_WORKSPACE: workspace, 'INPUT_WORKING-DIRECTORY': 'sub', INPUT_CONFIG: 'other.yaml' };
    expect((await readInputs(action, env)).inputs.run).toBe('sub');
  });

  test('read the same from with: as from the file', async () => {
    const values = fc.record({
      jobs: fc.integer({ min: 1, max: 8 }),
      force: fc.boolean(),
      files: fc.array(fc.stringMatching(/^[a-z][a-z0-9_/]{0,10}$/), { maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(values, async ({ jobs, force, files }) => {
        const fromFile = await read({}, JSON.stringify({ train: { run: 'x', jobs, force, files } }));
        const fromWith = await read({
          run: 'x',
          jobs: String(jobs),
          force: String(force),
          files: files.join('\n'),
        });
        expect(fromWith.inputs).toEqual(fromFile.inputs);
      }),
      { numRuns: 25 },
    );
  });
});

test('durations are read in each unit', () => {
  expect(['0', '500ms', '1.5s', '2m', '1h', '1d'].map(milliseconds)).toEqual([
    0, 500, 1500, 120_000, 3_600_000, 86_400_000,
  ]);
});
