import { UserError } from '@mlops/core';
import { parse } from 'smol-toml';
import { readText } from './text-file.ts';

/** The contents of a TOML file that a person or a tool wrote; `shown` is what it is called in messages. */
export async function readToml<Contents>(path: string, shown: string): Promise<Contents> {
  return parseToml<Contents>(await readText(path), shown);
}

/** As `readToml`, from the text. */
export function parseToml<Contents>(text: string, shown: string): Contents {
  try {
    return parse(text) as Contents;
  } catch (error) {
    const { line = 1, message } = error as { line?: number; message: string };
    const why = message.split('\n')[0]?.replace(/^Invalid TOML document: /, '');
    const merge = text.split('\n')[line - 1]?.startsWith('<<<<<<<');
    throw new UserError(`not valid TOML: ${merge ? 'marks of a merge (<<<<<<<) are left in it' : why}`, {
      file: shown,
      line,
      cause: error,
    });
  }
}
