import { describe, expect, test } from 'vitest';
import { type Files, line, problemsIn } from './tree.ts';

const sha = 'de0fac2e4500dabe0009e67214ff5f5447ce83dd';
const plain = 'runs-on: x\n    steps: [{ run: "true" }]';

function jobs(text: string, on = 'on: push'): Files {
  return { '.github/workflows/ml.yml': `${on}\njobs:\n${text}\n` };
}

function steps(...each: string[]): Files {
  return jobs(`  a:\n    runs-on: x\n    steps:\n${each.map((step) => `      - ${step}`).join('\n')}`);
}

const action = {
  'actions/train/action.yml': `name: train
description: Trains.
outputs: { model-digest: { description: Digest. } }
runs: { using: node24, main: dist/index.js }
`,
};
const reusable = {
  '.github/workflows/train.yml': `on:
  workflow_call:
    outputs:
      passed: { value: "\${{ jobs.train.outputs.passed }}" }
jobs:
  train:
    runs-on: x
    outputs: { passed: 'true' }
    steps: [{ run: "true" }]
`,
};

interface Cases {
  refuses: [string, Files][];
  allows: [string, Files][];
}

const cases: Record<
  'outputs' | 'contexts' | 'needs' | 'limits' | 'injection' | 'checkout' | 'pinning' | 'syntax',
  Cases
> = {
  outputs: {
    refuses: [
      [
        'of a job',
        jobs(
          `  a:\n    outputs: { x: y }\n    ${plain}\n  b:\n    needs: a\n    if: needs.a.outputs.z == 'y'\n    ${plain}`,
        ),
      ],
      [
        'of a called workflow',
        {
          ...reusable,
          ...jobs(
            `  t: { uses: org/mlops/.github/workflows/train.yml@v1 }\n  b:\n    needs: [t]\n    name: "\${{ needs.t.outputs.psased }}"\n    ${plain}`,
          ),
        },
      ],
      [
        'of a job, not outputs',
        jobs(`  a:\n    ${plain}\n  b:\n    needs: a\n    if: needs.a.output.x\n    ${plain}`),
      ],
      [
        'of a workflow from a job',
        {
          '.github/workflows/train.yml': reusable['.github/workflows/train.yml'].replace(
            'outputs.passed }}',
            'outputs.verdict }}',
          ),
        },
      ],
      [
        'of a workflow from no job',
        {
          '.github/workflows/train.yml': reusable['.github/workflows/train.yml'].replace(
            'jobs.train',
            'jobs.tarin',
          ),
        },
      ],
      [
        'of an action',
        {
          ...action,
          ...steps(
            '{ id: t, uses: org/mlops/actions/train@v1 }',
            '{ run: "true", env: { D: "${{ steps.t.outputs.digest }}" } }',
          ),
        },
      ],
      ['of a later step', steps('{ run: "true", if: steps.b.outputs.x }', '{ id: b, run: "true" }')],
      ['of no step', steps('{ run: "true", if: "steps[\'none\'].outcome == \'success\'" }')],
      ['of a step, not outputs', steps('{ id: a, run: "true" }', '{ run: "true", if: steps.a.result }')],
      [
        'of a job from no output of its action',
        {
          ...action,
          ...jobs(
            '  a:\n    runs-on: x\n    outputs: { d: "${{ steps.t.outputs.digest }}" }\n    steps: [{ id: t, uses: ./actions/train }]',
          ),
        },
      ],
    ],
    allows: [
      [
        'what exists',
        {
          ...action,
          ...reusable,
          ...jobs(
            `  t: { uses: ./.github/workflows/train.yml }\n  a:\n    runs-on: x\n    outputs: { d: "\${{ steps.T.outputs.Model-Digest }}" }\n    steps: [{ id: t, uses: ./actions/train }]\n  b:\n    needs: [t, a]\n    if: needs.t.outputs.passed == 'true' && needs.a.outputs.d && needs.a.result == 'success'\n    ${plain}`,
          ),
        },
      ],
      [
        'what only the run knows',
        steps(
          '{ id: a, run: "true" }',
          `{ id: b, uses: actions/cache@${sha} }`,
          '{ run: "true", env: { A: "${{ steps.a.outputs.x }}", B: "${{ steps.b.outputs.cache-hit }}", C: "${{ toJSON(steps.*.outputs) }}" } }',
        ),
      ],
    ],
  },
  contexts: {
    refuses: [
      ['secrets in a condition', steps('{ run: "true", if: secrets.TOKEN }')],
      ['steps in a job name', jobs(`  a:\n    name: "\${{ steps.a.outcome }}"\n    ${plain}`)],
      ['matrix in a job condition', jobs(`  a:\n    if: matrix.x\n    ${plain}`)],
      ['env in runs-on', jobs('  a:\n    runs-on: ${{ env.RUNNER }}\n    steps: [{ run: "true" }]')],
      ['jobs in a step', steps('{ run: "true", env: { A: "${{ jobs.a.result }}" } }')],
      [
        'secrets passed as inputs',
        jobs('  a:\n    uses: ./.github/workflows/b.yml\n    with: { x: "${{ secrets.X }}" }'),
      ],
      ['always() outside of a condition', steps('{ run: "true", env: { A: "${{ always() }}" } }')],
      [
        'secrets in an action of steps',
        {
          'actions/own/action.yml':
            'name: own\ndescription: Own.\nruns:\n  using: composite\n  steps: [{ run: "true", shell: bash, if: secrets.A }]\n',
          ...steps('{ uses: ./actions/own }'),
        },
      ],
      ['secrets where a number stands', jobs(`  a:\n    timeout-minutes: "\${{ secrets.X }}"\n    ${plain}`)],
      ['hashFiles() in a job', jobs(`  a:\n    if: hashFiles('x')\n    ${plain}`)],
      [
        'any in the name of a trigger',
        jobs(`  a:\n    ${plain}`, 'on: { push: { branches: ["${{ vars.MAIN }}"] } }'),
      ],
    ],
    allows: [
      [
        'where GitHub provides them',
        jobs(
          '  a:\n    if: always() && github.ref_name == \'main\'\n    runs-on: ${{ vars.RUNNER }}\n    env: { T: "${{ secrets.T }}" }\n    steps: [{ run: "true", if: "failure() && env.T && runner.os == \'Linux\'", env: { H: "${{ hashFiles(\'x\') }}" } }]',
        ),
      ],
    ],
  },
  needs: {
    refuses: [
      ['a job that is not there', jobs(`  a:\n    needs: none\n    ${plain}\n  b:\n    ${plain}`)],
      [
        'a circle',
        jobs(`  a:\n    needs: b\n    ${plain}\n  b:\n    needs: a\n    ${plain}\n  c:\n    ${plain}`),
      ],
      ['nothing to start with', jobs(`  a:\n    needs: a\n    ${plain}`)],
      [
        'read without being needed',
        jobs(
          `  a:\n    ${plain}\n  b:\n    needs: a\n    ${plain}\n  c:\n    needs: b\n    if: needs.a.result == 'success'\n    ${plain}`,
        ),
      ],
      ['read without being there', jobs(`  a:\n    if: needs.z.result == 'success'\n    ${plain}`)],
    ],
    allows: [
      [
        'a diamond',
        jobs(
          `  a:\n    ${plain}\n  b:\n    needs: a\n    ${plain}\n  c:\n    needs: [a, b]\n    if: needs.A.result\n    ${plain}`,
        ),
      ],
    ],
  },
  limits: {
    refuses: [
      ['matrix of 17 by 16', jobs(matrix(`{ a: ${list(17)}, b: ${list(16)} }`))],
      ['matrix with one unknown list', jobs(matrix(`{ a: ${list(257)}, b: "\${{ fromJSON(vars.B) }}" }`))],
      [
        'matrix of 16 by 16 and one more',
        jobs(matrix(`{ a: ${list(16)}, b: ${list(16)}, include: [{ a: 99 }] }`)),
      ],
      [
        'exclusions that are too few',
        jobs(matrix(`{ a: ${list(17)}, b: ${list(16)}, exclude: [{ a: 0, b: 0 }] }`)),
      ],
      [
        '26 inputs of workflow_dispatch',
        jobs(`  a:\n    ${plain}`, `on: { workflow_dispatch: { inputs: { ${inputs(26)} } } }`),
      ],
      ['11 levels', chain(11)],
      ['51 called workflows', fan(51)],
      ['a workflow that calls itself', loop()],
    ],
    allows: [
      ['matrix of 16 by 16', jobs(matrix(`{ a: ${list(16)}, b: ${list(16)}, include: [{ a: 1, c: 2 }] }`))],
      ['exclusions that suffice', jobs(matrix(`{ a: ${list(17)}, b: ${list(16)}, exclude: [{ a: 0 }] }`))],
      ['matrix of includes', jobs(matrix('{ include: [{ a: 1 }, { a: 2 }] }'))],
      ['matrix that an expression gives', jobs(matrix('"${{ fromJSON(vars.M) }}"'))],
      [
        '25 inputs of workflow_dispatch',
        jobs(`  a:\n    ${plain}`, `on: { workflow_dispatch: { inputs: { ${inputs(25)} } } }`),
      ],
      ['10 levels', chain(10)],
      ['50 called workflows', fan(50)],
    ],
  },
  injection: {
    refuses: [
      ['in a script', steps('{ run: "echo ${{ github.head_ref }}" }')],
      [
        'twice in a script',
        steps('run: |\n          echo a\n          echo "${{ inputs.a }}" "${{ matrix.b }}"'),
      ],
      ['in the shell', steps('{ run: "true", shell: "${{ inputs.shell }}" }')],
      [
        'in an action of steps',
        {
          'actions/own/action.yml':
            'name: own\ndescription: Own.\nruns:\n  using: composite\n  steps: [{ run: "echo ${{ inputs.a }}", shell: bash }]\n',
          ...steps('{ uses: ./actions/own }'),
        },
      ],
    ],
    allows: [
      [
        'through the environment',
        steps(`{ run: 'echo "$REF"', shell: bash, env: { REF: "\${{ github.head_ref }}" } }`),
      ],
    ],
  },
  checkout: {
    refuses: [
      [
        'by SHA',
        target(
          `{ uses: actions/checkout@${sha}, with: { ref: "\${{ github.event.pull_request.head.sha }}" } }`,
        ),
      ],
      ['by name', target(`{ uses: actions/checkout@${sha}, with: { ref: "\${{ github.head_ref }}" } }`)],
      [
        'by the number',
        target(
          `{ uses: actions/checkout@${sha}, with: { ref: "refs/pull/\${{ github.event.number }}/merge" } }`,
        ),
      ],
      ['by gh', target('{ run: gh pr checkout "$NUMBER" }')],
      [
        'in a called workflow',
        {
          '.github/workflows/pr.yml':
            'on: pull_request_target\njobs:\n  a: { uses: ./.github/workflows/called.yml }\n',
          '.github/workflows/called.yml': `on: workflow_call\njobs:\n  a:\n    runs-on: x\n    steps: [{ uses: actions/checkout@${sha}, with: { ref: "\${{ github.head_ref }}" } }]\n`,
        },
      ],
    ],
    allows: [
      ['the base', target(`{ uses: actions/checkout@${sha} }`)],
      [
        'the head for pull_request',
        steps(`{ uses: actions/checkout@${sha}, with: { ref: "\${{ github.head_ref }}" } }`),
      ],
    ],
  },
  pinning: {
    refuses: [
      ['tag', steps('{ uses: actions/checkout@v6 }')],
      ['short SHA', steps(`{ uses: actions/checkout@${sha.slice(0, 7)} }`)],
      ['nothing', steps('{ uses: actions/checkout }')],
      ['image by tag', steps('{ uses: "docker://alpine:3" }')],
      ['called workflow', jobs('  a: { uses: other/repo/.github/workflows/a.yml@main }')],
      ['ours without a ref', steps('{ uses: org/mlops/actions/train }')],
    ],
    allows: [
      ['full SHA', steps(`{ uses: actions/checkout@${sha} }`)],
      ['image by digest', steps(`{ uses: "docker://alpine@sha256:${'0'.repeat(64)}" }`)],
      ['ours', { ...action, ...steps('{ uses: org/mlops/actions/train@v1 }') }],
    ],
  },
  syntax: {
    refuses: [
      ['unknown key', jobs(`  a:\n    run-on: x\n    ${plain}`)],
      ['YAML', { '.github/workflows/ml.yml': 'on: push\njobs: [\n' }],
      ['an expression that does not end', steps('{ run: "true", name: "${{ github.ref" }')],
      ['an expression that is wrong', steps('{ run: "true", name: "${{ github. }}" }')],
    ],
    allows: [['a workflow', steps('{ run: "true" }')]],
  },
};

describe.each(Object.entries(cases))('%s', (check, { refuses, allows }) => {
  test.each(refuses)('refuses: %s', (_, files) => {
    const problems = problemsIn(files, check as keyof typeof cases);
    expect(problems).not.toEqual([]);
    expect(problems.map(line).join('\n')).toMatchSnapshot();
  });
  test.each(allows)('allows: %s', (_, files) => expect(problemsIn(files)).toEqual([]));
});

function list(length: number): string {
  return JSON.stringify(Array.from({ length }, (_, index) => index));
}

function inputs(count: number): string {
  return Array.from({ length: count }, (_, index) => `i${index}: { description: An input. }`).join(', ');
}

function matrix(value: string): string {
  return `  a:\n    strategy: { matrix: ${value} }\n    ${plain}`;
}

/** A workflow for a push and `levels - 1` below it, each calling the next. */
function chain(levels: number): Files {
  return Object.fromEntries(
    Array.from({ length: levels }, (_, index) => [
      `.github/workflows/w${String(index).padStart(2, '0')}.yml`,
      `on: ${index === 0 ? 'push' : 'workflow_call'}\njobs:\n  a:\n    ${
        index === levels - 1 ? plain : `uses: ./.github/workflows/w${String(index + 1).padStart(2, '0')}.yml`
      }\n`,
    ]),
  );
}

function fan(count: number): Files {
  const names = Array.from({ length: count }, (_, index) => `w${index}`);
  return {
    ...jobs(names.map((name) => `  ${name}: { uses: ./.github/workflows/${name}.yml }`).join('\n')),
    ...Object.fromEntries(
      names.map((name) => [
        `.github/workflows/${name}.yml`,
        `on: workflow_call\njobs:\n  a:\n    ${plain}\n`,
      ]),
    ),
  };
}

function loop(): Files {
  const calls = (name: string) =>
    `on: workflow_call\njobs:\n  a: { uses: ./.github/workflows/${name}.yml }\n`;
  return { '.github/workflows/a.yml': calls('b'), '.github/workflows/b.yml': calls('a') };
}

function target(step: string): Files {
  return jobs(`  a:\n    runs-on: x\n    steps: [${step}]`, 'on: pull_request_target');
}
