import { UserError } from '@mlops/core';
import type { Document, Node } from 'yaml';
import { readText } from './text-file.ts';

/** A YAML file, with the places of what stands in it. */
export interface YamlFile {
  contents: Document['contents'];
  /** 1-based. */
  lineOf: (node: unknown) => number;
}

/** Reads a YAML file; `shown` is what it is called in messages. */
export async function readYaml(path: string, shown: string): Promise<YamlFile> {
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(await readText(path), { lineCounter: lines });
  const [broken] = document.errors;
  if (broken)
    throw new UserError(
      `not valid YAML: ${broken.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '')}`,
      { file: shown, line: broken.linePos?.[0].line ?? 1, column: broken.linePos?.[0].col },
    );
  const lineOf = (node: unknown) => lines.linePos((node as Node | null)?.range?.[0] ?? 0).line;
  return { contents: document.contents, lineOf };
}
