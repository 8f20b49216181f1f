import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Manifest {
  name?: string;
  version?: string;
  license?: unknown;
}

/**
 * The licences of all third-party packages that the modules belong to, as most of them ask for with every copy. (ncc's
 * own option keeps those of one chunk and loses the rest.)
 */
export async function licensesOf(modules: Iterable<string>): Promise<string> {
  const folders = new Set([...modules].flatMap((module) => packageOf(module) ?? []));
  const entries = new Map(await Promise.all([...folders].map(entry)));
  return [...entries.keys()]
    .sort()
    .map((name) => entries.get(name))
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/** The folder of the installed package that a file belongs to; nothing for the workspace's own files. */
function packageOf(module: string): string | undefined {
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+(?=[\\/])/.exec(module)?.[0];
}

async function entry(folder: string): Promise<[string, string]> {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  ) as Manifest;
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const named = typeof license === 'string' ? license : 'no licence is named';
  const parts = [
    `${name} ${version} (${named})`,
    ...texts.map((text) => text.replaceAll('\r\n', '\n').trim()),
  ];
  return [`${name} ${version}`, `${parts.join('\n\n')}\n`];
}
