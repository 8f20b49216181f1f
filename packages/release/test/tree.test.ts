import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '@mlops/core/process';
import type { TemporaryRepository } from '@mlops/testkit/engine';
import { afterEach, describe, expect, it } from 'vitest';
import { writeTree } from '../src/commit.ts';
import { git } from '../src/git.ts';
import { buildReleaseTree } from '../src/tree.ts';
import { fixture } from './fixture.ts';

const open: TemporaryRepository[] = [];
async function checkout(changes?: Record<string, string>): Promise<TemporaryRepository> {
  const repository = await fixture(changes);
  open.push(repository);
  return repository;
}
afterEach(async () => {
  for (const repository of open.splice(0)) await repository.close();
});

const build = (root: string, options: Partial<Parameters<typeof buildReleaseTree>[0]> = {}) =>
  buildReleaseTree({ root, out: join(root, '.release'), ...options });

describe('buildReleaseTree', () => {
  it('holds the actions as they run, the rendered workflows and the texts, and nothing else', async () => {
    const { path } = await checkout();
    const tree = await build(path);
    expect(tree).toMatchObject({ slug: 'acme/ml', version: '1.4.0' });
    expect(tree.files.filter((file) => !/^actions\/train\/dist\/\d+\.index\.js$/.test(file))).toEqual([
      '.github/workflows/ci.yml',
      '.github/workflows/pipeline.yml',
      'LICENSE',
      'README.md',
      ...['report', 'train'].flatMap((name) =>
        ['README.md', 'action.yml', 'dist/index.js', 'dist/licenses.txt', 'dist/package.json'].map(
          (file) => `actions/${name}/${file}`,
        ),
      ),
    ]);
    const read = (file: string) => readFile(join(tree.folder, file), 'utf8');
    // The user's ci.yml stands where main has the repository's own.
    expect(await read('.github/workflows/ci.yml')).toContain('uses: acme/ml/actions/train@v1.4.0\n');
    expect(await read('.github/workflows/pipeline.yml')).toContain(
      'uses: acme/ml/.github/workflows/ci.yml@v1.4.0 # checks first\n',
    );
  });

  it('has bundles that run by themselves, minified in every chunk, with the licences of what is in them', async () => {
    const { path } = await checkout();
    const { folder } = await build(path);
    const dist = join(folder, 'actions', 'train', 'dist');
    const { stdout } = await command(process.execPath, [join(dist, 'index.js')], { cwd: folder });
    expect(stdout).toBe('hello later world');
    expect(await readFile(join(dist, 'licenses.txt'), 'utf8')).toContain('MIT licence of a third party');
    for (const file of (await readdir(dist)).filter((name) => name.endsWith('.js')))
      expect(await readFile(join(dist, file), 'utf8')).not.toContain(
        'a comment that the bundle need not carry',
      );
  });

  it('carries a file beside the sources that is named by its URL', async () => {
    const { path } = await checkout({
      'actions/train/src/late.ts':
        "import { readFileSync } from 'node:fs';\nexport const late: string = readFileSync(new URL('./help.txt', import.meta.url), 'utf8');\n",
      'actions/train/src/help.txt': 'from the file',
    });
    const { folder } = await build(path);
    await rm(join(path, 'actions/train/src/help.txt'));
    const { stdout } = await command(process.execPath, [join(folder, 'actions/train/dist/index.js')], {
      cwd: folder,
    });
    expect(stdout).toBe('hello from the file world');
  });

  it('is refused where ncc takes a path of the code for a file of the bundle', async () => {
    const { path } = await checkout({
      'actions/train/src/late.ts':
        "import { resolve } from 'node:path';\nconst of = (root: string, file: string) => resolve(root, '.kept', file);\nexport const late: string = of(process.argv[2] ?? '', process.argv[3] ?? '');\n",
      'examples/one/.kept/config': 'a file that the pattern finds',
    });
    await expect(build(path)).rejects.toThrow(/ncc takes a path for a file of the bundle/);
  });

  it('is the same to the byte from two checkouts', async () => {
    const [one, two] = [await checkout(), await checkout()];
    const digests = [];
    for (const { path } of [one, two])
      digests.push(await writeTree(path, await build(path, { source: 'head' })));
    expect(digests[0]).toMatch(/^[0-9a-f]{40}$/);
    expect(digests[1]).toBe(digests[0]);
  });

  it('takes uncommitted changes of the working tree, and follows a change of the shared core', async () => {
    const { path } = await checkout();
    await build(path);
    await writeFile(
      join(path, 'packages/core/src/index.ts'),
      "export const greeting: string = 'good day';\n",
    );
    await writeFile(join(path, 'workflows/new.yml'), 'jobs: {}\n');
    await rm(join(path, 'LICENSE'));
    const { folder, files } = await build(path, { version: '9.9.9', refs: 'self' });
    const { stdout } = await command(process.execPath, [join(folder, 'actions/report/dist/index.js')], {
      cwd: folder,
    });
    expect(stdout).toBe('good day world');
    expect(files).toContain('.github/workflows/new.yml');
    expect(files).not.toContain('LICENSE');
    expect(await readFile(join(folder, '.github/workflows/ci.yml'), 'utf8')).toContain(
      'uses: $/actions/train\n',
    );
  });

  it('refuses changes when HEAD is asked for, and names them', async () => {
    const { path } = await checkout();
    await writeFile(join(path, 'README.md'), '# Changed\n');
    await writeFile(join(path, 'stray.txt'), '');
    await expect(build(path, { source: 'head' })).rejects.toThrow(
      /differs from HEAD:\n.*README\.md\n.*stray\.txt/,
    );
  });

  it('leaves a folder alone that is no release tree', async () => {
    const { path } = await checkout();
    const out = join(path, 'node_modules', 'mine');
    await mkdir(out);
    await writeFile(join(out, 'thesis.tex'), 'years of work');
    await expect(build(path, { out })).rejects.toThrow("is no release tree: it holds 'thesis.tex'");
    await expect(build(path, { out: path })).rejects.toThrow('is no release tree');
    expect(await readFile(join(out, 'thesis.tex'), 'utf8')).toBe('years of work');
    expect(await git(path, ['status', '--porcelain'])).toBe('');
  });

  it.each([
    [
      'an import that does not exist',
      { 'actions/train/src/late.ts': "import './gone.ts';\nexport const late = 1;\n" },
      "actions/train/src/late.ts: the import of './gone.ts' leads nowhere",
    ],
    [
      'sources that are no TypeScript',
      { 'actions/train/src/late.ts': 'export const = ;\n' },
      'actions/train/src/main.ts cannot be bundled',
    ],
    [
      'a path that ncc breaks',
      {
        'actions/train/src/late.ts':
          "import { fileURLToPath } from 'node:url';\nexport const late: string = fileURLToPath(new URL('./help.txt', import.meta.url));\n",
        'actions/train/src/help.txt': 'help',
      },
      'fileURLToPath(new URL(…)) of "help.txt" fails once it is bundled',
    ],
    [
      'a missing entry point',
      { 'actions/train/action.yml': 'runs:\n  using: node24\n  main: dist/index.js\n  post: dist/post.js\n' },
      "runs.post names 'dist/post.js', which the build does not make",
    ],
    [
      'an unpinned action',
      { 'workflows/x.yml': 'jobs:\n  a:\n    steps:\n      - uses: a/b@v1\n' },
      "'uses: a/b@v1' is not pinned",
    ],
    [
      'an action without action.yml',
      { 'actions/extra/package.json': '{"name":"extra","version":"1.0.0","private":true}' },
      'actions/extra has no action.yml',
    ],
    [
      'an action that the set does not know',
      { 'actions/extra/package.json': '{"name":"extra","version":"1.0.0","private":true}' },
      'Add "extra": "workspace:*"',
    ],
    [
      'an action that would be published to a registry',
      { 'actions/extra/package.json': '{"name":"extra","version":"1.0.0"}' },
      'must be private',
    ],
    [
      'an action named like a version',
      { 'actions/v1/package.json': '{"name":"v1","version":"1.0.0","private":true}' },
      "'v1' cannot name tags",
    ],
    [
      'a slug of another form',
      { 'package.json': '{"repository":"https://example.org/x"}' },
      "'repository' must have the form 'github:owner/name'",
    ],
  ] as [string, Record<string, string>, string | RegExp][])('refuses %s', async (_, changes, message) => {
    const { path } = await checkout(changes);
    const said = await build(path).then(() => 'built', String);
    expect(said).toMatch(message);
  });
});
