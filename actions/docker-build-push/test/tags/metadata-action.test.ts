import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contextOf, type DescribeOptions, describeImage } from '../../src/tags/index.ts';
import { now, repository } from './context.ts';

interface Case {
  name: string;
  event: string;
  inputs: Pick<DescribeOptions, 'images' | 'tags' | 'flavor' | 'labels' | 'annotations' | 'bakeTarget'>;
  labels: Record<string, string>;
}

interface Described extends Case {
  headSha?: boolean;
  version: string | null;
  latest: boolean;
  tags: string[];
  annotations?: Record<string, string>;
}

type Github = Parameters<typeof contextOf>[0];

/** What docker/metadata-action's own tests expect of it. */
const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures', 'metadata-action.json'), 'utf8'),
) as {
  contexts: Record<string, Pick<Github, 'event' | 'ref' | 'sha' | 'payload'> & { defaultBranch?: string }>;
  described: Described[];
  json: (Case & { tags: string[]; tagNames: string[]; annotations: Record<string, string> })[];
  bake: (Case & { target: string; tags: object })[];
};

const standard = {
  'org.opencontainers.image.created': now.toISOString(),
  'org.opencontainers.image.description': repository.description,
  'org.opencontainers.image.licenses': repository.license,
  'org.opencontainers.image.source': repository.url,
  'org.opencontainers.image.title': repository.name,
  'org.opencontainers.image.url': repository.url,
};

function describeCase({ event, inputs }: Case, { headSha = false, levels = ['manifest'] } = {}) {
  const { defaultBranch = '', ...facts } = cases.contexts[event] ?? { event, ref: '', sha: '', payload: {} };
  const github = { ...facts, defaultBranch, serverUrl: 'https://github.com' } as Github;
  const context = { ...contextOf(github, { headSha, known: repository, commitDate: now }), runId: undefined };
  return describeImage({ ...inputs, context, now, levels });
}

describe("docker/metadata-action's cases", () => {
  it.each(cases.described)('$name', async (each) => {
    const { tags, version, labels, annotations, tagNames } = await describeCase(each, each);
    expect(version ?? null).toBe(each.version);
    expect(tags).toEqual(each.tags);
    expect(tagNames.some((tag) => tag.includes('latest'))).toBe(
      each.latest || each.tags.some((tag) => tag.includes('latest')),
    );
    expect(labels).toEqual({ ...standard, ...each.labels });
    const expected = { ...standard, ...(each.annotations ?? each.labels) };
    expect(annotations.toSorted()).toEqual(annotated('manifest', expected));
  });

  it.each(cases.json)('$name', async (each) => {
    const { json } = await describeCase(each);
    expect({ ...json, annotations: json.annotations.toSorted() }).toEqual({
      tags: each.tags,
      'tag-names': each.tagNames,
      labels: { ...standard, ...each.labels },
      annotations: annotated('manifest', { ...standard, ...each.annotations }),
    });
  });

  it.each(cases.bake)('$name', async (each) => {
    const { bakeFiles } = await describeCase(each, { levels: ['index', 'manifest-descriptor'] });
    const labels = { ...standard, ...each.labels };
    expect(asJson(bakeFiles.tags)).toEqual({ target: { [each.target]: each.tags } });
    expect(bakeFiles.labels).toEqual({ target: { [each.target]: { labels } } });
    expect(asJson(bakeFiles.all)).toEqual({ target: { [each.target]: { ...each.tags, labels } } });
  });
});

function annotated(level: string, annotations: Record<string, string>): string[] {
  return Object.entries(annotations)
    .map(([key, value]) => `${level}:${key}=${value}`)
    .toSorted();
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
