import { choice, defineAction, list } from '@mlops/core';

const when = ['auto', 'on', 'off'] as const;

export const action = defineAction({
  name: 'check',
  title: 'Check Python code',
  description:
    'Lints, type-checks and tests a Python project in the environment that is active in the job, and shows every finding at its file and line; all checks run, even when one fails.',
  branding: { icon: 'check-circle', color: 'blue' },
  inputs: {
    lint: choice(when, {
      description:
        "Whether `ruff check` runs, with the project's own configuration or else ruff's defaults. `auto` is the same as `on`.",
      default: 'auto',
    }),
    format: choice(when, {
      description:
        'Whether `ruff format` is asked what it would change. `auto`: where the project configures ruff or has it in its environment.',
      default: 'auto',
    }),
    types: choice(when, {
      description:
        'Whether mypy, pyright or basedpyright runs. `auto`: each one that the project configures; `on`: where none is configured, the one that is installed.',
      default: 'auto',
    }),
    tests: choice(when, {
      description:
        'Whether pytest runs. `auto`: where the folder configures pytest or holds files named `test_*.py` or `*_test.py`, and no tests are no error; `on`: there must be tests.',
      default: 'auto',
    }),
    'pytest-args': list({
      description: 'Arguments for pytest, one item each, such as `--cov=model` or `-k=not slow`.',
      default: [],
    }),
  },
  outputs: {
    passed: 'Whether every check that ran has passed.',
    'lint-findings': 'Number of findings of `ruff check`; not set when it did not run.',
    'type-errors': 'Number of errors of the type checkers; not set when none ran.',
    'tests-passed': 'Number of tests that passed; not set when pytest did not report.',
    'tests-failed': 'Number of tests that failed, errors in fixtures and while collecting included.',
    'tests-skipped': 'Number of tests that were skipped or failed as expected.',
    'junit-path': "Absolute path of pytest's JUnit report; not set when there is none.",
  },
});
