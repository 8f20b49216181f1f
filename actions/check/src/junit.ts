import { UserError } from '@mlops/core';

/** What a JUnit report of pytest says, in the family xunit1, which alone has the files of the tests. */
export interface TestReport {
  tests: Test[];
  /** Of the whole run. */
  seconds: number;
}

export interface Test {
  /** `tests/test_a.py::TestB::test_c[1]`; for a file that could not be collected, its name. */
  id: string;
  outcome: 'passed' | 'failed' | 'skipped';
  seconds: number;
  /** Relative to pytest's root folder. */
  file: string | undefined;
  /** 1-based line of the test's definition. */
  line: number | undefined;
  failures: Failure[];
}

export interface Failure {
  message: string;
  /** What pytest printed for it: source, values, and the places the error went through. */
  traceback: string;
}

interface Case {
  name?: string;
  classname?: string;
  file?: string;
  line?: string;
  time?: string;
  failure?: Verdict[];
  error?: Verdict[];
  skipped?: Verdict[];
}

type Verdict = { message?: string; text?: string } | string;

const lists = ['testsuite', 'testcase', 'failure', 'error', 'skipped'];

/** Reads pytest's JUnit report. A test whose teardown fails after it has failed stands in it twice and counts once. */
export async function parseJunit(xml: string): Promise<TestReport> {
  const { XMLParser } = await import('fast-xml-parser');
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    textNodeName: 'text',
    parseAttributeValue: false,
    parseTagValue: false,
    trimValues: false,
    // Numeric references, too: pytest writes the line ends of messages as &#10;.
    htmlEntities: true,
    isArray: (name) => lists.includes(name),
  });
  let document: { testsuites?: { testsuite?: Suite[] }; testsuite?: Suite[] };
  try {
    document = parser.parse(xml, true);
  } catch (error) {
    throw new UserError("pytest's JUnit report is not whole", {
      cause: error,
      advice: 'Something wrote into it or ended pytest while it was being written; see the log of this step.',
    });
  }
  const suites = document.testsuites?.testsuite ?? document.testsuite ?? [];
  const tests = new Map<string, Test>();
  for (const suite of suites)
    for (const entry of suite.testcase ?? []) {
      const test = testOf(entry);
      const before = tests.get(test.id);
      tests.set(test.id, before ? merged(before, test) : test);
    }
  return { tests: [...tests.values()], seconds: sum(suites.map(({ time }) => numberOf(time))) };
}

interface Suite {
  time?: string;
  testcase?: Case[];
}

function testOf(entry: Case): Test {
  const failures = [...(entry.failure ?? []), ...(entry.error ?? [])].map(failureOf);
  return {
    id: idOf(entry),
    outcome: failures.length ? 'failed' : entry.skipped ? 'skipped' : 'passed',
    seconds: numberOf(entry.time),
    file: entry.file?.replaceAll('\\', '/'),
    // pytest counts lines from 0 here.
    line: entry.line === undefined ? undefined : Number(entry.line) + 1,
    failures,
  };
}

/** `tests.test_a.TestB` in `tests/test_a.py` is the class TestB. */
function idOf({ name = '', classname = '', file }: Case): string {
  if (!file) return [classname, name].filter(Boolean).join('::');
  const path = file.replaceAll('\\', '/');
  if (!classname) return path; // A file that could not be collected.
  const module = path.replace(/\.\w+$/, '').replaceAll('/', '.');
  const classes = classname.startsWith(`${module}.`) ? classname.slice(module.length + 1).split('.') : [];
  return [path, ...classes, name].join('::');
}

function failureOf(verdict: Verdict): Failure {
  const { message = '', text = '' } = typeof verdict === 'string' ? { text: verdict } : verdict;
  const raised = text
    .split('\n')
    .filter((line) => /^E\s/.test(line))
    .map((line) => line.replace(/^E {0,3}/, ''));
  return {
    message:
      message === 'collection failure'
        ? raised.join('\n') || text.trim() || message
        : message.trim() || text.trim(),
    traceback: text,
  };
}

function merged(a: Test, b: Test): Test {
  const outcomes = [a.outcome, b.outcome];
  const outcome = outcomes.includes('failed') ? 'failed' : outcomes.includes('passed') ? 'passed' : 'skipped';
  return { ...a, outcome, seconds: a.seconds + b.seconds, failures: [...a.failures, ...b.failures] };
}

function numberOf(text: string | undefined): number {
  const number = Number(text);
  return Number.isFinite(number) ? number : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
