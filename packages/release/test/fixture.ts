import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TemporaryRepository, temporaryRepository } from '@mlops/testkit/engine';

const bundler = fileURLToPath(new URL('../src/bundle.ts', import.meta.url));
const checkout = 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2';

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** A small monorepo: two actions that bundle one core, two workflows, and its own CI. */
export const sources: Record<string, string> = {
  '.gitignore': 'node_modules/\ndist/\n.turbo/\n.release/\n',
  '.changeset/config.json': json({
    changelog: '@changesets/cli/changelog',
    baseBranch: 'main',
    privatePackages: { version: true, tag: false },
  }),
  '.github/workflows/ci.yml': 'name: own ci\n',
  '.github/workflows/release.yml': 'name: own release\n',
  LICENSE: 'Apache License\n',
  'README.md': '# Fixture\n',
  'package.json': json({
    name: 'fixture',
    private: true,
    repository: 'github:acme/ml',
    packageManager: 'pnpm@12.21.0',
  }),
  'pnpm-workspace.yaml':
    'packages: [actions/*, packages/*, workflows]\npmOnFail: ignore\nverifyDepsBeforeRun: false\n',
  'pnpm-lock.yaml': "lockfileVersion: '9.0'\n",
  'tsconfig.json': json({
    compilerOptions: {
      rootDir: '.',
      noEmit: true,
      module: 'esnext',
      moduleResolution: 'bundler',
      target: 'es2023',
    },
  }),
  'turbo.json': json({
    tasks: {
      build: { dependsOn: ['^build'], inputs: ['src/**', 'package.json', 'mode.txt'], outputs: ['dist/**'] },
    },
  }),
  'packages/core/package.json': json({
    name: '@acme/core',
    version: '0.0.0',
    private: true,
    type: 'module',
    exports: './src/index.ts',
  }),
  'packages/core/src/index.ts': "export const greeting: string = 'hello';\n",
  ...action(
    'train',
    '1.2.3',
    "const { late } = await import('./late.ts');\nconsole.log(greeting, late, who);",
  ),
  'actions/train/src/late.ts':
    "/* a comment that the bundle need not carry */\nexport const late: string = 'later';\n",
  'actions/train/test/train.test.ts': '// not part of a release\n',
  ...action('report', '0.1.0', 'console.log(greeting, who);'),
  'workflows/package.json': json({
    name: '@acme/workflows',
    version: '1.4.0',
    private: true,
    dependencies: { report: 'workspace:*', train: 'workspace:*' },
  }),
  'workflows/ci.yml': `name: ci\non: workflow_call\njobs:\n  check:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: ${checkout}\n      - uses: ./actions/train\n`,
  'workflows/pipeline.yml':
    'name: pipeline\non: workflow_call\njobs:\n  ci:\n    uses: ./workflows/ci.yml # checks first\n',
};

/** Files of an action that prints what `body` says. */
export function action(name: string, version: string, body: string): Record<string, string> {
  return {
    [`actions/${name}/package.json`]: json({
      name,
      version,
      private: true,
      type: 'module',
      scripts: { build: `node ${JSON.stringify(bundler)}` },
      dependencies: { '@acme/core': 'workspace:*' },
    }),
    [`actions/${name}/action.yml`]: `name: ${name}\ndescription: A fixture.\nruns:\n  using: node24\n  main: dist/index.js\n`,
    [`actions/${name}/README.md`]: `# ${name}\n`,
    [`actions/${name}/src/main.ts`]: `import { greeting } from '@acme/core';\nimport who from 'third-party';\n${body}\n`,
  };
}

/** The manifest of an action or of the set at another version. */
export function atVersion(path: string, version: string): Record<string, string> {
  const manifest = JSON.parse(sources[path] ?? '') as object;
  return { [path]: json({ ...manifest, version }) };
}

/** A checkout of the fixture with its dependencies in place, and a bare remote that has its main branch. */
export async function fixture(changes: Record<string, string> = {}): Promise<TemporaryRepository> {
  const repository = await temporaryRepository({ ...sources, ...changes }, { origin: true });
  await installDependencies(repository.path);
  return repository;
}

/** What an installation would make: the workspace's link, and a package with a licence of its own. */
export async function installDependencies(root: string): Promise<void> {
  const files: Record<string, string> = {
    'third-party/package.json': json({
      name: 'third-party',
      version: '1.0.0',
      license: 'MIT',
      main: 'index.js',
    }),
    'third-party/index.js': "module.exports = 'world';\n",
    'third-party/LICENSE': 'MIT licence of a third party\n',
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, 'node_modules', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  await mkdir(join(root, 'node_modules', '@acme'));
  await symlink(join(root, 'packages', 'core'), join(root, 'node_modules', '@acme', 'core'), 'junction');
}
