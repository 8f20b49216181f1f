import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { script } from '@mlops/core/process';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Command, commandOf, entryPointOf, type Given } from '../src/mlproject/command.ts';
import { type MlProject, readMlProject } from '../src/mlproject/project-file.ts';
import { quoted } from '../src/quoted.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mlproject-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const text = `name: tutorial

python_env: python_env.yaml

entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      epochs: int
      name: {default: plain}
      verbose: {type: string, default: true}
      none: {type: string, default: null}
    command: "python train.py --alpha {alpha} --epochs {epochs} --name {name} {{braces}} {verbose}{none}"
  validate:
    parameters:
      data: path
      source: {type: uri, default: "s3://bucket/key"}
    command: "python check.py {data} {source}"
`;

const read = async (content: string): Promise<MlProject> => {
  await writeFile(join(folder, 'MLproject'), content);
  const project = await readMlProject(folder, folder);
  if (!project) throw new Error('there is no project');
  return project;
};

const commandFor = async (name: string, given: Given, content = text): Promise<Command> => {
  const project = await read(content);
  const entry = entryPointOf(name, project, folder);
  return commandOf(entry, given, { file: project.file, folder, platform: 'linux' });
};

const problems = async (run: () => Promise<unknown>): Promise<string> => {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return String(error);
  }
  throw new Error('it should have failed');
};

describe('the command of an entry point', () => {
  test('has parameters and defaults as Python spells them, and undeclared ones appended', async () => {
    const {
      text: command,
      extra,
      parameters,
    } = await commandFor('main', { epochs: 3, none: 'x', extra: 'a b', flag: true });
    expect(command).toBe(
      `python train.py --alpha 0.5 --epochs 3 --name plain {braces} Truex --extra 'a b' --flag True`,
    );
    expect(extra).toEqual(['extra', 'flag']);
    expect(parameters.get('alpha')).toBe('0.5');
  });

  test('quotes every value, so that the shell takes none for more than a word', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 12 }), async (value) => {
        fc.pre(!value.includes('\0'));
        const { stdout } = await script(
          `node -e "process.stdout.write(JSON.stringify(process.argv.slice(1)))" -- ${quoted(value)} end`,
        );
        expect(JSON.parse(stdout)).toEqual([value, 'end']);
      }),
      { numRuns: 25, examples: [[`'; rm -rf x; '`], ['$(id)'], ['a\nb'], ['`id`'], ['"']] },
    );
    expect(quoted("it's $(here)", 'win32')).toBe("'it''s $(here)'");
    expect(quoted('a%PATH%', 'win32')).toBe("'a%PATH%'");
  });

  test('has absolute paths for parameters of that type', async () => {
    await mkdir(join(folder, 'data'));
    const { parameters } = await commandFor('validate', { data: 'data' });
    expect(parameters.get('data')).toBe(join(folder, 'data'));
  });

  test('may be that of a script, as in MLflow', async () => {
    await writeFile(join(folder, 'my {odd} script.py'), '');
    const entry = entryPointOf('my {odd} script.py', undefined, folder);
    expect(commandOf(entry, { a: 1 }, { file: 'x', folder, platform: 'linux' }).text).toBe(
      `python 'my {odd} script.py' --a 1`,
    );
    expect(await problems(async () => entryPointOf('none.py', undefined, folder))).toBe(
      "input entry-point: there is no script 'none.py'\nMLproject has no entry_points; name a script, such as train.py.",
    );
  });
});

describe('mistakes are named with their place', () => {
  test.for<[what: string, name: string, given: Given, message: string]>([
    [
      'a missing value',
      'main',
      { none: '' },
      "MLproject:9: the parameter 'epochs' of 'main' has no value\nGive it in the input 'parameters', or a default here.",
    ],
    [
      'a wrong type',
      'main',
      { epochs: 'ten', none: '' },
      "MLproject:9: the parameter 'epochs' is declared int, but 'ten' is not a whole number",
    ],
    [
      'a wrong number',
      'main',
      { epochs: 1, alpha: '1,5', none: '' },
      "MLproject:8: the parameter 'alpha' is declared float, but '1,5' is not a number",
    ],
    [
      'a typing error',
      'main',
      { epochs: 1, alph: 0.1, none: '' },
      "MLproject:13: input parameters: 'main' has no parameter 'alph'\nDid you mean 'alpha'?",
    ],
    [
      'an impossible option',
      'main',
      { epochs: 1, none: '', 'x; id': 1 },
      "'x; id' cannot be an option of a command",
    ],
    [
      'a path that is not there',
      'validate',
      { data: 'nowhere' },
      "MLproject:16: the parameter 'data' is declared path, but 'nowhere' does not exist",
    ],
    [
      'a path elsewhere',
      'validate',
      { data: 's3://b/k' },
      "but 's3://b/k' is a URI, which is not downloaded here",
    ],
    [
      'no URI',
      'validate',
      { data: '.', source: 'here' },
      "MLproject:17: the parameter 'source' is declared uri, but 'here' is not a URI",
    ],
    [
      'an unknown entry point',
      'mai',
      {},
      "MLproject:1: input entry-point: 'mai' is not an entry point\nDid you mean 'main'?",
    ],
  ])('%s', async ([, name, given, message]) => {
    expect(await problems(() => commandFor(name, given))).toContain(message);
  });

  test.for([
    [
      'docker_env',
      `${text}docker_env: {image: x}\n`,
      'MLproject:19: docker_env is not supported: steps run on the runner, or in the container of the job\nName the image in the workflow',
    ],
    ['broken YAML', 'name: [', 'MLproject:1: not valid YAML: '],
    ['a list', '- 1\n', 'MLproject:1: an MLproject is a mapping'],
    [
      'no command',
      'entry_points:\n  main: {parameters: {}}\n',
      'MLproject:2: entry_points.main needs a command',
    ],
    [
      'an unknown key',
      'entry_points:\n  main:\n    comand: x\n',
      "MLproject:3: entry_points.main has the unknown key 'comand'\nDid you mean 'command'?",
    ],
    [
      'an unknown type',
      'entry_points:\n  main:\n    parameters: {a: flot}\n    command: x\n',
      "MLproject:3: entry_points.main.parameters.a has the unknown type 'flot'\nDid you mean 'float'?",
    ],
    [
      'an undeclared parameter',
      'entry_points:\n  main:\n    command: "x {beta}"\n',
      "MLproject:3: the command of 'main' names the parameter 'beta', which is not declared",
    ],
    [
      'a single brace',
      'entry_points:\n  main:\n    command: "x }"\n',
      "MLproject:3: the command of 'main' has a single '}'",
    ],
  ] as const)('%s', async ([, content, message]) => {
    expect(await problems(() => commandFor('main', {}, content))).toContain(message);
  });
});

test('the environment is that which the file names, or the one beside it', async () => {
  expect((await read(text)).environment).toBe('python_env.yaml');
  expect((await read('entry_points: {main: {command: x}}')).environment).toBeUndefined();
  await writeFile(join(folder, 'conda.yaml'), '');
  expect((await read('entry_points: {main: {command: x}}')).environment).toBe('conda.yaml');
  expect(await readMlProject(join(folder, '..'), folder)).toBeUndefined();
});
