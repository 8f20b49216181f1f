import dockerignore from '@balena/dockerignore';
import { DockerfileParser, type Instruction, type JSONInstruction } from 'dockerfile-ast';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DockerfileOptions, generateDockerfile } from '../../src/dockerfile/generate.ts';
import { projectOf, trainedExample } from './project.ts';

const service = {
  serve: 'python -m service',
  port: 8000,
  healthPath: '/health',
  modelDelivery: 'baked',
} as const;
const simple = { 'requirements.txt': 'numpy==2.3.0\n', 'service.py': 'print(1)\n' };

describe('the examples', () => {
  it.each([
    ['tabular-sklearn', 'tumor'],
    ['vision-pytorch', 'digits'],
    ['dvc-pipeline', 'diabetes'],
  ])('%s gets a Dockerfile', async (name, module) => {
    const { dockerfile, dockerignore, because } = await generateDockerfile({
      ...service,
      root: trainedExample(name),
      serve: `.venv/bin/python -m ${module}.serve`,
      model: 'model',
    });
    await expect(dockerfile).toMatchFileSnapshot(`golden/${name}.Dockerfile`);
    await expect(dockerignore).toMatchFileSnapshot(`golden/${name}.dockerignore`);
    await expect(`${because.join('\n')}\n`).toMatchFileSnapshot(`golden/${name}.because.txt`);
  });
});

describe('values', () => {
  const names = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((name) => !/[/\\\p{Cc}\u2028\u2029]/u.test(name) && name === name.trim() && !/^\.+$/.test(name));

  it('of a command reach it whole and open no instruction', async () => {
    const root = projectOf(simple);
    const words = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          '\nRUN id',
          '<<EOF',
          '\\',
          '"]\nUSER 0',
          '$HOME',
          '#',
          "'",
          '\u2028USER 0',
          '\r\nUSER 0',
        ),
      ),
      { minLength: 1 },
    );
    await fc.assert(
      fc.asyncProperty(words, async (serve) => {
        fc.pre(serve[0] !== '' && !/^(\.\/)?\.?venv\/bin\//.test(serve[0] ?? '') && serve[1] !== 'run');
        fc.pre(serve.every((word) => !word.includes('\0')));
        const { dockerfile } = await generateDockerfile({ ...service, root, serve });
        expect(keywords(dockerfile)).toEqual(usual);
        expect(JSON.parse(last(dockerfile, 'CMD').getRawArgumentsContent() ?? '')).toEqual(serve);
      }),
      { numRuns: 200 },
    );
  });

  it('of a line for a shell reach the shell whole', async () => {
    const root = projectOf(simple);
    const parts = fc.array(
      fc.constantFrom('run', ' ', '\n', '$PORT', '|', '<<EOF', '\\', '# x', 'USER 0', ';', '"a"'),
    );
    await fc.assert(
      fc.asyncProperty(parts, async (each) => {
        const serve = `x $(y) ${each.join('')}`.trim();
        const { dockerfile } = await generateDockerfile({ ...service, root, serve });
        expect(keywords(dockerfile)).toEqual(usual);
        const command = JSON.parse(last(dockerfile, 'CMD').getRawArgumentsContent() ?? '') as string[];
        expect(command.slice(0, 2)).toEqual(['/bin/sh', '-c']);
        expect(command[2]?.replace(/^exec /, '')).toBe(serve);
      }),
    );
  });

  it('of paths name exactly these files', async () => {
    await fc.assert(
      fc.asyncProperty(names, names, async (code, model) => {
        fc.pre(code.toLowerCase() !== model.toLowerCase() && Buffer.byteLength(code + model) < 200);
        fc.pre(![code, model].some((name) => /^(requirements\.txt|service\.py)$/i.test(name)));
        const root = projectOf({ ...simple, [`${code}/a.py`]: '', [`${model}/weights`]: '' });
        const { dockerfile, dockerignore: rules } = await generateDockerfile({
          ...service,
          root,
          include: [code],
          model,
        });
        expect(keywords(dockerfile)).toEqual([...usual.slice(0, 11), 'COPY', ...usual.slice(11)]);
        const copied = instructions(dockerfile, 'COPY').flatMap((copy) => sourcesOf(copy as JSONInstruction));
        expect(copied).toEqual(expect.arrayContaining([code, model]));
        const ignored = dockerignore().add(rules);
        expect(ignored.ignores('requirements.txt')).toBe(false);
        expect(ignored.ignores('other.txt')).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each<[string, Partial<DockerfileOptions>]>([
    ['a port', { port: 70_000 }],
    ['a user by name', { user: 'root' }],
    ['a path for requests', { healthPath: '/a b' }],
    ['a path for requests that is none', { healthPath: 'http://x' }],
    ['a base image', { base: 'python:3.13\nRUN id' }],
    ['a variable as base image', { base: '$BASE' }],
    ['a system package', { systemPackages: ['libgomp1; id'] }],
    ['an option as system package', { systemPackages: ['--help'] }],
    ['a model outside', { model: '../model' }],
    ['an absolute path', { include: ['/etc'] }],
    ['the whole project', { include: ['.'] }],
    ['a line break in a path', { include: ['a\nUSER 0'] }],
    ['what is not there', { include: ['src'] }],
    ['a model that is not there', { model: 'model' }],
    ['a version of Python', { python: 'pypy3.10' }],
    ['a version of CUDA', { cuda: '9.0' }],
    ['an empty command', { serve: ' ' }],
    ['an open quote', { serve: "python -m 'x" }],
  ])('that are no %s are refused', async (_, options) => {
    await expect(
      generateDockerfile({ ...service, root: projectOf(simple), ...options }),
    ).rejects.toMatchObject({
      name: 'UserError',
      advice: expect.any(String),
    });
  });
});

/** The instructions of `simple`, without a model. */
const usual = [
  ...['FROM', 'ENV', 'RUN', 'RUN', 'RUN'],
  ...['FROM', 'COPY'],
  ...['FROM', 'WORKDIR', 'ENV', 'COPY', 'COPY', 'USER', 'EXPOSE', 'HEALTHCHECK', 'CMD'],
];

function keywords(dockerfile: string): string[] {
  return DockerfileParser.parse(dockerfile)
    .getInstructions()
    .map((instruction) => instruction.getKeyword());
}

function instructions(dockerfile: string, keyword: string): Instruction[] {
  return DockerfileParser.parse(dockerfile)
    .getInstructions()
    .filter((instruction) => instruction.getKeyword() === keyword);
}

function last(dockerfile: string, keyword: string): Instruction {
  const found = instructions(dockerfile, keyword).at(-1);
  if (!found) throw new Error(`no ${keyword}`);
  return found;
}

/** What a COPY in exec form names, with the escapes undone that keep variables and globs from being read. */
function sourcesOf(copy: Instruction): string[] {
  const [, list] = /(\[.*\])\s*$/s.exec(copy.getRawArgumentsContent() ?? '') ?? [];
  if (!list) return [];
  const words = JSON.parse(list) as string[];
  return words.slice(0, -1).map((word) => word.replace(/\\(.)/gu, '$1').replace(/\[([*?[])\]/g, '$1'));
}
