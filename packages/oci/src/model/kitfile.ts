import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { UserError } from '@mlops/core';
import { parse } from 'yaml';
import * as z from 'zod';
import type { ModelFacts } from './config.ts';
import type { Kind } from './kinds.ts';

/** A file or folder that a Kitfile names; `kind` is undefined where the names of its files decide. */
export interface Section {
  path: string;
  kind: Kind | undefined;
}

export interface Kitfile {
  file: string;
  sections: Section[];
  facts: ModelFacts;
}

const text = z.string().optional();
const listed = z.array(z.looseObject({ path: z.string() })).nullish();
const schema = z.looseObject({
  package: z
    .looseObject({
      name: text,
      version: text,
      description: text,
      license: text,
      authors: z.array(z.string()).optional(),
    })
    .nullish(),
  model: z
    .looseObject({
      name: text,
      path: text,
      version: text,
      description: text,
      license: text,
      format: text,
      parts: listed,
    })
    .nullish(),
  code: listed,
  datasets: listed,
  docs: listed,
});
type Content = z.infer<typeof schema>;

const names = ['Kitfile', 'kitfile', '.kitfile'];

/** The Kitfile of KitOps in a folder, where there is one: what is packed, and as what. */
export async function readKitfile(folder: string): Promise<Kitfile | undefined> {
  for (const file of names) {
    const content = await readFile(join(folder, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (content !== undefined) return understand(file, content);
  }
  return undefined;
}

function understand(file: string, content: string): Kitfile {
  const refused = (problem: string, line?: number) =>
    new UserError(problem, { file, line, advice: 'See the reference of the Kitfile format of KitOps.' });
  let value: unknown;
  try {
    // Every scalar as it is written: a version 1.0 is no number.
    value = parse(content, { schema: 'failsafe' });
  } catch (error) {
    const { message = '', linePos } = error as { message?: string; linePos?: [{ line: number }] };
    throw refused(message.split('\n')[0] ?? '', linePos?.[0].line);
  }
  const parsed = schema.safeParse(value ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(`'${issue?.path.join('.')}' is not what a Kitfile has there: ${issue?.message}`);
  }
  const sections = sectionsOf(parsed.data).map(({ path, kind }) => {
    const normal = posix.normalize(path).replace(/\/$/, '');
    if (posix.isAbsolute(normal) || normal.split('/')[0] === '..')
      throw refused(`'${path}' is not below the folder of the Kitfile`);
    return { path: normal, kind };
  });
  return { file, sections, facts: factsOf(parsed.data) };
}

function sectionsOf({ model, code, datasets, docs }: Content): Section[] {
  const all = (list: Content['code'], kind: Kind | undefined) =>
    (list ?? []).map(({ path }) => ({ path, kind }));
  return [
    ...(model?.path ? [{ path: model.path, kind: undefined }] : []),
    ...all(model?.parts, undefined),
    ...all(code, 'code'),
    ...all(datasets, 'dataset'),
    ...all(docs, 'doc'),
  ];
}

function factsOf({ package: about, model }: Content): ModelFacts {
  const first = (key: 'name' | 'version' | 'description' | 'license') =>
    model?.[key] || about?.[key] || undefined;
  const [name, version, description, license] = (['name', 'version', 'description', 'license'] as const).map(
    first,
  );
  return {
    descriptor: {
      ...(about?.authors && { authors: about.authors }),
      ...{ ...(name && { name }), ...(version && { version }), ...(description && { description }) },
      ...(license && { licenses: [license] }),
    },
    config: { ...(model?.format && { format: model.format }) },
  };
}
