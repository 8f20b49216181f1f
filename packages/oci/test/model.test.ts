import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manifestSchema } from '../src/index.ts';
import { modelConfigSchema, type PackOptions, packModel } from '../src/model/index.ts';
import { kindOf, rawType, readLayerType } from '../src/model/kinds.ts';
import { checkPaths, isPortable } from '../src/model/paths.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oci-model-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Record<string, string | Buffer>, root = folder): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}
const contentOf = async (options?: PackOptions) => {
  const pack = await packModel(folder, options);
  return {
    pack,
    kinds: Object.fromEntries(pack.files.map(({ path, kind }) => [path, kind])),
    manifest: manifestSchema.parse(JSON.parse(pack.manifest.bytes.toString())),
    config: modelConfigSchema.parse(JSON.parse(pack.config.bytes.toString())),
  };
};

describe('packModel', () => {
  it('makes a manifest and a configuration of the model specification', async () => {
    await write({
      'model.safetensors': 'weights',
      'config.json': '{}',
      'README.md': 'read',
      'src/serve.py': '',
    });
    const { pack, manifest, config } = await contentOf({
      facts: {
        descriptor: { name: 'tumor', createdAt: '2026-01-01T00:00:00Z' },
        config: { paramSize: '7b' },
      },
      annotations: { b: '2', a: '1' },
    });
    expect(manifest).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.cncf.model.manifest.v1+json',
      config: { mediaType: 'application/vnd.cncf.model.config.v1+json', size: pack.config.bytes.length },
    });
    expect(Object.keys(manifest.annotations ?? {})).toEqual(['a', 'b']);
    expect(
      manifest.layers.map(({ mediaType, annotations }) => [
        annotations?.['org.cncf.model.filepath'],
        mediaType,
      ]),
    ).toEqual([
      ['README.md', 'application/vnd.cncf.model.doc.v1.raw'],
      ['config.json', 'application/vnd.cncf.model.weight.config.v1.raw'],
      ['model.safetensors', 'application/vnd.cncf.model.weight.v1.raw'],
      ['src/serve.py', 'application/vnd.cncf.model.code.v1.raw'],
    ]);
    expect(JSON.parse(manifest.layers[3]?.annotations?.['org.cncf.model.file.metadata+json'] ?? '')).toEqual({
      ...{
        name: 'serve.py',
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: 0,
        mtime: '1970-01-01T00:00:00Z',
        typeflag: 0,
      },
    });
    expect(config).toEqual({
      descriptor: { createdAt: '2026-01-01T00:00:00Z', name: 'tumor' },
      modelfs: { type: 'layers', diffIds: manifest.layers.map(({ digest }) => digest) },
      config: { format: 'safetensors', paramSize: '7b' },
    });
  });

  it('gives the same bytes for the same files and facts, whenever and however they are written', async () => {
    const files = { 'b/model.onnx': 'weights', 'a.py': 'code', 'Z.md': 'docs', 'ä.json': '{}' };
    await write(files);
    const first = await packModel(folder, { facts: { descriptor: { name: 'a', version: '1' } } });
    await rm(folder, { recursive: true });
    await write(Object.fromEntries(Object.entries(files).reverse()));
    await utimes(join(folder, 'a.py'), 0, 0);
    const second = await packModel(folder, { facts: { descriptor: { version: '1', name: 'a' } } });
    expect(second.manifest).toEqual(first.manifest);
    expect(second.config).toEqual(first.config);
    await write({ 'a.py': 'codE' });
    expect((await packModel(folder)).manifest.descriptor.digest).not.toBe(first.manifest.descriptor.digest);
  });

  it('refuses facts that the specification does not have', async () => {
    await write({ 'model.pt': 'x' });
    const facts = { descriptor: { createdAt: 'yesterday' } };
    await expect(packModel(folder, { facts })).rejects.toThrow(
      "the fact 'descriptor.createdAt' about the model is not allowed",
    );
    const unknown = { config: { size: '7b' } } as object;
    await expect(packModel(folder, { facts: unknown })).rejects.toThrow(/the fact 'config' .*size/);
  });

  it('refuses pointers of Git LFS, all in one go, and says how to get the files', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n';
    await write({ 'a.bin': pointer, 'b/c.bin': pointer, 'd.bin': 'version 1' });
    const error = await packModel(folder).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(
      /'a.bin' is a pointer of Git LFS[\s\S]*git lfs pull[\s\S]*'b\/c.bin' is a pointer/,
    );
    expect(String(error)).not.toContain('d.bin');
  });

  it('takes the content behind links, leaves out what is hidden, and refuses what is no file', async () => {
    await write({ 'real.bin': 'shared', '.git/config': 'x', '.cache/x.lock': '', '__pycache__/a.pyc': '' });
    await symlink('real.bin', join(folder, 'model.bin'));
    expect(Object.keys((await contentOf()).kinds)).toEqual(['model.bin', 'real.bin']);
    await symlink('/', join(folder, 'everything'));
    await expect(packModel(folder)).rejects.toThrow(/'everything' in '.*' is no file/);
  });

  it('refuses folders that are missing or empty', async () => {
    await expect(packModel(folder)).rejects.toThrow(/there are no files of a model/);
    await expect(packModel(join(folder, 'none'))).rejects.toMatchObject({
      name: 'UserError',
      message: /cannot be read/,
    });
  });
});

describe('a Kitfile', () => {
  const kitfile = `manifestVersion: 1.0
package: { name: tumor, version: 1.0, description: Says whether, authors: [Ada], license: MIT }
model: { name: trees, path: weights/, license: Apache-2.0, format: skops, parts: [{ path: lora.dat }] }
code: [{ path: src, description: serves }]
datasets: [{ path: ./table.txt }]
docs: [{ path: notes.py }]
`;
  const files = {
    Kitfile: kitfile,
    'weights/part-0': 'w',
    'weights/config.json': '{}',
    'weights/data/x': 'w',
    'lora.dat': 'l',
    'src/a.bin': 'c',
    'table.txt': 't',
    'notes.py': 'n',
    'other.txt': 'not named',
  };

  it('says what is packed, as what, and facts', async () => {
    await write(files);
    const { kinds, config } = await contentOf({ facts: { descriptor: { version: '2' } } });
    expect(kinds).toEqual({
      Kitfile: 'weight.config',
      'lora.dat': 'weight',
      'notes.py': 'doc',
      'src/a.bin': 'code',
      'table.txt': 'dataset',
      'weights/config.json': 'weight.config',
      'weights/data/x': 'weight',
      'weights/part-0': 'weight',
    });
    expect(config).toMatchObject({
      descriptor: {
        authors: ['Ada'],
        name: 'trees',
        version: '2',
        description: 'Says whether',
        licenses: ['Apache-2.0'],
      },
      config: { format: 'skops' },
    });
    await write({ Kitfile: kitfile.replace('1.0, desc', '1.10, desc') });
    expect((await contentOf()).config.descriptor.version).toBe('1.10');
  });

  it.each([
    ['model: { path: ../secret }', "'../secret' is not below the folder of the Kitfile"],
    ['code: [{ path: /etc }]', "'/etc' is not below the folder of the Kitfile"],
    ['code: [{ path: none }]', "there is nothing at 'none'"],
    ['code: nothing', "'code' is not what a Kitfile has there"],
    ['code: [', 'Kitfile:1: '],
  ])('with %s is refused', async (content, problem) => {
    await write({ ...files, Kitfile: content });
    const error = await packModel(folder).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'UserError', place: { file: 'Kitfile' } });
    expect(String(error)).toContain(problem);
  });
});

it.each([
  ['model.safetensors', 'weight'],
  ['a/pytorch_model-00001-of-00002.bin', 'weight'],
  ['model.UBJ', 'weight'],
  ['model.txt', 'weight'],
  ['model.safetensors.index.json', 'weight.config'],
  ['tokenizer.model', 'weight.config'],
  ['generation_config.json', 'weight.config'],
  ['MLmodel', 'weight.config'],
  ['conda.yaml', 'code'],
  ['requirements-dev.txt', 'code'],
  ['modeling.py', 'code'],
  ['notebook.ipynb', 'code'],
  ['LICENSE', 'doc'],
  ['MODEL_CARD.md', 'doc'],
  ['notes.txt', 'doc'],
  ['data/train.json', 'dataset'],
  ['test.parquet', 'dataset'],
] as const)('%s is %s', (path, kind) => {
  expect(kindOf(path, 1)).toEqual({ kind, guessed: false });
  expect(readLayerType(rawType(kind))).toEqual({ kind, form: 'raw' });
});

it('guesses by size what no name tells', () => {
  expect(kindOf('blob', 1)).toEqual({ kind: 'code', guessed: true });
  expect(kindOf('blob', 1e9)).toEqual({ kind: 'weight', guessed: true });
});

describe('paths', () => {
  it('that are portable stay below any folder', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom('..', '.', '', 'a', 'C:', '\\', 'con'), fc.string()), {
          minLength: 1,
        }),
        (parts) => {
          const path = parts.join('/');
          if (isPortable(path)) expect(join('/root', path)).toBe(`/root/${path}`);
          else expect(() => checkPaths([path], 'x')).toThrow(/is no path below a folder/);
        },
      ),
    );
  });

  it.each([
    '../a',
    '/a',
    'a/../../b',
    'a\\b',
    'C:/a',
    'a:stream',
    'a/',
    '',
    'a//b',
    './a',
    'nul',
    'a/COM1.txt',
    'a.',
    'a\0b',
  ])('%j is none', (path) => {
    expect(isPortable(path)).toBe(false);
  });

  it('that cannot stand beside each other are refused', () => {
    expect(() => checkPaths(['a/b', 'A/B'], 'x')).toThrow(/same file on some systems/);
    expect(() => checkPaths(['a/b/c', 'a'], 'x')).toThrow(/'a' is a file, and a folder with 'a\/b\/c' in it/);
    checkPaths(['a/b', 'a/c', 'ab'], 'x');
  });
});
