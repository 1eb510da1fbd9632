import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    // Tests that mostly wait for a time-out wait together; more worker processes at once only slow each other down.
    maxConcurrency: 8,
    maxWorkers: 2,
    // The SDK's news about Node versions is not about the tests.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    setupFiles: ['test/support/clean-environment.ts'],
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 },
      },
      ...['integration', 'faults', 'replay'].map((name, index) => ({
        extends: true as const,
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Each file starts servers of its own: one folder after the other, and one file at a time but for faults, which
          // mostly wait to be noticed.
          fileParallelism: name === 'faults',
          sequence: { groupOrder: index + 1 },
        },
      })),
    ],
  },
});
