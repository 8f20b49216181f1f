import { readFile } from 'node:fs/promises';
import { hashText } from '@mlops/core/hash';

/** Digest of text files, the same whether git checked them out with LF or CRLF. */
export async function digestOfTextFiles(paths: readonly string[]): Promise<string> {
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  return hashText(JSON.stringify(texts.map((text) => text.replaceAll('\r\n', '\n'))));
}
