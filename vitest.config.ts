import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // What passing tests print would be read as workflow commands where the tests run in a workflow.
    silent: 'passed-only',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'actions/*/test/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
      {
        // Real images in a real BuildKit: on Debian 12 as root only, see packages/cli/src/test.ts.
        test: {
          name: 'container',
          include: ['test/container/**/*.test.ts'],
          testTimeout: 300_000,
          // The first run builds BuildKit.
          hookTimeout: 1_200_000,
          fileParallelism: false,
        },
      },
      {
        // Whole workflows take every core they find; one file at a time.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/release-tree.ts',
          testTimeout: 600_000,
          hookTimeout: 1_200_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
