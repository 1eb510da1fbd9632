import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  pauseUpdate,
  resumeUpdate,
  setUpdate,
  snapshotQuery,
} from '../../../src/workflows/protocol/batch-messages.js';
import { batchWorkflowId, shardWorkflowId } from '../../../src/workflows/protocol/names.js';
import { startBatchRuns, type BatchRuns } from '../../support/batches/batch-runs.js';
import { expectCorrect, jobIdsOf } from '../../support/batches/batch-verdict.js';
import { eventually } from '../../support/eventually.js';

describe('a batch with a long history', { timeout: 400_000 }, () => {
  let runs: BatchRuns;
  beforeAll(async () => {
    runs = await startBatchRuns({
      sandbox: { jobTimeMs: { min: 20, max: 100 } },
      limits: { serviceFaultMs: 600, storageFaultMs: 600, imageFaultMs: 1_500 },
    });
  });
  afterAll(async () => {
    await runs?.stop();
  });

  /** How often a workflow continued as a new run. */
  async function continuations(workflowId: string): Promise<number> {
    const { client } = runs.stack.temporal;
    const { runId } = await client.workflow.getHandle(workflowId).describe();
    let count = 0;
    for (let run: string | undefined = runId; run; count++) {
      const { events } = await client.workflow.getHandle(workflowId, run).fetchHistory();
      run = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
    }
    return count - 1;
  }

  it('continues in new workflow runs in the middle of a shard, with the same generations', async () => {
    const otherJobs = jobIdsOf(runs.sandbox);
    const prompts = Array.from({ length: 60 }, (_, row) => `long ${row}${row % 3 === 0 ? ' [[flaky]]' : ''}`);
    const handle = await runs.start('long-shard', prompts, { continueAfterEvents: 250 });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 60, generations: 80 } });
    await expectCorrect(runs, { batchId: 'long-shard', rows: 60, otherJobs });
    expect(await continuations(shardWorkflowId(runs.runOf('long-shard'), 0))).toBeGreaterThanOrEqual(1);
  });

  it('continues in a new workflow run between two shards, with its settings', async () => {
    const otherJobs = jobIdsOf(runs.sandbox);
    const prompts = Array.from({ length: 503 }, (_, row) => `parent ${row}`);
    const handle = await runs.start('long-parent', prompts, { concurrency: 90, continueAfterEvents: 800 });
    const newest = runs.stack.temporal.client.workflow.getHandle(
      batchWorkflowId(runs.runOf('long-parent').batchId),
    );
    // With 90 slots only the first shard is open at first; messages make the history long meanwhile.
    await eventually(async () => (await newest.query(snapshotQuery)).phase === 'running', {
      what: 'it runs',
    });
    await newest.executeUpdate(pauseUpdate);
    for (let word = 0; word < 120; word++) {
      await newest.executeUpdate(setUpdate, { args: [{ concurrency: word % 2 === 0 ? 89 : 90 }] });
    }
    await newest.executeUpdate(resumeUpdate, { args: [undefined] });
    expect(await handle.result()).toMatchObject({ end: 'completed', tally: { stored: 503 } });
    await expectCorrect(runs, { batchId: 'long-parent', rows: 503, otherJobs });
    expect(await newest.query(snapshotQuery)).toMatchObject({ concurrency: 90 });
    expect(await continuations(newest.workflowId)).toBe(1);
  });
});
