import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

/** What users run: tests on real servers have compiled modules in place of sources, as their commands do anyway. */
const COMPILED = {
  resolve: {
    alias: [{ find: /^(?:\.\.\/)+src\//, replacement: fileURLToPath(new URL('dist/', import.meta.url)) }],
  },
};

export default defineConfig({
  test: {
    pool: 'forks',
    // Tests that mostly wait for a time-out wait together.
    maxConcurrency: 8,
    sequence: { sequencer: LongestFirst },
    // The SDK's news about Node versions is not about the tests.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    setupFiles: ['test/support/clean-environment.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 20_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      // Each file starts servers of its own.
      ...['integration', 'faults', 'replay'].map((name) => ({
        ...COMPILED,
        extends: true as const,
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          globalSetup: 'test/support/built.mjs',
          server: { deps: { external: [/\/dist\//] } },
          // More than processors: half of their time they wait.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      })),
    ],
  },
});
