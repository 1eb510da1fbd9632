import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Pause } from '../../../src/domain/batch/pause.js';
import type { RunSettings } from '../../../src/domain/batch/run-settings.js';
import { canaryFileKey, canaryPageKey, at } from '../../../src/storage/layout.js';
import {
  cancelUpdate,
  pauseUpdate,
  resumeUpdate,
  setUpdate,
  snapshotQuery,
} from '../../../src/workflows/protocol/batch-messages.js';
import { startBatchRuns, type BatchRuns } from '../../support/batches/batch-runs.js';
import { expectCorrect, jobIdsOf } from '../../support/batches/batch-verdict.js';
import { eventually } from '../../support/eventually.js';

const ROWS = 30;
const CANARY = { rows: 4, of: ROWS };

describe('a canary', { timeout: 240_000 }, () => {
  let runs: BatchRuns;
  let otherJobs: ReadonlySet<string> = new Set();
  beforeAll(async () => {
    runs = await startBatchRuns({ sandbox: { jobTimeMs: { min: 20, max: 100 }, retryAfterSeconds: 0 } });
  });
  beforeEach(() => {
    otherJobs = jobIdsOf(runs.sandbox);
  });
  afterAll(() => runs?.stop());

  const jobsMade = (): number => jobIdsOf(runs.sandbox).size - otherJobs.size;
  const start = (
    name: string,
    settings: Partial<RunSettings> = {},
    { rows = ROWS, mark = '' }: { readonly rows?: number; readonly mark?: string } = {},
  ) =>
    runs.start(
      name,
      Array.from({ length: rows }, (_, row) => `${name} ${row}${mark}`),
      { canary: CANARY, ...settings },
    );
  /** By its id, so that it is found in every one of its workflow runs. */
  const handleOf = (name: string) =>
    runs.stack.temporal.client.workflow.getHandle(`batch:${runs.runOf(name).batchId}`);
  const untilSeen = (name: string, isAnother: (pause: Pause) => boolean = () => true): Promise<Pause> =>
    eventually(
      async () => {
        const { pauses = [] } = await handleOf(name).query<{ pauses?: readonly Pause[] }>('snapshot');
        return pauses.find((pause) => pause.kind === 'canary' && isAnother(pause));
      },
      { what: `${name} waits for a look at its canary`, withinMs: 30_000 },
    );
  const textAt = (name: string, key: string): Promise<string> =>
    runs.stack.s3.store.readText(at(runs.runOf(name), key));

  it('makes sample rows from all regions, shows them, and makes the others after resume', async () => {
    const prices = [{ model: 'pro', resolution: '1K', price: '0.04' }] as const;
    const handle = await start('seen', { prices });
    const { message, until } = await untilSeen('seen');
    const run = runs.runOf('seen');
    expect(until).toBeUndefined();
    expect(message).toMatch(
      /^Canary: 4 of 4 images made\. Jobs took .*\. Cost so far 0\.16, whole run about 1\.20\. 26 rows are waiting: .* · Page: s3:\S+\/runs\/0001\/canary\.html · Continue: banana-batch resume seen · End: banana-batch cancel seen$/,
    );
    // Neither a higher concurrency nor a pause by a person lets other rows start.
    await handle.executeUpdate(setUpdate, { args: [{ concurrency: 50 }] });
    await handle.executeUpdate(pauseUpdate);
    expect(await handle.query(snapshotQuery)).toMatchObject({
      paused: true,
      tally: { stored: 4, pending: 26 },
    });
    expect(jobsMade()).toBe(4);
    const facts: unknown = JSON.parse(await textAt('seen', canaryFileKey(run, 1)));
    expect(facts).toMatchObject({ rows: 4, made: 4, left: 26, generations: 4, jobTimes: { jobs: 4 } });
    const page = await textAt('seen', canaryPageKey(run, 1));
    expect(page).toContain('4 of 4 images made');
    const [, link = ''] = /<noscript><figure><a href="([^"]+)">/.exec(page) ?? [];
    const image = new URL(link, `http://bucket/${canaryPageKey(run, 1)}`).pathname.slice(1);
    expect(await runs.stack.s3.store.head(at(run, image))).toBeDefined();

    await handle.executeUpdate(resumeUpdate, { args: [undefined] });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
    const { outcomes, jobs } = await expectCorrect(runs, { batchId: 'seen', rows: ROWS, otherJobs });
    expect(outcomes.map(({ position }) => position)).toEqual(Array.from({ length: ROWS }, (_, row) => row));
    expect(jobs).toBe(ROWS);
  });

  it('continues by itself after --canary-wait', async () => {
    const handle = await start('by-itself', { canary: { ...CANARY, waitMs: 1_500 } });
    expect(await untilSeen('by-itself')).toHaveProperty('until');
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
    expect(jobsMade()).toBe(ROWS);
  });

  it('that fails completely neither holds nor continues the batch, and reports its failures', async () => {
    // With so many slots fifty failures would hold a batch.
    const settings = { canary: { rows: 60, of: 70, waitMs: 50 }, concurrency: 500 };
    const handle = await start('failing', settings, { rows: 70, mark: ' [[refuse]]' });
    const { message, until } = await untilSeen('failing');
    expect(until).toBeUndefined();
    expect(message).toMatch(
      /^Canary: 0 of 60 images made, 60 refused\. .*Not all were made, so the batch does not continue/,
    );
    expect(jobsMade()).toBe(60);
    expect(await handle.query(snapshotQuery)).toMatchObject({
      holds: [],
      tally: { failed: 60, pending: 10 },
    });
    await handle.executeUpdate(cancelUpdate);
    expect(await handle.result()).toMatchObject({ end: 'cancelled', tally: { failed: 60, cancelled: 10 } });
    expect(jobsMade()).toBe(60);
    await expectCorrect(runs, { batchId: 'failing', rows: 70, otherJobs });
  });

  it('cancelled while waiting ends with its sample rows stored and the others cancelled', async () => {
    const handle = await start('ended', { canary: { ...CANARY, waitMs: 600_000 } });
    await untilSeen('ended');
    await handle.executeUpdate(cancelUpdate);
    expect(await handle.result()).toMatchObject({ end: 'cancelled', tally: { stored: 4, cancelled: 26 } });
    expect(jobsMade()).toBe(4);
    await expectCorrect(runs, { batchId: 'ended', rows: ROWS, otherJobs });
  });

  it('continues in a new workflow run without another canary when the history grows long', async () => {
    await start('long', { continueAfterEvents: 150 });
    await untilSeen('long');
    for (let word = 0; word < 30; word++) {
      await handleOf('long').executeUpdate(setUpdate, { args: [{ concurrency: 10 + (word % 2) }] });
    }
    await handleOf('long').executeUpdate(resumeUpdate, { args: [undefined] });
    expect(await handleOf('long').result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
    await expectCorrect(runs, { batchId: 'long', rows: ROWS, otherJobs });
  });

  it('is shown again after a reset to before it, without buying anything again', async () => {
    const { client } = runs.stack.temporal;
    await start('reset');
    const first = await untilSeen('reset');
    const { events } = await handleOf('reset').fetchHistory();
    const tasks = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
    const [, read] = tasks;
    if (!read?.eventId) throw new Error('Its sheet has not been read.');
    await client.workflowService.resetWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId: handleOf('reset').workflowId },
      reason: 'a test',
      workflowTaskFinishEventId: read.eventId,
      requestId: randomUUID(),
    });
    await untilSeen('reset', ({ since }) => since !== first.since);
    expect(jobsMade()).toBe(4);
    await handleOf('reset').executeUpdate(resumeUpdate, { args: [undefined] });
    expect(await handleOf('reset').result()).toMatchObject({ end: 'completed', tally: { stored: ROWS } });
    await expectCorrect(runs, { batchId: 'reset', rows: ROWS, otherJobs });
  });
});
