import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resumeUpdate, snapshotQuery } from '../../../src/workflows/protocol/batch-messages.js';
import { withProxiedRuns } from '../../support/batches/batch-runs.js';
import { expectRecovered } from '../../support/batches/batch-verdict.js';
import { eventually } from '../../support/eventually.js';
import { startBatch, type BatchHandle } from '../../support/batches/start-batch.js';
import { startProxiedEngine } from '../../support/stack/test-engine.js';
import { startTestStack, type TestStack } from '../../support/stack/test-stack.js';

const rowsOf = (name: string, count: number, mark = ''): string[] =>
  Array.from({ length: count }, (_, row) => `${name} ${row} ${mark}`);

const untilHeld = (handle: BatchHandle): Promise<unknown> =>
  eventually(
    async () => (await handle.query(snapshotQuery)).holds.find(({ code }) => code === 'jobs-missing'),
    { what: 'the batch is held: jobs-missing', withinMs: 60_000 },
  );

describe('missing jobs', { timeout: 300_000 }, () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack();
  });
  afterAll(() => stack?.stop());

  const jobTimeMs = { min: 200, max: 600 };
  /** So short that a 404 of all jobs lasts many times longer than the time to consider one gone. */
  const limits = { goneAfterLooks: 4, goneAfterMs: 1_000, serviceFaultMs: 20_000 };

  it.concurrent.for([
    // At most this many are bought meanwhile: those that start before two are known to be missing, and one by the
    // probe.
    { rows: 60, concurrency: 30, most: 60, settings: {} },
    { rows: 16, concurrency: 4, most: 9, settings: {} },
    // Its shard continues in new workflow runs meanwhile.
    { rows: 18, concurrency: 4, most: 9, settings: { continueAfterEvents: 60 } },
    { rows: 6, concurrency: 1, most: 3, settings: {} },
  ])(
    'temporarily all missing: are bought once ($rows rows at concurrency $concurrency)',
    ({ rows, concurrency, most, settings }) =>
      withProxiedRuns({ stack, sandbox: { jobTimeMs, jobsMissing: true }, limits }, async (runs) => {
        const name = `all-missing-${rows}`;
        // So rarely that the probe buys no second job during this test if its first one is lost.
        const probes = { probeFirstMs: 4_000, probeLongestMs: 4_000 };
        const handle = await runs.start(name, rowsOf(name, rows), { concurrency, ...probes, ...settings });
        await untilHeld(handle);
        const heldAtMs = Date.now();
        await eventually(() => Date.now() > heldAtMs + 8_000, { what: 'it lasts', withinMs: 20_000 });
        expect(runs.sandbox.stats().jobsMade).toBeLessThanOrEqual(most);
        const faultOver = performance.now();
        runs.sandbox.configure({ jobsMissing: false });
        expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: rows } });
        const facts = {
          fault: `404 of all jobs, concurrency ${concurrency}`,
          batchId: name,
          rows,
          faultOver,
        };
        expect((await expectRecovered(runs, facts)).jobs).toBe(rows);
      }),
  );

  it.concurrent('all missing while a worker is killed: are bought once, with the normal limits', async () => {
    const engine = await startProxiedEngine({ stack, sandbox: { jobTimeMs, jobsMissing: true } });
    try {
      const { sandbox, taskQueue, apiUrl } = engine;
      const first = await engine.startWorker();
      const [name, rows] = ['all-missing-killed', 10];
      const settings = { concurrency: 3 };
      const handle = await startBatch(stack, {
        name,
        taskQueue,
        apiUrl,
        prompts: rowsOf(name, rows),
        settings,
      });
      const polls = (): number => sandbox.stats().polls['404'] ?? 0;
      await eventually(() => polls() >= 8, { what: 'jobs are missing', withinMs: 60_000 });
      await first.end('SIGKILL');
      await engine.startWorker();
      const before = polls();
      await eventually(() => polls() >= before + 4, { what: 'jobs are looked for', withinMs: 90_000 });
      const faultOver = performance.now();
      sandbox.configure({ jobsMissing: false });
      expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: rows } });
      const facts = { fault: '404 of all jobs, worker killed', batchId: name, rows, faultOver };
      expect((await expectRecovered(engine, facts)).jobs).toBe(rows);
    } finally {
      await engine.stop();
    }
  });

  it.concurrent('some lost for good: are bought again while later jobs are found', () =>
    withProxiedRuns({ stack, sandbox: { jobTimeMs }, limits }, async (runs) => {
      const lost = rowsOf('lost', 3, '[[lost]]');
      const faultOver = performance.now();
      const prompts = [...lost, ...rowsOf('found', 17)];
      const handle = await runs.start('lost-some', prompts, { concurrency: 4, maxGenerations: 1 });
      expect(await handle.result()).toMatchObject({ tally: { stored: 17, failed: 3 } });
      const facts = { fault: '404 of three jobs for good', batchId: 'lost-some', rows: 20, faultOver };
      expect((await expectRecovered(runs, facts)).jobs).toBe(20);
    }));

  it.concurrent('wait for a person if no row is left to buy', () =>
    withProxiedRuns({ stack, sandbox: { jobTimeMs }, limits }, async (runs) => {
      const prompts = [...rowsOf('found', 4), '[[lost]] fox'];
      const handle = await runs.start('lost-last', prompts, { concurrency: 1, maxGenerations: 1 });
      await untilHeld(handle);
      expect(runs.sandbox.stats().jobsMade).toBe(5);
      const faultOver = performance.now();
      await handle.executeUpdate(resumeUpdate, { args: [undefined] });
      expect(await handle.result()).toMatchObject({ tally: { stored: 4, failed: 1 } });
      const facts = { fault: '404 of the last job for good', batchId: 'lost-last', rows: 5, faultOver };
      await expectRecovered(runs, facts);
    }));
});
