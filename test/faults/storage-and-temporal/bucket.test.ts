import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRecovered } from '../../support/batches/batch-verdict.js';
import { withProxiedRuns, type BatchRuns } from '../../support/batches/batch-runs.js';
import { eventually } from '../../support/eventually.js';
import { ACCESS_DENIED, CREATES, puts, SLOW_DOWN, touches } from '../../support/services/fault-answers.js';
import type { Behaviour, Match } from '../../support/services/fault-proxy.js';
import type { ProxiedServices } from '../../support/stack/test-services.js';
import { startTestStack, type TestStack } from '../../support/stack/test-stack.js';
import { snapshotQuery } from '../../../src/workflows/protocol/batch-messages.js';
import { untilHeld } from '../../support/batches/until-held.js';

const ROWS = 20;
const CONCURRENCY = 3;
/** A window of jobs, and twice as many images that wait to be copied. */
const MOST_BOUGHT_AHEAD = 3 * CONCURRENCY;

type Runs = BatchRuns & ProxiedServices;

const prompts = (name: string): string[] => Array.from({ length: ROWS }, (_, row) => `${name} ${row}`);
const start = (runs: Runs, name: string) => runs.start(name, prompts(name), { concurrency: CONCURRENCY });

async function expectCompleted(
  runs: Runs,
  handle: Awaited<ReturnType<typeof start>>,
  batchId: string,
  fault: string,
): Promise<void> {
  const faultOver = performance.now();
  expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
  await expectRecovered(runs, { fault, batchId, rows: ROWS, faultOver });
}

async function untilBought(runs: Runs, count: number): Promise<void> {
  await eventually(() => runs.sandbox.stats().jobsMade >= count, {
    what: `${count} jobs are made`,
    withinMs: 30_000,
  });
}

/** Resolves when the batch has checked the bucket that many times. */
async function untilProbed(runs: Runs, times: number): Promise<void> {
  await eventually(() => runs.proxies.s3.count(puts('/probe.txt')) >= times, {
    what: `the bucket is probed ${times} times`,
    withinMs: 60_000,
  });
}

describe('a batch whose bucket', { timeout: 400_000 }, () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack();
  });
  afterAll(() => stack?.stop());

  const sandbox = { jobTimeMs: { min: 200, max: 600 } };
  const limits = { storageFaultMs: 600 };

  it.concurrent('is killed for 30 s waits for it, and buys no more than it can copy', () =>
    // Separate servers, and the real limits of workers.
    withProxiedRuns({ sandbox }, async (runs) => {
      const { s3 } = runs.stack;
      const handle = await start(runs, 'away');
      await untilBought(runs, 6);
      await s3.kill();
      const bought = runs.sandbox.stats().jobsMade;
      await delay(30_000);
      expect(runs.sandbox.stats().jobsMade - bought).toBeLessThanOrEqual(MOST_BOUGHT_AHEAD);
      await s3.restart();
      await expectCompleted(runs, handle, 'away', 'S3 SIGKILL for 30 s');
    }));

  it.concurrent('hangs is held, and reports which request is not answered', () =>
    // Two requests without an answer; with the real limits there are three.
    withProxiedRuns({ sandbox, limits: { storageFaultMs: 30_000 } }, async (runs) => {
      const { s3 } = runs.stack;
      const handle = await start(runs, 'hangs');
      await untilBought(runs, 6);
      s3.freeze();
      await untilHeld(handle, 'storage', 110_000);
      const { holds } = await handle.query(snapshotQuery);
      expect(holds[0]?.message).toMatch(
        /test-bucket does not answer \([a-z ]+, http:\/\/127\.0\.0\.1:\d+\)\./,
      );
      s3.thaw();
      await expectCompleted(runs, handle, 'hangs', 'S3 SIGSTOP until held');
    }));

  it.concurrent.for<{ fault: string; behaviour: Behaviour; match: Match; after: number }>([
    { fault: 'answers 503 to everything', behaviour: SLOW_DOWN, match: () => true, after: 6 },
    { fault: 'denies everything', behaviour: ACCESS_DENIED, match: () => true, after: 6 },
    { fault: 'denies runs/ from the start', behaviour: ACCESS_DENIED, match: touches('/runs/'), after: 0 },
  ])('$fault is held and buys nothing until the fault ends', ({ fault, behaviour, match, after }) =>
    withProxiedRuns({ stack, sandbox, limits }, async (runs) => {
      const { s3, api } = runs.proxies;
      if (after === 0) s3.behave(behaviour, match);
      const name = fault.replaceAll(/\W+/g, '-');
      const handle = await start(runs, name);
      await untilBought(runs, after);
      s3.behave(behaviour, match);
      await untilHeld(handle, 'storage');
      await untilProbed(runs, 2);
      const creates = api.count(CREATES);
      await untilProbed(runs, 8);
      expect(api.count(CREATES)).toBe(creates);
      expect(creates).toBeLessThanOrEqual(after + MOST_BOUGHT_AHEAD);
      s3.calm();
      await expectCompleted(runs, handle, name, `S3 ${fault}`);
    }),
  );

  it.concurrent('accepts everything but images is held, and buys no more than may wait to be copied', () =>
    withProxiedRuns({ stack, sandbox, limits }, async (runs) => {
      const { s3, api } = runs.proxies;
      s3.behave(ACCESS_DENIED, puts('/images/'));
      const handle = await start(runs, 'no-images');
      await untilHeld(handle, 'storage');
      await untilProbed(runs, 6);
      expect(api.count(CREATES)).toBeLessThanOrEqual(MOST_BOUGHT_AHEAD);
      s3.calm();
      await expectCompleted(runs, handle, 'no-images', 'S3 denies images/');
    }));

  it.concurrent('accepts everything but parts loses no outcome', () =>
    withProxiedRuns({ stack, sandbox, limits }, async (runs) => {
      const { s3 } = runs.proxies;
      s3.behave(ACCESS_DENIED, puts('/parts/'));
      const handle = await start(runs, 'no-parts');
      await untilHeld(handle, 'storage');
      s3.calm();
      await expectCompleted(runs, handle, 'no-parts', 'S3 denies runs/…/parts/');
    }));

  it.concurrent('is slow takes longer, and is not held', () =>
    withProxiedRuns({ stack, sandbox, limits }, async (runs) => {
      const { s3 } = runs.proxies;
      s3.behave({ kind: 'delay', delayMs: 700 });
      const handle = await start(runs, 'slow');
      await expectCompleted(runs, handle, 'slow', 'S3 answers each request 0.7 s late');
      expect(s3.count(puts('/probe.txt'))).toBe(0);
    }));

  it.concurrent('stores images but loses the answer finds its own images there', () =>
    withProxiedRuns({ stack, sandbox, limits }, async (runs) => {
      const { s3 } = runs.proxies;
      const seen = new Set<string>();
      const first: Match = (request) =>
        puts('/images/train/')(request) && !seen.has(request.path) && !!seen.add(request.path);
      s3.behave({ kind: 'lose-answer' }, first);
      const handle = await start(runs, 'unanswered');
      await expectCompleted(runs, handle, 'unanswered', 'S3 loses the answer to each image’s first put');
      expect(seen.size).toBeGreaterThanOrEqual(ROWS);
    }));
});
