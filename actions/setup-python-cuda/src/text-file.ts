import { readFile } from 'node:fs/promises';
import { hashText } from '@mlops/core/hash';

/** Reads what a person wrote, in UTF-8 or, as PowerShell redirects output, in UTF-16, without its byte order mark. */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path);
  const [first, second] = bytes;
  const little = first === 0xff && second === 0xfe;
  const big = first === 0xfe && second === 0xff;
  return new TextDecoder(little ? 'utf-16le' : big ? 'utf-16be' : 'utf-8').decode(bytes);
}

/** Digest of text files, the same whether git checked them out with LF or CRLF. */
export async function digestOfTextFiles(paths: readonly string[]): Promise<string> {
  const texts = await Promise.all(paths.map(readText));
  return hashText(JSON.stringify(texts.map((text) => text.replaceAll('\r\n', '\n'))));
}
