import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRecovered } from '../../support/batches/batch-verdict.js';
import { startBatch } from '../../support/batches/start-batch.js';
import { startProxiedEngine } from '../../support/stack/test-engine.js';
import { startTestStack, type TestStack } from '../../support/stack/test-stack.js';

const SHIFTED_CLOCK = path.resolve(import.meta.dirname, '../../support/stack/shifted-clock.mjs');
const HOUR_MS = 3_600_000;
const ROWS = 15;

describe('a worker whose clock', { timeout: 240_000 }, () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack();
  });
  afterAll(() => stack?.stop());

  it.concurrent.for([
    { wrong: 'an hour ahead', shiftMs: HOUR_MS },
    { wrong: 'an hour behind', shiftMs: -HOUR_MS },
  ])(
    'is $wrong waits the requested time, gives up no job and can use the bucket',
    async ({ wrong, shiftMs }) => {
      const startedMs = Date.now();
      const engine = await startProxiedEngine({
        stack,
        sandbox: {
          jobTimeMs: { min: 200, max: 600 },
          rates: { 'create-429-date': 0.3, 'poll-429-date': 0.3 },
        },
      });
      try {
        await engine.startWorker({
          variables: {
            NODE_OPTIONS: `--import=${SHIFTED_CLOCK}`,
            BANANA_TEST_CLOCK_SHIFT_MS: String(shiftMs),
          },
        });
        const name = wrong.replaceAll(' ', '-');
        const faultOver = performance.now();
        const handle = await startBatch(stack, {
          name,
          taskQueue: engine.taskQueue,
          apiUrl: engine.apiUrl,
          prompts: Array.from({ length: ROWS }, (_, row) => `${name} ${row}`),
          settings: { jobTimeoutMs: 30_000 },
        });
        expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
        const { report, outcomes } = await expectRecovered(engine, {
          fault: `clock of the worker ${wrong}`,
          batchId: name,
          rows: ROWS,
          faultOver,
        });
        expect(engine.sandbox.stats().tooManyRequests).toBeGreaterThan(5);
        // The times that people see are Temporal's.
        const times = [report.startedAt, report.endedAt, ...outcomes.map(({ settledAt }) => settledAt)];
        for (const time of times) {
          expect(Date.parse(time)).toBeGreaterThan(startedMs - 1_000);
          expect(Date.parse(time)).toBeLessThan(Date.now() + 1_000);
        }
        expect(report.endedAt >= report.startedAt).toBe(true);
      } finally {
        await engine.stop();
      }
    },
  );
});
