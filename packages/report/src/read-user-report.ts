import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, extname, isAbsolute, relative, resolve, sep } from 'node:path';
import { UserError } from '@mlops/core';
import type { Image, UserReport } from './extras.ts';
import { isRemote, userMarkdown } from './user-markdown.ts';

const largestReport = 1_000_000;
/** Bytes of all pictures; the page holds them, a third longer. */
const largestPictures = 20_000_000;

const types: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.svg': 'image/svg+xml',
};

/**
 * A user's report with the local pictures that it shows; those that are not there are left out, and the page says so.
 *
 * @param folder That the path is relative to; pictures lie in it, or beside the report
 * @throws UserError for a file that cannot be taken
 */
export async function readUserReport(folder: string, path: string): Promise<UserReport> {
  const file = resolve(folder, path);
  const markdown = await readMarkdown(file, path);
  const sources = new Set<string>();
  await userMarkdown(markdown, (source) => {
    if (!isRemote(source) && !/^[a-z][a-z0-9+.-]+:/i.test(source) && source) sources.add(source);
    return { words: '' };
  });
  const images = new Map<string, Image>();
  let bytes = 0;
  for (const source of sources) {
    const wrong = (why: string, advice: string) =>
      new UserError(`input user-report: the picture '${source}' ${why}`, {
        ...{ file: path, line: lineOf(source, markdown), advice },
      });
    const image = await readImage(
      source,
      [await realpath(folder), await realpath(dirname(file))],
      file,
      wrong,
    );
    if (!image) continue;
    bytes += image.bytes.length;
    if (bytes > largestPictures)
      throw wrong('and those before it have more than 20 MB', 'Make them smaller, or link to them.');
    images.set(source, image);
  }
  return { markdown, images };
}

async function readMarkdown(file: string, name: string): Promise<string> {
  const wrong = (why: string, advice: string, cause?: unknown) =>
    new UserError(`input user-report: '${name}' ${why}`, { file: name, advice, cause });
  const found = await stat(file);
  if (!found.isFile()) throw wrong('is no file', 'Name the Markdown file itself.');
  if (found.size > largestReport)
    throw wrong(`has ${found.size} bytes, more than 1 MB`, 'Shorten it, or link to what is long.');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (cause) {
    throw wrong('is not UTF-8', 'Save it as UTF-8.', cause);
  }
}

async function readImage(
  source: string,
  folders: readonly string[],
  report: string,
  wrong: (why: string, advice: string) => UserError,
): Promise<Image | undefined> {
  // As on a server, what follows ? or # is not of the file's name, unless a file has that name.
  const candidates = [source, source.replace(/[?#].*$/s, '')].map((one) => resolve(dirname(report), one));
  for (const candidate of candidates) {
    const path = await realpath(candidate).catch(() => undefined);
    if (!path) continue;
    if (!folders.some((folder) => isInside(path, folder)))
      throw wrong('is outside of the working directory', 'Copy it to a folder below.');
    const type = types[extname(path).toLowerCase()];
    if (!type || !(await stat(path)).isFile())
      throw wrong(
        'is no picture that a browser shows',
        `Save it as one of ${Object.keys(types).join(', ')}.`,
      );
    // Before it is read: it could be of any size.
    if ((await stat(path)).size > largestPictures)
      throw wrong('has more than 20 MB', 'Make it smaller, or link to it.');
    return { type, bytes: await readFile(path) };
  }
  return undefined;
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function lineOf(source: string, markdown: string): number | undefined {
  const at = [source, encodeURI(source)].map((one) => markdown.indexOf(one)).find((one) => one >= 0);
  return at === undefined ? undefined : markdown.slice(0, at).split('\n').length;
}
