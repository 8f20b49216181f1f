import * as z from 'zod';
import { parseAs } from './manifests.ts';
import { pages } from './pages.ts';
import { nameOf, type Repository } from './registry.ts';

const tagsSchema = z.looseObject({ tags: z.array(z.string()).nullable() });

/** All tags of the repository, in the registry's order; none where the repository does not exist. */
export async function listTags(
  repository: Repository,
  { signal, pageSize = 1000 }: { signal?: AbortSignal | undefined; pageSize?: number } = {},
): Promise<string[]> {
  const what = 'listing the tags';
  const tags: string[] = [];
  for await (const { status, body } of pages(repository, {
    ...{ what, path: `tags/list?n=${pageSize}`, accept: [200, 404], signal },
  }))
    if (status === 200)
      tags.push(...(parseAs(tagsSchema, body, `the list of tags of ${nameOf(repository)}`).tags ?? []));
  return tags;
}
