import { describe, expect, test } from 'vitest';
import { type Files, line, problemsIn } from './tree.ts';

const job = 'runs-on: ubuntu-latest\n    steps: [{ run: "true" }]';

/** A caller's file and the workflow that it calls. */
function pair(caller: string, called: string): Files {
  return { '.github/workflows/caller.yml': caller, '.github/workflows/called.yml': called };
}

function call(extra: string, top = ''): string {
  return `on: push
${top}
jobs:
  ml:
    uses: org/mlops/.github/workflows/called.yml@v1
${extra}`;
}

function called(declarations: string, body = job, top = ''): string {
  return `on:
  workflow_call:
${declarations}
${top}
jobs:
  work:
    ${body}
`;
}

describe('permissions', () => {
  const wantsWrite = called('', `permissions: { contents: write }\n    ${job}`);
  test.each<[string, Files]>([
    [
      'job asks for more than the caller job grants',
      pair(call('    permissions: { contents: read }'), wantsWrite),
    ],
    ['workflow level grant of the caller', pair(call('', 'permissions: { contents: read }'), wantsWrite)],
    ['restricted default without any permissions', pair(call(''), wantsWrite)],
    ['empty grant', pair(call('', 'permissions: {}'), called('', job, 'permissions: { contents: read }'))],
    ['read-all grants no write', pair(call('    permissions: read-all'), wantsWrite)],
    ['id-token is in no default', pair(call(''), called('', `permissions: { id-token: write }\n    ${job}`))],
    [
      'write-all asks for everything',
      pair(call('    permissions: read-all'), called('', `permissions: write-all\n    ${job}`)),
    ],
    [
      'two levels down through one that inherits',
      {
        '.github/workflows/top.yml': call('    permissions: { contents: read }').replace(
          'called.yml',
          'middle.yml',
        ),
        '.github/workflows/middle.yml': called('', 'uses: ./.github/workflows/called.yml'),
        '.github/workflows/called.yml': wantsWrite,
      },
    ],
    [
      'between two called workflows, whoever calls them',
      {
        '.github/workflows/middle.yml': called(
          '',
          'permissions: { contents: read }\n    uses: ./.github/workflows/called.yml',
        ),
        '.github/workflows/called.yml': wantsWrite,
      },
    ],
  ])('refuses: %s', (_, files) => {
    const problems = problemsIn(files, 'permissions');
    expect(problems).not.toEqual([]);
    expect(problems.map(line).join('\n')).toMatchSnapshot();
  });

  test.each<[string, Files]>([
    ['the same', pair(call('    permissions: { contents: write }'), wantsWrite)],
    [
      'write where read is asked',
      pair(call('    permissions: write-all'), called('', job, 'permissions: read-all')),
    ],
    ['the callee says nothing', pair(call('', 'permissions: {}'), called(''))],
    [
      'the default gives contents and packages to read',
      pair(call(''), called('', job, 'permissions: { contents: read, packages: read }')),
    ],
    [
      'a job grants more than its workflow',
      pair(call('    permissions: { contents: write }', 'permissions: {}'), wantsWrite),
    ],
    [
      'nobody known calls the middle',
      {
        '.github/workflows/middle.yml': called('', 'uses: ./.github/workflows/called.yml'),
        '.github/workflows/called.yml': wantsWrite,
      },
    ],
  ])('allows: %s', (_, files) => expect(problemsIn(files)).toEqual([]));
});

describe('inputs of a workflow', () => {
  const typed = called(`    inputs:
      name: { type: string, required: true }
      count: { type: number, default: 1 }
      deploy: { type: boolean, default: false }`);
  test.each<[string, string]>([
    ['unknown', '    with: { name: a, nmae: b }'],
    ['missing', '    with: { count: 2 }'],
    ['no with at all', ''],
    ['text for a boolean', "    with: { name: a, deploy: 'true' }"],
    ['text for a number', "    with: { name: a, count: '2' }"],
    ['number for a boolean', '    with: { name: a, deploy: 1 }'],
    ['boolean for a number', '    with: { name: a, count: true }'],
    ['text with an expression for a number', '    with: { name: a, count: "1${{ github.run_number }}" }'],
  ])('refuses: %s', (_, extra) => {
    const problems = problemsIn(pair(call(extra), typed), 'inputs');
    expect(problems).toHaveLength(1);
    expect(problems.map(line).join('\n')).toMatchSnapshot();
  });

  test('refuses a required one that is missing although it has a default, which GitHub does not look at', () => {
    const files = pair(
      call(''),
      called('    inputs: { name: { type: string, required: true, default: a } }'),
    );
    expect(problemsIn(files).map(line).join('\n')).toMatchSnapshot();
  });

  test('refuses an input of another type that is passed on', () => {
    const files = {
      '.github/workflows/middle.yml': called(
        '    inputs: { minutes: { type: string, default: "1" } }',
        'uses: ./.github/workflows/called.yml\n    with: { name: a, count: "${{ inputs.minutes }}" }',
      ),
      '.github/workflows/called.yml': typed,
    };
    expect(problemsIn(files).map(line).join('\n')).toMatchSnapshot();
  });

  test.each<[string, string]>([
    ['all with their types', '    with: { name: a, count: 2, deploy: true }'],
    ['names in another case', '    with: { NAME: a }'],
    ['anything as a text', '    with: { name: 5 }'],
    ['an expression of unknown type', '    with: { name: a, deploy: "${{ fromJSON(vars.DEPLOY) }}" }'],
  ])('allows: %s', (_, extra) => expect(problemsIn(pair(call(extra), typed))).toEqual([]));
});

describe('inputs of an action', () => {
  const action = `name: train
description: Trains.
inputs:
  script: { description: The script., required: true }
  device: { description: The device., required: true, default: cpu }
outputs:
  metrics: { description: The metrics. }
runs: { using: node24, main: dist/index.js }
`;
  function using(step: string): Files {
    return {
      'actions/train/action.yml': action,
      '.github/workflows/ml.yml': `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - ${step}\n`,
    };
  }
  test.each<[string, string]>([
    ['unknown', '{ uses: org/mlops/actions/train@v1, with: { script: a, scirpt: b } }'],
    ['missing', '{ uses: ./actions/train }'],
  ])('refuses: %s', (_, step) => {
    const problems = problemsIn(using(step));
    expect(problems).toHaveLength(1);
    expect(problems.map(line).join('\n')).toMatchSnapshot();
  });
  test.each<[string, string]>([
    ['required only', '{ uses: org/mlops/actions/train@v1, with: { script: a } }'],
    ['self-repository form', '{ uses: $/actions/train, with: { script: a, device: cuda } }'],
  ])('allows: %s', (_, step) => expect(problemsIn(using(step))).toEqual([]));
});

describe('secrets', () => {
  const declares = called('    secrets: { TOKEN: { required: true }, EXTRA: { required: false } }');
  test.each<[string, Files]>([
    ['undeclared in the callee', pair(call('    secrets: { TOKEN: a, TOKNE: b }'), declares)],
    ['required and not passed', pair(call('    secrets: { EXTRA: a }'), declares)],
    ['required and none passed', pair(call(''), declares)],
    [
      'read without a declaration',
      pair(
        call(''),
        called('', 'runs-on: x\n    steps: [{ run: "true", env: { T: "${{ secrets.OTHER }}" } }]'),
      ),
    ],
  ])('refuses: %s', (_, files) => {
    const problems = problemsIn(files, 'secrets');
    expect(problems).toHaveLength(1);
    expect(problems.map(line).join('\n')).toMatchSnapshot();
  });
  test.each<[string, Files]>([
    ['passed by name', pair(call('    secrets: { token: "${{ secrets.TOKEN }}" }'), declares)],
    ['inherited', pair(call('    secrets: inherit'), declares)],
    [
      "declared, and the run's own token",
      pair(
        call('    secrets: { A: "${{ secrets.A }}" }'),
        called(
          '    secrets: { A: {} }',
          'runs-on: x\n    steps: [{ run: "true", env: { A: "${{ secrets.a }}", B: "${{ secrets.GITHUB_TOKEN }}" } }]',
        ),
      ),
    ],
  ])('allows: %s', (_, files) => expect(problemsIn(files)).toEqual([]));
});

describe('what uses means', () => {
  const workflow = (body: string) => ({ '.github/workflows/a.yml': `on: push\njobs:\n  a:\n    ${body}\n` });
  test.each<[string, Files]>([
    ['a workflow that is not there', workflow('uses: ./.github/workflows/none.yml')],
    ['an action that is not there', workflow('runs-on: x\n    steps: [{ uses: org/mlops/actions/none@v1 }]')],
    ['a job that calls an action', workflow('uses: org/mlops/actions/train@v1')],
    [
      'a step that calls a workflow',
      workflow('runs-on: x\n    steps: [{ uses: ./.github/workflows/called.yml }]'),
    ],
    [
      'a workflow without workflow_call',
      {
        ...workflow('uses: ./.github/workflows/b.yml'),
        '.github/workflows/b.yml': `on: push\njobs:\n  a:\n    ${job}\n`,
      },
    ],
  ])('refuses: %s', (_, files) => {
    const problems = problemsIn(files, 'uses');
    expect(problems).toHaveLength(1);
    expect(problems.map(line).join('\n')).toMatchSnapshot();
  });
  test('allows what is there', () => expect(problemsIn(pair(call(''), called('')))).toEqual([]));
});
