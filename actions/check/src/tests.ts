import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { UserError } from '@mlops/core';
import { hasTestFiles } from './configuration.ts';
import { notInstalled } from './declared.ts';
import { count, type Finding, type Result } from './finding.ts';
import { parseJunit, type Test, type TestReport } from './junit.ts';
import { type Answer, ending, lastWords, type Project, runTool } from './project.ts';
import { testDetails } from './summary.ts';
import { bestFrame, framesOf } from './traceback.ts';

/** pytest's exit code when there was nothing to run. */
const noTestsCollected = 5;

export interface TestResult extends Result {
  report: TestReport | undefined;
  junitPath: string | undefined;
}

/** Why there may be tests in a project: pytest's settings in its folder, or files named like tests. */
export async function reasonToTest(project: Project): Promise<string | undefined> {
  const settings = project.configuration.get('pytest');
  // Settings further up are those of the whole repository, and say nothing of this folder.
  if (settings && dirname(resolve(project.workspace, settings)) === resolve(project.folder))
    return `${settings} configures pytest`;
  return (await hasTestFiles(project.folder)) ? 'there are test files' : undefined;
}

/** Runs pytest, streams what it prints, and reads its JUnit report. */
export async function test(
  project: Project,
  { why, mustHaveTests, args }: { why: string; mustHaveTests: boolean; args: readonly string[] },
): Promise<TestResult> {
  const installed = project.environment.tools.pytest;
  if (!installed) throw await notInstalled('pytest', why, project);
  const junitPath = join(await mkdtemp(join(project.temp, 'pytest-')), 'junit.xml');
  // Through the interpreter, which puts the project's folder on sys.path: a project need not be installed to be tested.
  const options = ['-m', 'pytest', '-o', 'junit_family=xunit1', `--junitxml=${junitPath}`];
  const answer = await runTool(project, project.environment.python, [...options, ...args], { show: 'both' });
  const report = existsSync(junitPath) ? await parseJunit(await readFile(junitPath, 'utf8')) : undefined;
  const result = {
    check: 'tests',
    tool: `pytest ${installed.version}`,
    report,
    junitPath: report ? junitPath : undefined,
    findings: report ? findingsOf(report, project) : [],
  } as const;

  if (answer.exitCode === noTestsCollected) {
    if (!mustHaveTests)
      return { ...result, outcome: 'skipped', said: 'no tests were collected', findings: [nothingCollected] };
    const problem = noTests(project, args);
    return { ...result, outcome: 'failed', said: 'no tests were collected', problem };
  }
  const failed = result.findings.length > 0 || answer.exitCode !== 0;
  const said = report ? countsText(report) : `pytest ${ending(answer)}`;
  return {
    ...result,
    findings: [...result.findings],
    outcome: failed ? 'failed' : 'passed',
    said,
    ...(failed && !result.findings.length ? { problem: endedBadly(answer, project) } : {}),
    ...(report ? { details: testDetails(report) } : {}),
  };
}

const nothingCollected: Finding = {
  level: 'notice',
  message: "pytest collected no tests; 'tests: on' makes this an error.",
  place: {},
};

function noTests(project: Project, args: readonly string[]): UserError {
  const settings = project.configuration.get('pytest');
  const selection = args.length ? `, or for what 'pytest-args' selects (${args.join(' ')})` : '';
  return new UserError('pytest collected no tests', {
    advice: `Look for the names it wants (test_*.py, test_* functions)${settings ? `, for testpaths and python_files in ${settings}` : ''}${selection}. With 'tests: auto' this is no error.`,
  });
}

/** No test has failed and still pytest has: settings, a conftest.py, a crash, or a plugin such as a coverage threshold. */
function endedBadly(answer: Answer, project: Project): UserError {
  const crash = answer.stderr.findIndex((line) => line.startsWith('Fatal Python error'));
  const frames = framesOf(answer.stderr.join('\n'));
  // A crash lists its calls with the latest first.
  const ours = (crash >= 0 ? frames.toReversed() : frames).filter(({ path }) => isProjects(path, project));
  const frame = ours.at(-1);
  const said =
    crash >= 0 ? (answer.stderr[crash] ?? '') : lastWords(answer.stderr) || lastWords(answer.stdout);
  return new UserError(`pytest ${ending(answer)}, though no test is reported as failed:\n${said}`, {
    ...(frame ? { file: project.paths.inWorkspace(frame.path), line: frame.line } : {}),
    advice: "The whole of what it said is in the log of this step, in the group 'Tests'.",
  });
}

export function findingsOf(report: TestReport, project: Project): Finding[] {
  return report.tests.flatMap((each) => each.failures.map((failure) => findingOf(each, failure, project)));
}

function findingOf(each: Test, failure: Test['failures'][number], project: Project): Finding {
  const file = each.file === undefined ? undefined : testFile(each.file, project);
  const frame = bestFrame(
    framesOf(failure.traceback),
    (path) => file !== undefined && project.paths.inWorkspace(path) === file,
    (path) => isProjects(path, project),
  );
  return {
    level: 'error',
    message: failure.message,
    rule: each.id,
    place: frame
      ? { file: project.paths.inWorkspace(frame.path), line: frame.line }
      : { file, line: file === undefined ? undefined : (each.line ?? 1) },
  };
}

/** The file of a test, which is named from pytest's root folder: the project's, or one above it. */
function testFile(name: string, project: Project): string | undefined {
  for (let root = project.folder; ; root = dirname(root)) {
    const file = project.paths.inWorkspace(join(root, name));
    if (file === undefined) return undefined;
    if (existsSync(join(root, name))) return file;
  }
}

function isProjects(path: string, { paths, environment }: Project): boolean {
  const absolute = paths.absolute(path);
  return (
    paths.inWorkspace(path) !== undefined &&
    // An environment in the workspace is none of the project's code; a system's Python may lie above the workspace.
    !(paths.inWorkspace(environment.prefix) && absolute.startsWith(environment.prefix + sep)) &&
    !/[\\/](site|dist)-packages[\\/]/.test(absolute) &&
    existsSync(absolute)
  );
}

export function countsOf({ tests }: TestReport): Record<Test['outcome'], number> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of tests) counts[outcome] += 1;
  return counts;
}

function countsText(report: TestReport): string {
  const { passed, failed, skipped } = countsOf(report);
  const parts = [failed && `${failed} failed`, `${passed} passed`, skipped && `${skipped} skipped`];
  return `${parts.filter(Boolean).join(', ')} of ${count(report.tests.length, 'test')} in ${report.seconds.toFixed(1)} s`;
}
