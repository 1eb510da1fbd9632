import { WorkflowUpdateFailedError } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Hold } from '../../../src/domain/batch/holds.js';
import { addTallies, type Tally } from '../../../src/domain/batch/tally.js';
import {
  cancelUpdate,
  instructSignal,
  pauseUpdate,
  resumeUpdate,
  setUpdate,
  snapshotQuery,
} from '../../../src/workflows/protocol/batch-messages.js';
import { shardTallyQuery } from '../../../src/workflows/protocol/shard-messages.js';
import { shardWorkflowId } from '../../../src/workflows/protocol/names.js';
import { startBatchRuns, type BatchRuns } from '../../support/batches/batch-runs.js';
import { eventually } from '../../support/eventually.js';

const prompts = (name: string, count = 20): string[] =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

type Handle = Awaited<ReturnType<BatchRuns['start']>>;

const untilHeld = (handle: Handle, code: string): Promise<Hold> =>
  eventually(async () => (await handle.query(snapshotQuery)).holds.find((hold) => hold.code === code), {
    what: `the batch is held: ${code}`,
    withinMs: 30_000,
  });

describe('controlling a batch', { timeout: 240_000 }, () => {
  let runs: BatchRuns;
  let jobsBefore = 0;
  beforeAll(async () => {
    runs = await startBatchRuns({
      sandbox: { jobTimeMs: { min: 300, max: 900 }, retryAfterSeconds: 0 },
      limits: {
        serviceFaultMs: 600,
        storageFaultMs: 600,
        imageFaultMs: 1_500,
        goneAfterLooks: 4,
        goneAfterMs: 1_000,
      },
    });
  });
  beforeEach(() => {
    runs.sandbox.configure({
      everything: 0,
      balance: '1000000',
      keyRevoked: false,
      jobTimeMs: { min: 300, max: 900 },
    });
    jobsBefore = runs.sandbox.stats().jobsMade;
  });
  afterAll(async () => {
    await runs?.stop();
  });

  const jobsMade = (): number => runs.sandbox.stats().jobsMade - jobsBefore;
  const tallyOf = async (handle: Handle, batchName: string): Promise<Tally> => {
    const { tally, openShards } = await handle.query(snapshotQuery);
    const shards = await Promise.all(
      openShards.map(({ shard }) =>
        runs.stack.temporal.client.workflow
          .getHandle(shardWorkflowId(runs.runOf(batchName), shard))
          .query(shardTallyQuery),
      ),
    );
    return shards.reduce(addTallies, tally);
  };
  const untilDrained = (handle: Handle, batchName: string) =>
    eventually(
      async () => {
        const tally = await tallyOf(handle, batchName);
        return tally.stored > 0 && tally.inFlight + tally.copying === 0 ? tally : false;
      },
      { what: 'nothing is in flight any more', withinMs: 20_000 },
    );
  const untilJobs = (count: number) =>
    eventually(() => jobsMade() >= count, { what: `${count} jobs are made`, withinMs: 20_000 });

  it('pause: stores images in flight and buys nothing until resume, even if sent twice', async () => {
    const handle = await runs.start('pause', prompts('pause', 30), { concurrency: 5 });
    await untilJobs(8);
    await handle.executeUpdate(pauseUpdate);
    expect(await handle.executeUpdate(pauseUpdate)).toMatchObject({ paused: true });
    const paid = jobsMade();
    const drained = await untilDrained(handle, 'pause');
    expect(drained).toMatchObject({ stored: jobsMade(), pending: 30 - jobsMade(), total: 30 });
    expect(jobsMade()).toBeLessThanOrEqual(paid + 1);
    await handle.executeUpdate(resumeUpdate, { args: [undefined] });
    await handle.executeUpdate(resumeUpdate, { args: [{ rebind: false }] });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 30 } });
    expect(jobsMade()).toBe(30);
  });

  it('pause during a hold for funds: no create until resume, even when funds are back', async () => {
    runs.sandbox.configure({ balance: '0.40' });
    const handle = await runs.start('pause-in-hold', prompts('pause in hold'));
    await untilHeld(handle, 'insufficient-balance');
    await handle.executeUpdate(pauseUpdate);
    // While paused it may not try a create: only a balance that grows between two checks shows that funds are back. Two
    // checks may still belong to the previous attempt.
    const looks = (): number => runs.sandbox.stats().balanceReads['200'] ?? 0;
    const before = looks();
    await eventually(() => looks() > before + 2, { what: 'it has looked' });
    const creates = JSON.stringify(runs.sandbox.stats().creates);
    runs.sandbox.configure({ balance: '1000' });
    await eventually(async () => (await handle.query(snapshotQuery)).holds.length === 0, {
      what: 'the hold has ended',
      withinMs: 10_000,
    });
    expect(JSON.stringify(runs.sandbox.stats().creates)).toBe(creates);
    await handle.executeUpdate(resumeUpdate, { args: [undefined] });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 20 } });
    expect(jobsMade()).toBe(20);
  });

  it('resume during a hold checks once and keeps holding while the cause remains', async () => {
    runs.sandbox.configure({ balance: '0.02' });
    const handle = await runs.start('resume-in-hold', prompts('resume in hold'), {
      probeFirstMs: 600_000,
      probeLongestMs: 600_000,
    });
    await untilHeld(handle, 'insufficient-balance');
    const before = runs.sandbox.stats().createsDuringHold;
    await handle.executeUpdate(resumeUpdate, { args: [undefined] });
    await eventually(() => runs.sandbox.stats().createsDuringHold > before, { what: 'it has looked' });
    expect((await handle.query(snapshotQuery)).holds).toHaveLength(1);
    runs.sandbox.configure({ balance: '1000' });
    await handle.executeUpdate(resumeUpdate, { args: [undefined] });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 20 } });
    expect(jobsMade()).toBe(20);
  });

  it('cancel during a pause ends with what is stored, and refuses further commands', async () => {
    runs.sandbox.configure({ jobTimeMs: { min: 2_000, max: 2_500 } });
    const handle = await runs.start('cancel-in-pause', prompts('cancel in pause', 30), {
      concurrency: 5,
      graceMs: 20_000,
    });
    await untilJobs(5);
    await handle.executeUpdate(pauseUpdate);
    await handle.executeUpdate(cancelUpdate);
    const refusals = await Promise.allSettled([
      handle.executeUpdate(resumeUpdate, { args: [undefined] }),
      handle.executeUpdate(pauseUpdate),
      handle.executeUpdate(setUpdate, { args: [{ concurrency: 10 }] }),
    ]);
    for (const refusal of refusals) {
      const reason: unknown = refusal.status === 'rejected' ? refusal.reason : undefined;
      expect(reason).toBeInstanceOf(WorkflowUpdateFailedError);
      expect(String((reason as Error).cause)).toContain('being cancelled');
    }
    const paid = jobsMade();
    expect(await handle.result()).toMatchObject({
      end: 'cancelled',
      tally: { stored: paid, cancelled: 30 - paid, total: 30 },
    });
    expect(jobsMade()).toBe(paid);
  });

  it('refuses invalid settings with the rule, and leaves the batch unchanged', async () => {
    const handle = await runs.start('set-wrongly', prompts('set wrongly', 5));
    const args = [{ concurrency: 0 }, { maxFailureRate: 101 }, {}];
    const answers = await Promise.all(
      args.map((settings) =>
        handle.executeUpdate(setUpdate, { args: [settings] }).catch((error: Error) => String(error.cause)),
      ),
    );
    expect(answers).toEqual([
      expect.stringContaining('from 1 to 10000'),
      expect.stringContaining('from 1 to 100'),
      expect.stringContaining('Nothing to set'),
    ]);
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 5 } });
  });

  it('applies a lower concurrency as rows end, and a higher one at once', async () => {
    runs.sandbox.configure({ jobTimeMs: { min: 1_000, max: 1_500 } });
    const handle = await runs.start('set', prompts('set', 60), { concurrency: 20 });
    await untilJobs(20);
    await handle.executeUpdate(setUpdate, { args: [{ concurrency: 3 }] });
    await eventually(() => runs.sandbox.stats().inFlight <= 3, {
      what: 'three are in flight',
      withinMs: 10_000,
    });
    for (let look = 0; look < 5; look++) {
      const jobs = jobsMade();
      await untilJobs(jobs + 1);
      expect(runs.sandbox.stats().inFlight).toBeLessThanOrEqual(3);
    }
    expect(await handle.executeUpdate(setUpdate, { args: [{ concurrency: 12 }] })).toMatchObject({
      concurrency: 12,
    });
    await eventually(() => runs.sandbox.stats().inFlight > 8, {
      what: 'the window is full',
      withinMs: 10_000,
    });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 60 } });
    expect(jobsMade()).toBe(60);
  });

  it('stores paid images while the account is out of funds', async () => {
    runs.sandbox.configure({ balance: '0.40', jobTimeMs: { min: 1_500, max: 2_000 } });
    const handle = await runs.start('collect', prompts('collect'));
    await untilHeld(handle, 'insufficient-balance');
    const drained = await untilDrained(handle, 'collect');
    expect(drained).toMatchObject({ stored: 5, pending: 15 });
    runs.sandbox.configure({ balance: '1000' });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 20 } });
    expect(jobsMade()).toBe(20);
  });

  it('applies a signal while no update can be answered, unless it is invalid', async () => {
    const handle = await runs.start('instruct', prompts('instruct', 30), { concurrency: 5 });
    await untilJobs(5);
    await handle.signal(instructSignal, { kind: 'set', concurrency: 0 });
    await handle.signal(instructSignal, { kind: 'pause' });
    await eventually(async () => (await handle.query(snapshotQuery)).paused, { what: 'it is paused' });
    expect(await handle.query(snapshotQuery)).toMatchObject({ concurrency: 5 });
    await handle.signal(instructSignal, { kind: 'resume' });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 30 } });
  });

  it('holds when every job fails, tries single rows, and continues by itself', async () => {
    runs.sandbox.configure({ rates: { 'job-flaky': 1 }, jobTimeMs: { min: 20, max: 50 } });
    const handle = await runs.start('failing', prompts('failing', 220), {
      concurrency: 100,
      maxGenerations: 4,
      probeFirstMs: 300,
    });
    const hold = await untilHeld(handle, 'too-many-failures');
    expect(hold.message).toMatch(/^100 % of the last generations failed, the last one with: \w+/);
    const atHold = await untilQuiet();
    // Some trials with a single job each, and no more.
    await untilJobs(atHold + 2);
    expect(jobsMade()).toBeLessThanOrEqual(atHold + 4);
    expect((await handle.query(snapshotQuery)).holds[0]).toHaveProperty('nextTrialAt');
    runs.sandbox.configure({ rates: { 'job-flaky': 0 } });
    const { tally } = await handle.result();
    expect(tally).toMatchObject({ total: 220, failed: 0, stored: 220 });
    expect(jobsMade()).toBe(tally.generations);
  });

  /** The number of jobs once no more are being made. */
  async function untilQuiet(): Promise<number> {
    return eventually(() => (runs.sandbox.stats().inFlight === 0 ? jobsMade() : false), {
      what: 'no job is being made',
      withinMs: 20_000,
    });
  }

  it('continues failing rows after resume of a failure-rate hold', async () => {
    runs.sandbox.configure({ rates: { 'job-refused': 1 }, jobTimeMs: { min: 20, max: 50 } });
    const handle = await runs.start('refused', prompts('refused', 250), {
      concurrency: 20,
      probeFirstMs: 600_000,
    });
    await untilHeld(handle, 'too-many-failures');
    await handle.executeUpdate(resumeUpdate, { args: [undefined] });
    expect(await handle.result()).toMatchObject({ tally: { failed: 250, failuresByKind: { refused: 250 } } });
    expect(jobsMade()).toBe(250);
  });

  it('holds when all jobs are missing, and buys them again only after resume', async () => {
    runs.sandbox.configure({ rates: { 'job-lost': 1 } });
    const handle = await runs.start('missing', prompts('missing', 20), { concurrency: 10 });
    await untilHeld(handle, 'jobs-missing');
    runs.sandbox.configure({ rates: { 'job-lost': 0 } });
    await handle.executeUpdate(resumeUpdate, { args: [undefined] });
    const { tally } = await handle.result();
    expect(tally).toMatchObject({ stored: 20 });
    expect(jobsMade()).toBe(tally.generations);
  });
});
