import { type Context, group, type InputsOf, throwAll, UserError } from '@mlops/core';
import type { action } from './action.ts';
import { annotateFinding, selectFindings } from './annotations.ts';
import type { Result } from './finding.ts';
import { format } from './format.ts';
import { lint } from './lint.ts';
import { openProject, type Project } from './project.ts';
import { renderSummary } from './summary.ts';
import { countsOf, reasonToTest, type TestResult, test } from './tests.ts';
import { checkTypes, typeCheckers } from './types.ts';

type Inputs = InputsOf<typeof action>;
type Outputs = Context<typeof action>['outputs'];

/** Runs every check that is asked for, whatever the others come to, and fails at the end when one has failed. */
export async function check(inputs: Inputs, context: Context<typeof action>): Promise<void> {
  validate(inputs);
  const project = await openProject(context);
  const { python, version } = project.environment;
  process.stdout.write(`Python ${version} at ${python}\n`);

  const results: Result[] = [];
  const add = async (check: Result['check'], tool: string, run: () => Promise<Result[]>) =>
    results.push(...(await attempt(check, tool, run, context.signal)));
  if (inputs.lint !== 'off')
    await add('lint', 'ruff', async () => [await group('Lint', () => lint(project))]);
  if (inputs.format === 'on' || (inputs.format === 'auto' && usesRuff(project)))
    await add('format', 'ruff', async () => [await group('Format', () => format(project))]);
  const { types } = inputs;
  if (types !== 'off') await add('types', 'mypy or pyright', () => runTypeCheckers(types, project));
  if (inputs.tests !== 'off') await add('tests', 'pytest', () => runTests(inputs, project, context.outputs));

  writeCounts(results, context.outputs);
  context.summary.push(renderSummary(results, context.github));
  conclude(results);
}

function validate({ lint, format, types, tests, pytestArgs }: Inputs): void {
  if ([lint, format, types, tests].every((when) => when === 'off'))
    throw new UserError("there is nothing to check: 'lint', 'format', 'types' and 'tests' are all 'off'", {
      advice: "Leave out the step, or set one of them to 'auto' or 'on'.",
    });
  const report = pytestArgs.find((arg) => /^--junit-?xml(=|$)/.test(arg));
  if (report)
    throw new UserError(`input pytest-args: '${report}' is set by this action`, {
      advice: "Leave it out; the output 'junit-path' names the report.",
    });
}

/** Code that is not kept in ruff's format should not fail for it. */
function usesRuff({ configuration, environment }: Project): boolean {
  return configuration.has('ruff') || environment.tools.ruff !== null;
}

async function runTypeCheckers(asked: 'auto' | 'on', project: Project): Promise<Result[]> {
  const results: Result[] = [];
  for (const checker of typeCheckers(project, asked)) {
    const run = async () => [await group(`Types (${checker})`, () => checkTypes(project, checker))];
    results.push(...(await attempt('types', checker, run, project.signal)));
  }
  return results;
}

async function runTests(
  { tests, pytestArgs }: Inputs,
  project: Project,
  outputs: Outputs,
): Promise<TestResult[]> {
  const why = tests === 'on' ? "'tests' is on" : await reasonToTest(project);
  if (!why) return [];
  const result = await group('Tests', () =>
    test(project, { why, mustHaveTests: tests === 'on', args: pytestArgs }),
  );
  const { report, junitPath } = result;
  if (report && junitPath) {
    const { passed, failed, skipped } = countsOf(report);
    Object.assign(outputs, { testsPassed: passed, testsFailed: failed, testsSkipped: skipped, junitPath });
  }
  return [result];
}

/** A tool that cannot do its work is a failed check; the others still run. */
async function attempt(
  check: Result['check'],
  tool: string,
  run: () => Promise<Result[]>,
  signal: AbortSignal,
): Promise<Result[]> {
  try {
    return await run();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    process.stdout.write(`${error}\n`);
    return [{ check, tool, outcome: 'failed', said: 'could not run', findings: [], problem: error }];
  }
}

function writeCounts(results: readonly Result[], outputs: Outputs): void {
  outputs.passed = results.every(({ outcome }) => outcome !== 'failed');
  const errors = (check: Result['check']) => {
    const ran = results.filter((result) => result.check === check && !result.problem);
    const findings = ran.flatMap((result) => result.findings.filter(({ level }) => level === 'error'));
    return ran.length ? { count: findings.length } : undefined;
  };
  const [linted, typed] = [errors('lint'), errors('types')];
  if (linted) outputs.lintFindings = linted.count;
  if (typed) outputs.typeErrors = typed.count;
}

/** Says below the groups what each check came to, annotates the findings, and throws when a check has failed. */
function conclude(results: readonly Result[]): void {
  for (const { check, tool, outcome, said } of results)
    process.stdout.write(`${outcome.padEnd(8)} ${check} (${tool}): ${said}\n`);

  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const problems = failed.flatMap(({ problem }) => problem ?? []);
  // A single check that could not run says all there is to say.
  if (failed.length > Math.min(problems.length, 1)) problems.push(overview(failed, results.length));
  for (const { finding, check } of selectFindings(results, problems.length)) annotateFinding(finding, check);
  throwAll(problems);
}

function overview(failed: readonly Result[], ran: number): UserError {
  const each = failed.map(({ check, tool, said }) => `${check} (${tool}): ${said}`);
  return new UserError(`${failed.length} of ${ran} checks failed: ${each.join('; ')}`, {
    advice: "All findings are in the log's groups and in the step's summary.",
  });
}
