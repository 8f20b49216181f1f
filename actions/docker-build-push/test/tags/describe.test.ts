import { messageOf, type UserError } from '@mlops/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DescribeOptions,
  describeImage,
  type ImageContext,
  modelLabels,
  tagGrammar,
  validTag,
} from '../../src/tags/index.ts';
import { contextWith, now } from './context.ts';

type Lines = Omit<DescribeOptions, 'context' | 'now'>;

function describeWith(lines: Lines, context: Partial<ImageContext> = {}) {
  return describeImage({ ...lines, context: contextWith(context), now });
}

async function tagsFor(context: Partial<ImageContext>, tags: string[], lines: Lines = {}) {
  return (await describeWith({ ...lines, tags }, context)).tagNames;
}

async function problemOf(lines: Lines, context: Partial<ImageContext> = {}): Promise<string> {
  return describeWith(lines, context).then(
    () => expect.unreachable('it was accepted'),
    (error: UserError) => String(error),
  );
}

const onTag = (name: string) => ({ ref: `refs/tags/${name}` });

describe("the README's tables of docker/metadata-action", () => {
  it.each([
    [{ event: 'pull_request', ref: 'refs/pull/2/merge' }, ['pr-2']],
    [{ ref: 'refs/heads/master' }, ['master']],
    [{ ref: 'refs/heads/releases/v1' }, ['releases-v1']],
    [onTag('v1.2.3'), ['v1.2.3', 'latest']],
    [onTag('v2.0.8-beta.67'), ['v2.0.8-beta.67', 'latest']],
    [{ event: 'workflow_dispatch', ref: 'refs/heads/master' }, ['master']],
  ])('without rules: %o', async (context, expected) => {
    expect(await tagsFor(context, [])).toEqual(expected);
  });

  it.each([
    [{ event: 'pull_request', ref: 'refs/pull/2/merge' }, ['pr-2']],
    [{ ref: 'refs/heads/releases/v1' }, ['releases-v1']],
    [onTag('v1.2.3'), ['1.2.3', '1.2', 'latest']],
    [onTag('v2.0.8-beta.67'), ['2.0.8-beta.67']],
  ])('semantic versions: %o', async (context, expected) => {
    const rules = ['type=ref,event=branch', 'type=ref,event=pr'];
    const versions = ['type=semver,pattern={{version}}', 'type=semver,pattern={{major}}.{{minor}}'];
    expect(await tagsFor(context, [...rules, ...versions])).toEqual(expected);
  });

  it.each([
    ['semver', 'v1.2.3', '{{raw}}', 'v1.2.3'],
    ['semver', 'v1.2.3', 'v{{major}}', 'v1'],
    ['semver', 'v1.2.3', '{{minor}}', '2'],
    ['semver', 'v1.2.3', '{{patch}}', '3'],
    ['semver', 'p1/v1.2.3', '{{version}},match=v(\\d.\\d.\\d)$', '1.2.3'],
    ['semver', 'v2.0.8-beta.67', '{{raw}}', 'v2.0.8-beta.67'],
    ['semver', 'v2.0.8-beta.67', '{{major}}.{{minor}}', '2.0.8-beta.67'],
    ['pep440', 'v1.2.3', '{{version}}', '1.2.3'],
    ['pep440', '1.2.3', 'v{{major}}', 'v1'],
    ['pep440', 'v1.2.3rc2', '{{raw}}', 'v1.2.3rc2'],
    ['pep440', '1.2.3post1', '{{major}}.{{minor}}', '1.2.3.post1'],
    ['pep440', '1.2.3beta2', '{{major}}.{{minor}}', '1.2.3b2'],
    ['pep440', '1.0dev4', '{{major}}.{{minor}}', '1.0.dev4'],
    ['match', 'v2.0.8-beta.67', 'v(.*),group=1', '2.0.8-beta.67'],
    ['match', 'p1/v1.2.3', 'p1/v(\\d.\\d.\\d),group=1', '1.2.3'],
  ])('type=%s of %s with %s', async (type, tag, pattern, expected) => {
    const [first] = await tagsFor(onTag(tag), [`type=${type},pattern=${pattern}`]);
    expect(first).toBe(expected);
  });

  it('dates', async () => {
    const rule = "type=schedule,pattern={{date 'YYYYMMDD-HHmmss' tz='Asia/Tokyo'}}";
    expect(await tagsFor({ event: 'schedule' }, [rule])).toEqual(['20200110-093000']);
    const commitDate = new Date('2019-02-03T04:05:06Z');
    expect(await tagsFor({ commitDate }, ["type=raw,value={{commit_date 'YYYYMMDD'}}"])).toEqual([
      '20190203',
    ]);
  });

  it('expressions about the branch', async () => {
    const rules = ['type=raw,value=latest,enable={{is_default_branch}}', 'type=raw,{{branch}}-{{sha}}'];
    expect(await tagsFor({}, rules)).toEqual(['latest', 'main-90dd603']);
    expect(await tagsFor({ ref: 'refs/heads/my/branch' }, rules)).toEqual(['my-branch-90dd603']);
    const pull = { event: 'pull_request', ref: 'refs/pull/2/merge', baseRef: 'master' };
    expect(await tagsFor(pull, ['type=raw,onto-{{base_ref}}'])).toEqual(['onto-master']);
  });
});

describe('tags', () => {
  it('are valid whatever the branch or tag is called', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' }),
        fc.constantFrom('refs/heads/', 'refs/tags/'),
        fc.constantFrom('', 'type=raw,{{branch}}{{tag}}', 'type=match,pattern=/.+/s'),
        async (name, prefix, rule) => {
          const tags = await tagsFor({ ref: `${prefix}${name}` }, rule ? [rule] : []);
          for (const tag of tags) expect(tag).toMatch(tagGrammar);
        },
      ),
    );
  });

  it('stay as they are where they are valid, and long ones differ', () => {
    fc.assert(
      fc.property(fc.stringMatching(tagGrammar), fc.stringMatching(tagGrammar), (a, b) => {
        expect(validTag(a)).toBe(a);
        const long = 'x'.repeat(128);
        expect(validTag(long + a) === validTag(long + b)).toBe(a === b);
      }),
    );
  });

  it('are not escaped as HTML', async () => {
    expect(await tagsFor({ ref: 'refs/heads/a=b' }, ['type=raw,{{branch}}'])).toEqual(['a-b']);
  });

  it('come each once, with the flavor around them', async () => {
    const flavor = ['latest=true', 'prefix={{branch}}-', 'suffix=-cuda,onlatest=true'];
    expect(await tagsFor({}, ['type=edge', 'edge', 'type=sha,suffix='], { flavor })).toEqual([
      'main-edge-cuda',
      'sha-90dd603',
      'latest-cuda',
    ]);
    expect(await tagsFor({}, ['latest'], { flavor: ['latest=true'] })).toEqual(['latest']);
  });

  it('may name the model', async () => {
    const modelDigest = `sha256:${'0123456789abcdef'.repeat(4)}`;
    expect(await tagsFor({}, ['type=model', 'type=sha'], { modelDigest })).toEqual([
      'sha-90dd603',
      'model-0123456789ab',
    ]);
    const without = await describeWith({ tags: ['type=model'] });
    expect(without.tagNames).toEqual([]);
    expect(without.warnings.join('\n')).toContain('no model');
  });

  it('tell when a rule fits nothing', async () => {
    const { warnings } = await describeWith({ tags: ['type=semver,pattern={{version}}'] }, onTag('nightly'));
    expect(warnings.join('\n')).toContain("'nightly' is no semantic version");
  });
});

describe('mistakes', () => {
  it.each([
    ['type=semvr,pattern={{version}}', "Did you mean 'semver'?"],
    ['type=semver', "'pattern' is missing"],
    ['type=ref,event=brnch', "Did you mean 'branch'?"],
    ['type=sha,fromat=long', "Did you mean 'format'?"],
    ['type=sha,format=tiny', 'Allowed: short, long'],
    ['type=raw,value={{brnch}}', "Did you mean 'branch'?"],
    ['type=raw,value={{branch', 'cannot be filled in'],
    ['type=raw,value={{date}}', 'date needs a format'],
    ["type=raw,value={{date 'YYYY' tz='Mars'}}", "'Mars' is no time zone"],
    ["type=raw,value={{date 'YYYY' zone='UTC'}}", "no 'zone'"],
    ['type=raw,value=a,enable=yes', "'enable' is 'yes'"],
    ['type=raw,value=a,priority=high', 'no number'],
    ['type=match,pattern=(', 'no regular expression'],
    ['type=match,pattern=a,group=one', 'no number'],
    ['type=raw,value="a', 'quotes'],
  ])('%s', async (rule, expected) => {
    const problem = await problemOf({ tags: [rule] });
    expect(problem).toContain(expected);
    expect(problem).toContain(rule);
  });

  it('are told all at once', async () => {
    const problem = await problemOf({ tags: ['type=a', 'type=raw', 'type=sha'] });
    expect(problem).toContain("'type=a'");
    expect(problem).toContain("'type=raw'");
  });

  it.each([
    ['ghcr.io/acme/my app', "'ghcr.io/acme/my-app'"],
    ['ghcr.io/acme/-app', "'ghcr.io/acme/app'"],
    ['https://ghcr.io/acme/app', "'ghcr.io/acme/app'"],
    ['acme/app:v1', "Write 'acme/app'"],
    ['localhost:5000/app:v1', "Write 'localhost:5000/app'"],
    ['name=acme/app,enabled=true', "Did you mean 'enable'?"],
    ['name=acme/app,enable=on', 'Allowed: true, false'],
    ['name=', 'the name is empty'],
  ])('in the name %s', async (image, expected) => {
    expect(await problemOf({ images: [image] })).toContain(expected);
  });

  it.each([
    ['lastest=true', "Did you mean 'latest'?"],
    ['latest=yes', 'Allowed: auto, true, false'],
    ['onlatest=true', 'neither a prefix nor a suffix'],
    ['cuda', "'cuda' is no attribute"],
  ])('in the flavor %s', async (line, expected) => {
    expect(await problemOf({ flavor: [line] })).toContain(expected);
  });

  it('are never our bug, whatever a rule says', async () => {
    const part = fc.oneof(
      fc.constantFrom(
        'type=',
        'semver',
        'match',
        ',',
        '=',
        '"',
        '{{',
        '}}',
        'date',
        'pattern=',
        "'",
        'raw',
        '(',
      ),
      fc.string({ maxLength: 4 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
        const done = describeWith({ tags: [parts.join('')] }, onTag('v1.2.3'));
        const error = await done.then(
          () => undefined,
          (error: unknown) => error,
        );
        if (error !== undefined) expect((error as Error).name, messageOf(error)).toMatch(/^UserErrors?$/);
      }),
    );
  });
});

describe('names', () => {
  it('are in lower case, and those not enabled are left out', async () => {
    const images = ['# comment', 'GHCR.io/Acme/App', 'name=acme/other,enable=false', 'name=acme/app'];
    const { names, tags } = await describeWith({ images, tags: ['v1'] });
    expect(names).toEqual(['ghcr.io/acme/app', 'acme/app']);
    expect(tags).toEqual(['ghcr.io/acme/app:v1', 'acme/app:v1']);
    expect((await describeWith({ images: ['a/b,c/d'] })).names).toEqual(['a/b', 'c/d']);
  });
});

describe('labels', () => {
  const modelDigest = `sha256:${'a'.repeat(64)}`;

  it('name the model and the run, and are the same for the same commit where that is wanted', async () => {
    const context = { runId: '42', commitDate: new Date('2019-02-03T04:05:06Z') };
    const { labels } = await describeWith({ modelDigest }, context);
    expect(labels[modelLabels.digest]).toBe(modelDigest);
    expect(labels[modelLabels.run]).toBe('https://github.com/octocat/Hello-World/actions/runs/42');
    const created = 'org.opencontainers.image.created';
    expect(labels[created]).toBe(now.toISOString());
    const again = await describeWith({ modelDigest, reproducible: true }, context);
    expect(again.labels).not.toHaveProperty(modelLabels.run);
    expect(again.labels[created]).toBe('2019-02-03T04:05:06.000Z');
    const epoch = await describeWith({ reproducible: true, sourceDateEpoch: 86_400 }, context);
    expect(epoch.labels[created]).toBe('1970-01-02T00:00:00.000Z');
  });

  it('are what the user says, where the user says it', async () => {
    const labels = [
      'org.opencontainers.image.title=Mine',
      'branch={{branch}}',
      'equation=a=b',
      'empty=',
      'none',
    ];
    const described = await describeWith({ labels });
    expect(described.labels).toMatchObject({ branch: 'main', equation: 'a=b', empty: '' });
    expect(described.labels['org.opencontainers.image.title']).toBe('Mine');
    expect(described.warnings).toEqual([
      "labels, 'none': this is not of the form key=value and is left out.",
    ]);
  });

  it('are annotations at each level, those with levels of their own at these', async () => {
    const annotations = ['a=1', 'index,manifest[linux/arm64]:b=2'];
    const given = await describeWith({ annotations, levels: ['manifest', 'index-descriptor'] });
    expect(given.annotations).toContain('manifest:a=1');
    expect(given.annotations).toContain('index-descriptor:a=1');
    expect(given.annotations.filter((line) => line.endsWith('b=2'))).toEqual([annotations[1]]);
    expect(await problemOf({ levels: ['manifests'] })).toContain("Did you mean 'manifest'?");
  });
});
