import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ArtifactServer, artifactFiles, startArtifactServer } from '@mlops/testkit/engine';
import { type ActionOptions, type ActionResult, fakeRunner, runAction } from '@mlops/testkit/runner-files';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeArchive } from '../../actions/package/src/archive.ts';
import { expand } from '../../actions/package/src/contents.ts';
import { digest, job, training } from './origin.ts';

const action = fileURLToPath(new URL('../../actions/package', import.meta.url));

let root: string;
let folder: string;
const results: ActionResult[] = [];
const servers: ArtifactServer[] = [];
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'package-')));
  folder = join(root, 'project');
  await mkdir(folder);
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  for (const result of results.splice(0)) await result.runner.remove();
  await rm(root, { recursive: true, force: true, maxRetries: 3 });
});

async function write(files: Record<string, string>, where = folder): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(where, path)), { recursive: true });
    await writeFile(join(where, path), content);
  }
}

async function pack(inputs: Record<string, string>, options: ActionOptions = {}): Promise<ActionResult> {
  const result = await runAction(action, { workspace: folder, inputs, ...options });
  results.push(result);
  return result;
}

const errors = ({ annotations }: ActionResult) =>
  annotations.flatMap(({ level, message }) => (level === 'error' ? [message] : []));

interface Unpacked {
  manifest: {
    name: string;
    model: { path: string };
    files: { path: string; digest: string; bytes: number }[];
  };
  /** Names as tar lists them, in the archive's order. */
  names: string[];
  /** Where tar has unpacked it. */
  folder: string;
}

/** Reads an archive back with the machine's own tar. */
async function unpack(archive: string): Promise<Unpacked> {
  const into = await mkdtemp(join(root, 'unpacked-'));
  execFileSync('tar', ['-xpf', archive, '-C', into]);
  const manifest = JSON.parse(
    await readFile(join(into, 'mlops-package.json'), 'utf8'),
  ) as Unpacked['manifest'];
  const listed = execFileSync('tar', ['--quoting-style=literal', '-tf', archive], { encoding: 'utf8' });
  return { manifest, names: listed.trimEnd().split('\n'), folder: into };
}

async function contentOf(where: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(where, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found[path.slice(where.length + 1)] = await readFile(path, 'latin1');
  }
  delete found['mlops-package.json'];
  return found;
}

const sha256 = (content: string) => `sha256:${createHash('sha256').update(content, 'latin1').digest('hex')}`;

const project = {
  'model/weights.bin': 'weights',
  'model/config.json': '{}',
  'serve.py': 'serve()',
  'src/a.py': 'a',
};
const inputs = { model: 'model', include: 'serve.py\nsrc' };

describe('the archive', () => {
  test('holds the manifest first, and then what it names', async () => {
    await write(project);
    const result = await pack(inputs);
    expect(errors(result)).toEqual([]);
    const { manifest, names, folder: unpacked } = await unpack(result.outputs['package-path'] ?? '');
    const paths = ['model/config.json', 'model/weights.bin', 'serve.py', 'src/a.py'];
    expect(names).toEqual(['mlops-package.json', ...paths]);
    expect(await contentOf(unpacked)).toEqual(project);
    expect(manifest).toMatchObject({ schema: 1, name: 'model-package', model: { path: 'model' } });
    expect(manifest.files).toEqual(
      paths.map((path) => {
        const content = project[path as keyof typeof project];
        return { path, digest: sha256(content), bytes: content.length };
      }),
    );
    const bytes = await readFile(result.outputs['package-path'] ?? '', 'latin1');
    expect(result.outputs['package-digest']).toBe(sha256(bytes));
    expect(result.outputs.bytes).toBe(String(bytes.length));
  });

  test('of the same content has the same bytes, in another folder and with other times', async () => {
    await write(project);
    const other = join(root, 'elsewhere', 'deep');
    await write(Object.fromEntries(Object.entries(project).reverse()), other);
    for (const path of Object.keys(project)) await utimes(join(other, path), 1e9, 1e9);
    const runs = [await pack(inputs), await pack(inputs), await pack(inputs, { workspace: other })];
    const [digest, ...others] = runs.map(({ outputs }) => outputs['package-digest']);
    expect(others).toEqual([digest, digest]);
    await writeFile(join(other, 'serve.py'), 'serve(1)');
    expect((await pack(inputs, { workspace: other })).outputs['package-digest']).not.toBe(digest);
  });

  test('keeps the right to execute, and no other right', async () => {
    await write({ ...project, 'start.sh': '#!/bin/sh\nexit 0\n' });
    await chmod(join(folder, 'start.sh'), 0o700);
    await chmod(join(folder, 'serve.py'), 0o600);
    const result = await pack({ model: 'model', include: 'start.sh\nserve.py' });
    const listed = execFileSync('tar', ['-tvf', result.outputs['package-path'] ?? ''], { encoding: 'utf8' });
    expect(listed).toMatch(/^-rwxr-xr-x 0\/0 .*1970-01-01.* start\.sh$/m);
    expect(listed).toMatch(/^-rw-r--r-- 0\/0 .*1970-01-01.* serve\.py$/m);
  });

  test('holds files of any name that others can have, too', async () => {
    const names = [
      'with space/ünï ☃ 😀.py',
      `${'long/'.repeat(60)}${'n'.repeat(200)}.txt`,
      `${'x'.repeat(99)}/y`,
      `${'x'.repeat(100)}`,
      `${'p'.repeat(155)}/${'q'.repeat(100)}`,
      '-rf',
      '*.py',
      'it\'s "quoted"',
    ];
    const files = Object.fromEntries(names.map((name, i) => [`data/${name}`, `content ${i}`]));
    await write({ ...files, m: '' });
    const result = await pack({ model: 'm', include: 'data' });
    expect(errors(result)).toEqual([]);
    const { folder: unpacked, names: listed } = await unpack(result.outputs['package-path'] ?? '');
    expect(await contentOf(unpacked)).toEqual(
      Object.fromEntries(Object.entries({ ...files, m: '' }).map(([k, v]) => [k, v])),
    );
    expect(listed).toHaveLength(names.length + 2);
  });

  test('of a file of 100 MB is written in bounded memory', async () => {
    const path = join(folder, 'model.bin');
    const file = await open(path, 'w');
    const chunk = Buffer.alloc(1024 * 1024, 7);
    for (let i = 0; i < 100; i++) await file.write(chunk);
    await file.close();
    const probe = join(root, 'peak.mjs');
    await writeFile(
      probe,
      "process.on('exit', () => console.log(`peak ${process.resourceUsage().maxRSS}`));\n",
    );
    const result = await pack({ model: 'model.bin' }, { env: { NODE_OPTIONS: `--import=${probe}` } });
    expect(errors(result)).toEqual([]);
    const peakKiB = Number(/^peak (\d+)$/m.exec(result.stdout)?.[1]);
    expect(peakKiB).toBeGreaterThan(10_000);
    expect(peakKiB).toBeLessThan(250_000);
    const hash = createHash('sha256');
    for await (const part of createReadStream(result.outputs['package-path'] ?? ''))
      hash.update(part as Buffer);
    expect(result.outputs['package-digest']).toBe(`sha256:${hash.digest('hex')}`);
  });
});

describe('what is packed', () => {
  async function packed(include: string): Promise<string[]> {
    const result = await pack({ model: 'm', include });
    if (result.exitCode !== 0) throw new Error(errors(result).join('\n'));
    const { manifest } = await unpack(result.outputs['package-path'] ?? '');
    return manifest.files.map(({ path }) => path).filter((path) => path !== 'm');
  }

  test('is what globs, folders and files name, each once', async () => {
    await write({ m: '', 'a.py': '', 'b.txt': '', 'src/x.py': '', 'src/deep/y.py': '', 'src/z.md': '' });
    expect(await packed('*.py')).toEqual(['a.py']);
    expect(await packed('**/*.py')).toEqual(['a.py', 'src/deep/y.py', 'src/x.py']);
    expect(await packed('src\n./src/\nsrc/x.py\nsrc/**')).toEqual(['src/deep/y.py', 'src/x.py', 'src/z.md']);
    expect(await packed('{a,b}.*')).toEqual(['a.py', 'b.txt']);
    expect(await packed(join(folder, 'src', 'deep'))).toEqual(['src/deep/y.py']);
    expect(await packed('.')).toEqual(['a.py', 'b.txt', 'src/deep/y.py', 'src/x.py', 'src/z.md']);
  });

  test('is a path that exists as it is written, whatever characters it has', async () => {
    await write({ m: '', 'run [1]/w{a}.bin': '', 'run 1/other': '', '..hidden': '' });
    expect(await packed('run [1]')).toEqual(['run [1]/w{a}.bin']);
    expect(await packed('run [1]/w{a}.bin\n..hidden')).toEqual(['..hidden', 'run [1]/w{a}.bin']);
  });

  test('is never a cache, an environment or the repository itself', async () => {
    const caches = [
      '.git/config',
      '.venv/x.py',
      'venv/x.py',
      'src/__pycache__/a.pyc',
      'src/b.pyc',
      'node_modules/x.py',
    ];
    await write({ m: '', 'src/a.py': '', ...Object.fromEntries(caches.map((path) => [path, 'x'])) });
    expect(await packed('.')).toEqual(['src/a.py']);
    expect(await packed('**/*')).toEqual(['src/a.py']);
    for (const include of ['.venv', 'src/__pycache__', 'venv/x.py'])
      await expect(packed(include)).rejects.toThrow(`'${include}' matches no file`);
  });

  test('is what symbolic links lead to', async () => {
    await write({ m: '', 'real/a': 'A', 'src/b': 'B' });
    await write({ 'data/c': 'C' }, root);
    await symlink('../real', join(folder, 'src', 'inside'));
    await symlink(join(root, 'data'), join(folder, 'src', 'outside'));
    await symlink('src/b', join(folder, 'link'));
    expect(await packed('src\nlink')).toEqual(['link', 'src/b', 'src/inside/a', 'src/outside/c']);
    const model = await pack({ model: 'link' });
    const { folder: unpacked } = await unpack(model.outputs['package-path'] ?? '');
    expect(await contentOf(unpacked)).toEqual({ link: 'B' });
  });

  test('may be as many files as a tree has', async () => {
    await write({
      m: '',
      ...Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`d/${i % 50}/${i}`, String(i)])),
    });
    expect(await packed('d')).toHaveLength(3000);
  });
});

describe('refused with a word on how to mend it', () => {
  test.each([
    ['a pattern that matches nothing', { include: 'nothing/*.py' }],
    ['an empty folder', { include: 'empty' }],
    ['a path outside', { include: '../secret' }],
    ['a path outside, by way of braces', { include: '{../secret,m}' }],
    ['an absolute path outside', { include: '/etc/hostname' }],
    ['a link to nothing', { include: 'dangling' }],
    ['a link to the folder above it', { include: 'loop' }],
    [
      'a file that has the name of the manifest',
      { 'working-directory': 'unpacked', model: 'mlops-package.json' },
    ],
    ['a name with a backslash', { include: 'odd' }],
    ['a name with a colon', { include: 'drive' }],
    ['a named pipe', { include: 'pipe' }],
    ['a model that is missing', { model: 'modle' }],
    ['a model outside', { model: '../secret' }],
    ['a model that is several', { model: '{m,model}' }],
    ['no model at all', { model: '' }],
  ])('%s', async (_, given) => {
    await write({
      m: '',
      model: '',
      'odd/a\\b': '',
      'drive/C:x': '',
      'loop/x': '',
      'unpacked/mlops-package.json': '{}',
    });
    await write({ secret: 's' }, root);
    await mkdir(join(folder, 'empty'));
    await symlink('nowhere', join(folder, 'dangling'));
    await symlink('..', join(folder, 'loop', 'up'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const result = await pack({ model: 'm', ...given } as Record<string, string>);
    expect(result.exitCode).toBe(1);
    expect(result.stdout).not.toContain('This is a bug');
    expect(errors(result).map((message) => message.replaceAll(root, '$ROOT'))).toMatchSnapshot();
    expect(result.outputs['package-path']).toBeUndefined();
    expect(result.record?.packages).toEqual([]);
  });
});

describe('the artifact', () => {
  async function service(): Promise<{ server: ArtifactServer; env: Record<string, string> }> {
    const server = await startArtifactServer(join(root, 'artifacts'));
    servers.push(server);
    return { server, env: { ACTIONS_RESULTS_URL: server.url, ACTIONS_RUNTIME_TOKEN: server.token('1') } };
  }

  test('holds the archive, once', async () => {
    await write(project);
    const { server, env } = await service();
    const result = await pack(inputs, { env });
    expect(errors(result)).toEqual([]);
    expect(result.outputs['artifact-name']).toBe('model-package');
    const [artifact, ...others] = server.artifacts('1');
    expect(others).toEqual([]);
    if (!artifact) throw new Error('nothing was uploaded');
    const files = await artifactFiles(artifact);
    expect(Object.keys(files)).toEqual(['model-package.tar']);
    expect(sha256(files['model-package.tar']?.toString('latin1') ?? '')).toBe(
      result.outputs['package-digest'],
    );
    expect(result.record?.packages).toMatchObject([
      {
        name: 'model-package',
        artifact: 'model-package',
        files: 4,
        digest: result.outputs['package-digest'],
      },
    ]);
    const again = await pack(inputs, { env });
    expect(again.exitCode).toBe(1);
    expect(errors(again)[0]).toContain("an artifact named 'model-package' was already uploaded in this run");
    expect(again.outputs['package-digest']).toBe(result.outputs['package-digest']);
  });

  test('is not made where that is not wanted, or not possible', async () => {
    await write(project);
    const { server, env } = await service();
    const unwanted = await pack({ ...inputs, upload: 'false' }, { env });
    expect(unwanted.annotations).toEqual([]);
    const impossible = await pack(inputs);
    expect(impossible.annotations).toMatchObject([{ level: 'notice' }]);
    for (const result of [unwanted, impossible]) {
      expect(result.exitCode).toBe(0);
      expect(result.outputs['artifact-name']).toBeUndefined();
      expect(result.record?.packages).toMatchObject([{ artifact: null }]);
    }
    expect(server.artifacts('1')).toEqual([]);
  });

  test('has any name, and the archive in it one that every system can hold', async () => {
    await write(project);
    const { server, env } = await service();
    const result = await pack({ ...inputs, name: '../team/model: v1' }, { env });
    expect(errors(result)).toEqual([]);
    const archive = result.outputs['package-path'] ?? '';
    expect(dirname(archive)).toBe(join(result.runner.temp, 'mlops'));
    const [artifact] = server.artifacts('1');
    expect(artifact && Object.keys(await artifactFiles(artifact))).toEqual([basename(archive)]);
    expect((await unpack(archive)).manifest.name).toBe('../team/model: v1');
  });
});

test('the model is what was trained in the same job', async () => {
  await write(project);
  const before = await fakeRunner({ workspace: folder });
  const model = { path: 'model', digest: digest('a'), bytes: 9, artifact: 'model-3.12' };
  const record = job(1, { trainings: [training({ name: 'model-3.12', model })] });
  await mkdir(join(before.temp, 'mlops'), { recursive: true });
  await writeFile(join(before.temp, 'mlops', 'run-record.json'), JSON.stringify(record));
  const result = await pack({}, { after: before });
  expect(errors(result)).toEqual([]);
  const { manifest } = await unpack(result.outputs['package-path'] ?? '');
  expect(manifest).toMatchObject({ name: 'model-3.12-package', model: { path: 'model' } });
  expect(manifest.files.map(({ path }) => path)).toEqual(['model/config.json', 'model/weights.bin']);
  expect(result.summary).toMatch(
    /^### Package `model-3\.12-package`\n\n2 files, \d+ bytes, `sha256:[0-9a-f]{64}`\n$/,
  );
});

test('whatever the tree is, tar unpacks it as it was', { timeout: 120_000 }, async () => {
  const name = fc
    .string({
      unit: fc.constantFrom(...'ab.- _\'"[{*?é☃\n\t', 'long'.repeat(30)),
      minLength: 1,
      maxLength: 3,
    })
    .filter((part) => part !== '.' && part !== '..' && !part.endsWith('.pyc'));
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const trees = fc.dictionary(path, fc.string({ unit: 'binary-ascii', maxLength: 2000 }), {
    minKeys: 1,
    maxKeys: 12,
  });
  let number = 0;
  await fc.assert(
    fc.asyncProperty(trees, async (tree) => {
      const base = join(root, String(number++));
      const files: Record<string, string> = {};
      for (const [path, content] of Object.entries(tree)) {
        // A file where another one has a folder cannot be written.
        if (
          await write({ [path]: content }, join(base, 'in')).then(
            () => true,
            () => false,
          )
        )
          files[path] = content;
      }
      const found = await expand(join(base, 'in'), ['.']);
      const about = { name: 'n', model: { path: 'm', digest: digest('a') } };
      const archive = join(base, 'archive.tar');
      const written = await writeArchive(
        join(base, 'in'),
        found,
        about,
        archive,
        AbortSignal.timeout(60_000),
      );
      expect(written.manifest.files.map((file) => file.path)).toEqual(Object.keys(files).sort());
      expect(await contentOf((await unpack(archive)).folder)).toEqual(files);
    }),
    { numRuns: 40 },
  );
});
