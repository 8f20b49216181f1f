import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { messageOf, throwAll, UserError } from '@mlops/core';
import ncc, { type Compilation, type Module } from '@vercel/ncc';
import { transform } from 'esbuild';
import { licensesOf } from './licenses.ts';

const target = 'es2023';
/** What third-party packages do without where it is not installed. */
const optional = new Set(['kerberos', 'supports-color']);

/**
 * The build script of every action: bundles src/main.ts and all it imports into dist/, to run on the runner's Node
 * without an installation. The same sources give the same bytes in any folder.
 */
if (import.meta.main) {
  try {
    await bundle(process.cwd());
  } catch (error) {
    console.error(error instanceof UserError ? String(error) : error);
    process.exitCode = 1;
  }
}

async function bundle(folder: string): Promise<void> {
  // ncc numbers modules by their paths, and its own loaders', relative to the working directory, and looks for
  // tsconfig.json no higher up.
  process.chdir(workspaceRoot(folder));
  const entry = join(folder, 'src', 'main.ts');
  const { code, assets, stats } = await ncc(entry, {
    cache: false,
    quiet: true,
    minify: true,
    target,
    transpileOnly: true,
  }).catch((cause) => {
    throw new UserError(`${shownPath(entry)} cannot be bundled:\n${messageOf(cause)}`, { cause });
  });
  throwAll(missingImports(stats.compilation));
  const files = new Map<string, string | Uint8Array>([['index.js', code]]);
  for (const [name, { source }] of Object.entries(assets)) files.set(name, source);
  requireUsableUrls(files, shownPath(folder));
  files.set('licenses.txt', await licensesOf(filesOf(stats.compilation.modules)));

  const dist = join(folder, 'dist');
  await rm(dist, { recursive: true, force: true });
  for (const [name, content] of files) {
    const path = join(dist, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, /\.[cm]?js$/.test(name) ? await minified(content.toString()) : content);
  }
}

/**
 * ncc's own minifier takes unused code out of the first file, which every start has to read, but leaves lazily loaded
 * chunks as they are, which are nine tenths of a bundle. Names are kept there: they cost a tenth of the download, stack
 * traces stay readable, and libraries compare the names of classes.
 */
async function minified(code: string): Promise<string> {
  const options = { target, minifyWhitespace: true, minifySyntax: true, legalComments: 'none' } as const;
  return (await transform(code, options)).code;
}

/**
 * Imports that lead nowhere. ncc bundles code that throws in their place, so that a wrong import, or one that a package
 * does not declare, would only show when a user comes by it.
 */
function missingImports({ modules, moduleGraph }: Compilation): UserError[] {
  return [...modules].flatMap((module) => {
    const wanted = /@@notfound\.js\?(.*)$/.exec(module.resource ?? '')?.[1];
    if (wanted === undefined) return [];
    return [...moduleGraph.getIncomingConnections(module)].flatMap(({ originModule }) => {
      const importer = originModule?.resource;
      if (!importer) return [];
      if (/[\\/]node_modules[\\/]/.test(importer) && optional.has(wanted)) return [];
      return [new UserError(`the import of '${wanted}' leads nowhere`, { file: shownPath(importer) })];
    });
  });
}

/**
 * ncc makes a path of `new URL(…, import.meta.url)` in some places, and fileURLToPath accepts no path. It also makes one of
 * what it thinks names a file of the project, as in `resolve(folder, 'name', file)`: that would depend on where it is built.
 */
function requireUsableUrls(files: ReadonlyMap<string, string | Uint8Array>, shown: string): void {
  for (const [name, content] of files) {
    const broken = /\.js$/.test(name) && /fileURLToPath\)?\(\w+\.ab ?\+ ?(".*?")/.exec(content.toString());
    if (broken)
      throw new UserError(`${shown}: fileURLToPath(new URL(…)) of ${broken[1]} fails once it is bundled`, {
        advice: 'Give the URL itself to the functions of node:fs; they take one.',
      });
    const path = /\.js$/.test(name) && /\b\w+\.ab ?\+ ?("[^"]*") ?\+/.exec(content.toString());
    if (path)
      throw new UserError(
        `${shown}: ncc takes a path for a file of the bundle, and puts it below ${path[1]}`,
        {
          advice: "Build it with 'join' instead of 'resolve', or from parts that it cannot evaluate.",
        },
      );
  }
}

function shownPath(path: string): string {
  return relative(process.cwd(), path).replaceAll('\\', '/');
}

/** Webpack keeps modules that it joined below the one that stands for them. */
function filesOf(modules: Iterable<Module>): string[] {
  return [...modules].flatMap(({ resource, modules: joined = [] }) => [
    ...(resource ? [resource] : []),
    ...filesOf(joined),
  ]);
}

function workspaceRoot(folder: string): string {
  if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return folder;
  if (dirname(folder) === folder)
    throw new UserError(`'${process.cwd()}' is not in a workspace`, {
      advice: "Run this in an action's folder.",
    });
  return workspaceRoot(dirname(folder));
}
