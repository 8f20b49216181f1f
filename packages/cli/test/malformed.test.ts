import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Action, UserErrors } from '@mlops/core';
import { readInputs } from '@mlops/core/read-inputs';
import { afterEach, describe, expect, test } from 'vitest';
import { action as cloudDeploy } from '../../../actions/cloud-deploy/src/action.ts';
import { action as evaluateGate } from '../../../actions/evaluate-gate/src/action.ts';
import { action as packageAction } from '../../../actions/package/src/action.ts';
import { action as report } from '../../../actions/report/src/action.ts';
import { action as setup } from '../../../actions/setup-python-cuda/src/action.ts';
import { action as train } from '../../../actions/train/src/action.ts';

/** What users get wrong in `with:` and in mlops.yaml, and what they are told: the messages are the interface. */

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function told(action: Action, inputs: Record<string, string>, file?: string): Promise<string> {
  const workspace = mkdtempSync(join(tmpdir(), 'mlops-malformed-'));
  folders.push(workspace);
  mkdirSync(join(workspace, 'project'));
  if (file !== undefined) writeFileSync(join(workspace, 'mlops.yaml'), file);
  const env = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
  );
  const outcome = await readInputs(action, { GITHUB_WORKSPACE: workspace, ...env }).then(
    () => 'nothing',
    (error) => (error instanceof UserErrors ? error.problems.map(String).join('\n---\n') : String(error)),
  );
  return outcome.replaceAll(workspace, '<workspace>');
}

const stage = 'name: a, run: x';

const files: [string, Action, string][] = [
  ['a tab for indentation', train, 'train:\n\trun: x'],
  ['an unclosed bracket', train, 'train: { run: [x }'],
  ['an unclosed quote', train, 'train:\n  run: "x\n'],
  ['a duplicate key', train, 'train: { run: x }\ntrain: { run: y }'],
  ['a duplicate input', train, 'train:\n  run: x\n  run: y'],
  ['a list instead of a mapping', train, '- train'],
  ['a text instead of a mapping', train, 'train'],
  ['an undefined anchor', train, 'train: { run: *nothing }'],
  ['a section that is a list', train, 'train: [x]'],
  ['a section that is text', train, 'train: python train.py'],
  ['a misspelt section', train, 'train: { run: x }\nevaluate_gate: { rules: { a: { threshold: 1 } } }'],
  ['a section of another tool', train, 'train: { run: x }\nstages: {}'],
  ['a misspelt input', train, 'train: { run: x, metric: [a.json] }'],
  ['an input of another action', train, 'train: { run: x, rules: {} }'],
  ['a common input, which a file cannot set', train, 'train: { run: x, working-directory: sub }'],
  ['an input that the runner fills', train, 'train: { run: x, matrix: {} }'],
  [
    'a secret in the file',
    evaluateGate,
    'evaluate-gate:\n  rules: { a: { threshold: 1 } }\n  github-token: ghp_x',
  ],
  ['a missing required input', evaluateGate, 'evaluate-gate: { enforce: false }'],
  ['an empty section', evaluateGate, 'evaluate-gate:'],
  ['an empty file', evaluateGate, ''],
  ['a word that is not allowed', train, 'train: { run: x, cache: of }'],
  ['text for a flag', train, "train: { run: x, upload: 'yes' }"],
  ['a number for a flag', train, 'train: { run: x, upload: 1 }'],
  ['a number out of range', train, 'train: { run: x, retention-days: 0 }'],
  ['a number with a fraction', train, 'train: { run: x, retention-days: 1.5 }'],
  ['text for a number', train, 'train: { run: x, retention-days: week }'],
  ['text for a list', train, 'train: { run: x, metrics: metrics.json }'],
  ['a number in a list of texts', train, 'train: { run: x, metrics: [1] }'],
  ['an empty text in a list', packageAction, "package: { include: [''] }"],
  ['a mapping for a text', train, 'train: { run: x, model: { path: m } }'],
  ['a number for a command', train, 'train: { run: 3 }'],
  ['an empty command', train, "train: { run: '' }"],
  ['no stages', train, 'train: { run: [] }'],
  ['a stage without a command', train, 'train: { run: [{ name: a }] }'],
  ['a stage without a name', train, 'train: { run: [{ run: x }] }'],
  [
    'a misspelt key of a stage',
    train,
    `train:\n  run:\n    - { ${stage} }\n    - name: b\n      run: y\n      ouputs: [o]`,
  ],
  ["another tool's key of a stage", train, `train: { run: [{ ${stage}, deps: [d] }] }`],
  ['text for the inputs of a stage', train, `train: { run: [{ ${stage}, inputs: d }] }`],
  ['a name of a stage with a space', train, "train: { run: [{ name: 'a b', run: x }] }"],
  ['two stages of one name', train, `train: { run: [{ ${stage} }, { ${stage} }] }`],
  [
    'two stages that write the same',
    train,
    `train: { run: [{ ${stage}, outputs: [o] }, { name: b, run: y, outputs: [o] }] }`,
  ],
  [
    'stages in a circle',
    train,
    `train: { run: [{ ${stage}, inputs: [p], outputs: [o] }, { name: b, run: y, inputs: [o], outputs: [p] }] }`,
  ],
  ['an absolute path of an output', train, `train: { run: [{ ${stage}, outputs: [/data] }] }`],
  ['a path that leaves the folder', train, `train: { run: [{ ${stage}, inputs: [../data] }] }`],
  ['a gate without rules', evaluateGate, 'evaluate-gate: { rules: {} }'],
  ['a rule that asks nothing', evaluateGate, 'evaluate-gate: { rules: { accuracy: {} } }'],
  ['a rule that is a list', evaluateGate, 'evaluate-gate: { rules: { accuracy: [0.9] } }'],
  ['a misspelt key of a rule', evaluateGate, 'evaluate-gate:\n  rules:\n    accuracy: { treshold: 0.9 }'],
  ['a threshold that is text', evaluateGate, 'evaluate-gate: { rules: { accuracy: { threshold: high } } }'],
  [
    'a threshold that is not a number',
    evaluateGate,
    'evaluate-gate: { rules: { accuracy: { threshold: .nan } } }',
  ],
  [
    'a direction that is text',
    evaluateGate,
    'evaluate-gate: { rules: { loss: { threshold: 1, greater_is_better: lower } } }',
  ],
  [
    'a severity that is not known',
    evaluateGate,
    'evaluate-gate: { rules: { loss: { threshold: 1, severity: warning } } }',
  ],
  ['rules as a list', evaluateGate, 'evaluate-gate: { rules: [{ metric: accuracy, threshold: 0.9 }] }'],
  [
    'a mistake in the section of a later action',
    setup,
    'evaluate-gate: { rules: { accuracy: { treshold: 0.9 } } }',
  ],
  [
    'a mistake in an overlay of a later action',
    setup,
    'environments:\n  production:\n    train: { cach: auto }',
  ],
  ['an overlay that is a list', train, 'train: { run: x }\nenvironments: { production: [] }'],
  ['overlays that are a list', train, 'train: { run: x }\nenvironments: [production]'],
  ['a target that is not known', cloudDeploy, 'cloud-deploy: { target: hosts }'],
  ['a port out of range', cloudDeploy, 'cloud-deploy: { target: host, serve: x, port: 70000 }'],
  ['a time without a unit', cloudDeploy, 'cloud-deploy: { target: host, health-timeout: 30 }'],
  ['a time with an unknown unit', cloudDeploy, 'cloud-deploy: { target: host, health-timeout: 30 sec }'],
  ['a smoke request without a path', cloudDeploy, 'cloud-deploy: { target: host, smoke: [{ method: GET }] }'],
  [
    'a misspelt key of a smoke request',
    cloudDeploy,
    'cloud-deploy: { target: host, smoke: [{ path: /, expects: { status: 200 } }] }',
  ],
  ['several mistakes at once', train, 'train:\n  run: x\n  cache: never\n  forse: [all]\n  upload: maybe'],
];

describe('mlops.yaml with', () => {
  test.each(files)('%s', async (_, action, file) => {
    expect(await told(action, {}, file)).toMatchSnapshot();
  });
});

const inputs: [string, Action, Record<string, string>, string?][] = [
  ['nothing', evaluateGate, {}],
  ['a word that is not allowed', train, { run: 'x', cache: 'aut' }],
  ['yes for a flag', train, { run: 'x', upload: 'yes' }],
  ['a number that is none', train, { run: 'x', 'retention-days': '1e' }],
  ['a number too large', report, { 'retention-days': '401' }],
  ['YAML that is none', evaluateGate, { rules: 'accuracy: { threshold: ' }],
  ['a rule that asks nothing', evaluateGate, { rules: 'accuracy: {}' }],
  ['text where a mapping belongs', evaluateGate, { rules: 'accuracy > 0.9' }],
  ['a scope that is not known', report, { scope: 'jobs' }],
  ['a config file that does not exist', train, { run: 'x', config: 'nowhere.yaml' }],
  ['a config file that is a folder', train, { run: 'x', config: 'project' }],
  [
    'a misspelt environment',
    train,
    { run: 'x', environment: 'prodution' },
    'environments: { production: {} }',
  ],
];

describe('with: that has', () => {
  test.each(inputs)('%s', async (_, action, given, file) => {
    expect(await told(action, given, file)).toMatchSnapshot();
  });
});

test('there are at least sixty of them, and each is told something', () => {
  expect(files.length + inputs.length).toBeGreaterThanOrEqual(60);
});
