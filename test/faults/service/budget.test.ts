import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChangedSettings } from '../../../src/domain/batch/batch-settings.js';
import type { RunSettings } from '../../../src/domain/batch/run-settings.js';
import { microsOf, microsText } from '../../../src/domain/money/decimal.js';
import { readBudgetFile } from '../../../src/ledger/budget-file.js';
import {
  cancelUpdate,
  instructSignal,
  resumeUpdate,
  setUpdate,
  snapshotQuery,
  type BatchSnapshot,
} from '../../../src/workflows/protocol/batch-messages.js';
import { shardWorkflowId } from '../../../src/workflows/protocol/names.js';
import { eventually } from '../../support/eventually.js';
import { firstRun, startBatch, type BatchHandle } from '../../support/batches/start-batch.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';

/** The prices of the sandbox. */
const COSTS = { nb: 20_000, nb2: 40_000, pro: 80_000 } as const;
const PRICES = [
  { model: 'nb', resolution: '1K', price: '0.02' },
  { model: 'nb2', resolution: '1K', price: '0.04' },
  { model: 'pro', resolution: '1K', price: '0.08' },
] as const;

/** Two shards, which 150 slots open at once. */
const ROWS = 600;

const micros = (amount: string): number => microsOf(amount, 1_000_000) ?? Number.NaN;

const mixed = (name: string, rows: number): string[] =>
  Array.from({ length: rows }, (_, row) => {
    const model = ['nb', 'nb2', 'pro'][row % 3] ?? 'nb';
    return `${name} ${row}${row % 7 === 0 ? ' [[flaky]]' : ''},${model}`;
  });

describe('a batch with a budget', { timeout: 600_000 }, () => {
  let engine: TestEngine;
  let before: { charged: number; jobs: ReadonlySet<string> } = { charged: 0, jobs: new Set() };
  beforeAll(async () => {
    engine = await startTestEngine({
      sandbox: { jobTimeMs: { min: 200, max: 900 }, retryAfterSeconds: 0, seed: 'budget' },
    });
    await engine.startWorker();
  });
  beforeEach(() => {
    const jobs = new Set(engine.sandbox.jobs().map(({ jobId }) => jobId));
    before = { charged: micros(engine.sandbox.stats().charged), jobs };
  });
  afterEach(() => {
    engine.sandbox.configure({ rates: { 'create-lost-answer': 0 }, balance: '1000000' });
  });
  afterAll(async () => {
    await engine?.stop();
  });

  const start = (
    name: string,
    records: readonly string[],
    settings: Partial<RunSettings>,
    prices: RunSettings['prices'] = PRICES,
  ): Promise<BatchHandle> =>
    startBatch(engine.stack, {
      name,
      taskQueue: engine.taskQueue,
      apiUrl: engine.apiUrl,
      header: 'prompt,model',
      prompts: records,
      settings: { ...(prices.length > 0 && { prices }), ...settings },
    });
  const newest = (name: string) => engine.stack.temporal.client.workflow.getHandle(`batch:${name}`);
  const snapshot = (name: string): Promise<BatchSnapshot> => newest(name).query(snapshotQuery);
  /** The cost of all jobs of this test if each were charged. */
  const bought = (): number =>
    engine.sandbox
      .jobs()
      .filter(({ jobId }) => !before.jobs.has(jobId))
      .reduce((sum, { model }) => sum + (COSTS[model as keyof typeof COSTS] ?? 0), 0);
  const untilPaused = (name: string) =>
    eventually(async () => (await snapshot(name)).pauses?.[0]?.message, {
      what: `${name} is paused for its budget`,
      withinMs: 120_000,
    });

  it('pauses when it is spent, refuses to resume without more, and continues with more', async () => {
    const handle = await start('spent', mixed('spent', 30), { budget: '0.50' });
    const message = await untilPaused('spent');
    expect(message).toMatch(
      /^The budget of 0\.50 is spent: 0\.\d\d for \d+ images; the next image costs 0\.0[248]\. Continue with: banana-batch set spent --budget 1$/,
    );
    await eventually(async () => (await engine.statusOf('spent')).inFlight === 0, {
      what: 'nothing is in flight',
      withinMs: 60_000,
    });
    expect(await engine.statusOf('spent')).toMatchObject({ state: 'paused', reason: message });
    const { historyLength } = await handle.describe();
    await expect(handle.executeUpdate(resumeUpdate, { args: [undefined] })).rejects.toMatchObject({
      cause: { message },
    });
    expect((await handle.describe()).historyLength).toBe(historyLength);
    await handle.executeUpdate(setUpdate, { args: [{ budget: '10' }] });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 30 } });
  });

  it('gets its first budget while it runs, and counts what it bought before', async () => {
    const name = 'late';
    const handle = await start(name, mixed(name, ROWS), { concurrency: 150 }, []);
    const set = (settings: ChangedSettings) => handle.executeUpdate(setUpdate, { args: [settings] });
    // The second shard has ended by then.
    await eventually(() => bought() >= micros('15'), { what: 'most images are bought', withinMs: 120_000 });
    await expect(set({ budget: '1000' })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('needs the prices of images') },
    });
    await expect(set({ budget: '1000', prices: PRICES.slice(0, 2) })).rejects.toMatchObject({
      cause: { cause: { message: expect.stringMatching(/no price for 200 pro 1K/) } },
    });
    const cap = microsText(bought() + micros('5'));
    await set({ budget: cap, prices: PRICES });
    expect(await untilPaused(name)).toMatch(`The budget of ${cap} is spent: `);
    await eventually(async () => (await engine.statusOf(name)).inFlight === 0, {
      what: 'nothing is in flight',
      withinMs: 60_000,
    });
    expect(bought()).toBeLessThanOrEqual(micros(cap));
    expect(micros((await snapshot(name)).budget?.committed ?? '')).toBe(bought());
    await set({ budget: '1000' });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
    const file = await readBudgetFile(engine.stack.s3.store, firstRun(engine.stack, name));
    expect(file).toMatchObject({ cap: '1000.00', prices: PRICES });
    expect(micros(file?.committed ?? '')).toBe(bought());
  });

  it('buys nothing beyond a first budget that was sent before a worker ran, also sent twice', async () => {
    const name = 'early';
    await engine.workers.at(-1)?.end('SIGTERM');
    const handle = await start(name, mixed(name, ROWS), { concurrency: 150 }, []);
    const first = { kind: 'set', budget: '0.10', prices: PRICES } as const;
    await handle.signal(instructSignal, first);
    await handle.signal(instructSignal, first);
    await engine.startWorker();
    expect(await untilPaused(name)).toContain('The budget of 0.10 is spent: ');
    expect(bought()).toBeLessThanOrEqual(micros('0.10'));
    const file = await readBudgetFile(engine.stack.s3.store, firstRun(engine.stack, name));
    expect(file).toMatchObject({ cap: '0.10', granted: bought() });
    await handle.executeUpdate(cancelUpdate);
    await handle.result();
  });

  it('pauses a batch if its first budget lacks prices and nobody gets the error', async () => {
    const name = 'unpriced';
    await engine.workers.at(-1)?.end('SIGTERM');
    const handle = await start(name, mixed(name, 30), {}, []);
    await handle.signal(instructSignal, { kind: 'set', budget: '0.10', prices: PRICES.slice(1) });
    await engine.startWorker();
    expect(await untilPaused(name)).toMatch(/^The budget of 0\.10 was not set: .* no price for 10 nb 1K/);
    expect(bought()).toBe(0);
    await handle.executeUpdate(resumeUpdate, { args: [undefined] });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 30 } });
  });

  it('refuses malformed prices', async () => {
    const name = 'garbage';
    const handle = await start(name, mixed(name, 30), { concurrency: 1 }, []);
    for (const prices of [
      {},
      'x',
      [null],
      [{ ...PRICES[0], price: 0.02 }],
      [{ ...PRICES[0], price: '0.0000001' }],
    ]) {
      const garbage = { budget: '1', prices } as unknown as ChangedSettings;
      await expect(handle.executeUpdate(setUpdate, { args: [garbage] })).rejects.toMatchObject({
        cause: { message: expect.stringContaining('The prices must be a list') },
      });
    }
    await handle.executeUpdate(setUpdate, { args: [{ budget: '0.02', prices: PRICES }] });
    expect(await untilPaused(name)).toContain('The budget of 0.02 is spent: ');
    await handle.executeUpdate(cancelUpdate);
    await handle.result();
  });

  it('counts the image that ends a hold', async () => {
    const name = 'held';
    const handle = await start(name, mixed(name, 60), { concurrency: 20 }, []);
    await eventually(() => bought() >= micros('0.60'), { what: 'some are bought', withinMs: 60_000 });
    engine.sandbox.configure({ balance: '0' });
    await eventually(async () => (await snapshot(name)).holds.length > 0, {
      what: 'it is held',
      withinMs: 60_000,
    });
    await eventually(async () => (await engine.statusOf(name)).inFlight === 0, {
      what: 'nothing is in flight',
    });
    const cap = microsText(bought() + micros('0.40'));
    await handle.executeUpdate(setUpdate, { args: [{ budget: cap, prices: PRICES }] });
    engine.sandbox.configure({ balance: '1000000' });
    expect(await untilPaused(name)).toContain(`The budget of ${cap} is spent: `);
    expect(bought()).toBeLessThanOrEqual(micros(cap));
    expect(micros((await snapshot(name)).budget?.committed ?? '')).toBe(bought());
    await handle.executeUpdate(cancelUpdate);
    await handle.result();
  });

  it('is in the bucket once it is set', async () => {
    const name = 'written';
    engine.sandbox.configure({ balance: '0' });
    const handle = await start(name, mixed(name, 30), {}, []);
    await handle.executeUpdate(setUpdate, { args: [{ budget: '0.20', prices: PRICES }] });
    const run = firstRun(engine.stack, name);
    expect(await readBudgetFile(engine.stack.s3.store, run)).toMatchObject({
      cap: '0.20',
      committed: '0.00',
    });
    await handle.executeUpdate(setUpdate, { args: [{ budget: '0.10' }] });
    expect(await readBudgetFile(engine.stack.s3.store, run)).toMatchObject({ cap: '0.10' });
    await handle.executeUpdate(cancelUpdate);
    await handle.result();
  });

  it('never exceeds it with several shards, mixed prices, failures, lost answers, a killed worker, a terminated shard and resets', async () => {
    const name = 'rough';
    const budget = '20.00';
    const { client } = engine.stack.temporal;
    engine.sandbox.configure({ rates: { 'create-lost-answer': 0.03 } });
    let looks = 0;
    let most = 0;
    let allowed = micros(budget);
    const watch = setInterval(() => {
      const { charged, reserved } = engine.sandbox.stats();
      looks += 1;
      most = Math.max(
        most,
        bought() / allowed,
        (micros(charged) - before.charged + micros(reserved)) / allowed,
      );
    }, 50);
    const reset = async (workflowId: string): Promise<void> => {
      const handle = client.workflow.getHandle(workflowId);
      const { runId } = await handle.describe();
      const workflowTaskFinishEventId = await eventually(
        async () => {
          const { events } = await handle.fetchHistory();
          const tasks = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
          return tasks.at(Math.floor(tasks.length * 0.6))?.eventId ?? undefined;
        },
        { what: `${workflowId} has finished a task` },
      );
      await client.workflowService.resetWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution: { workflowId, runId },
        reason: 'a test',
        workflowTaskFinishEventId,
        requestId: randomUUID(),
      });
    };
    const untilBought = (share: number) =>
      eventually(() => bought() >= micros(budget) * share, { what: `${share} is spent`, withinMs: 120_000 });
    try {
      await start(name, mixed(name, ROWS), { budget, concurrency: 150 });
      await untilBought(0.1);
      await engine.workers.at(-1)?.end('SIGKILL');
      await engine.startWorker();
      await untilBought(0.2);
      await reset(`batch:${name}`);
      await untilBought(0.3);
      const shard = shardWorkflowId(firstRun(engine.stack, name), 0);
      await client.workflow.getHandle(shard).terminate();
      await untilBought(0.35);
      await reset(shard);
      const message = await untilPaused(name);
      expect(message).toMatch(/^The budget of 20\.00 is spent: /);
      const run = firstRun(engine.stack, name);
      const file = await readBudgetFile(engine.stack.s3.store, run);
      expect(micros(file?.committed ?? '')).toBeLessThanOrEqual(micros(budget));
      expect(most).toBeLessThanOrEqual(1);
      most = 0;
      allowed = micros('22.00');
      await newest(name).executeUpdate(setUpdate, { args: [{ budget: '22.00' }] });
      const later = await eventually(
        async () => (await snapshot(name)).pauses?.find((pause) => pause.message.includes('of 22.00')),
        { what: 'it has gone on, and is paused again', withinMs: 120_000 },
      );
      expect(later).toBeDefined();
      await newest(name).executeUpdate(cancelUpdate);
      expect(await newest(name).result()).toMatchObject({ end: 'cancelled', tally: { total: ROWS } });
    } finally {
      clearInterval(watch);
    }
    expect(looks).toBeGreaterThan(20);
    expect(most).toBeLessThanOrEqual(1);
  });
});
