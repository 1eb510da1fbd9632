import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/setup/longest-first.js';
import { QUICK_TESTS } from './test/support/setup/quick-tests.js';

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
    setupFiles: ['test/support/setup/clean-environment.ts', 'test/support/setup/unexpected-warnings.ts'],
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
      // Each file starts servers of its own. `npm test` runs unit and quick, `npm run test:all` the others.
      ...[
        { name: 'quick', include: QUICK_TESTS },
        ...['integration', 'faults', 'replay'].map((name) => ({
          name,
          include: [`test/${name}/**/*.test.ts`],
          exclude: QUICK_TESTS,
        })),
      ].map((files) => ({
        ...COMPILED,
        extends: true as const,
        test: {
          ...files,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          globalSetup: 'test/support/setup/built.mjs',
          server: { deps: { external: [/\/dist\//] } },
          // Their tests wait more than they work.
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      })),
    ],
  },
});
