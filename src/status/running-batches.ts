import { z } from 'zod';
import { addressOf } from '../storage/layout.js';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { closedFromOutside, holdsOf, reasonOf, stateOf, type StatusAccess } from './batch-status.js';
import { stuckBatches } from './stuck-workflow.js';
import type { BatchState } from './status-document.js';
import { snapshotInMemo } from './describe-batch.js';
import type { BatchId } from '../domain/rows/ids.js';
import { addTallies, tallyOfPending, type Tally } from '../domain/batch/tally.js';
import { TallyDocument } from '../ledger/documents.js';
import { SNAPSHOT_MEMO, type BatchSnapshot } from '../workflows/protocol/batch-messages.js';
import { shardWorkflowId } from '../workflows/protocol/names.js';

/** A batch as `list` shows it; scripts rely on it. Times are ISO 8601. */
export interface ListedBatch {
  readonly batchId: BatchId;
  /** `unknown` where only Temporal could tell, and it does not answer. */
  readonly state: BatchState | 'unknown';
  /** Why the batch is stopped or failed. */
  readonly reason: string | undefined;
  /** Undefined where no worker has taken the run up yet. */
  readonly runSeq: number | undefined;
  readonly total: number;
  readonly stored: number;
  readonly failed: number;
  readonly rejected: number;
  readonly cancelled: number;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** When the numbers were true; undefined where there are none yet. */
  readonly asOf: string | undefined;
  /** `s3://bucket/prefix/batch/` */
  readonly location: string;
}

/**
 * The newest run of every batch that Temporal knows, wherever it lives, as noted in the memos: two queries of its visibility, whatever
 * the number of batches; running ones are looked at one by one, whether they are stuck.
 */
export async function batchesInTemporal({
  client,
  taskQueue,
}: Pick<StatusAccess, 'client' | 'taskQueue'>): Promise<ReadonlyMap<BatchId, ListedBatch>> {
  const newest = new Map<string, WorkflowExecutionInfo>();
  for await (const execution of client.workflow.list({ query: 'WorkflowType = "runBatch"' })) {
    const known = newest.get(execution.workflowId);
    if (!known || known.startTime < execution.startTime) newest.set(execution.workflowId, execution);
  }
  const shards = new Map<string, unknown>();
  const openShards = 'WorkflowType = "runShard" AND ExecutionStatus = "Running"';
  for await (const { workflowId, memo } of client.workflow.list({ query: openShards })) {
    shards.set(workflowId, memo?.[SNAPSHOT_MEMO]);
  }
  const batches = new Map<BatchId, ListedBatch>();
  const running: BatchSnapshot[] = [];
  for (const execution of newest.values()) {
    const snapshot = snapshotInMemo(execution);
    if (!snapshot) continue;
    batches.set(snapshot.run.batchId, listedBatch(snapshot, execution, shards));
    if (execution.status.name === 'RUNNING') running.push(snapshot);
  }
  for (const { batchId, reason } of await stuckBatches({ client, taskQueue }, running)) {
    const listed = batches.get(batchId);
    if (listed) batches.set(batchId, { ...listed, state: 'stuck', reason });
  }
  return batches;
}

const NotedAt = z.object({ asOf: z.iso.datetime() });

function listedBatch(
  snapshot: BatchSnapshot,
  execution: WorkflowExecutionInfo,
  shards: ReadonlyMap<string, unknown>,
): ListedBatch {
  const { run, openShards, startedAt } = snapshot;
  const notes = openShards.map(({ shard, rows }) => {
    const memo = shards.get(shardWorkflowId(run, shard));
    const tally: Tally = TallyDocument.safeParse(memo).data ?? tallyOfPending(rows);
    return { tally, asOf: NotedAt.safeParse(memo).data?.asOf ?? snapshot.startedAt };
  });
  const tally = notes.map((note) => note.tally).reduce(addTallies, snapshot.tally);
  // Shards note what they have done by themselves: the sum is as old as the oldest of its parts.
  const asOf = notes.reduce((oldest, note) => (note.asOf < oldest ? note.asOf : oldest), snapshot.asOf);
  const closed = closedFromOutside(execution, snapshot);
  const state = closed ? 'failed' : stateOf(snapshot, tally);
  return {
    batchId: run.batchId,
    state,
    reason: reasonOf(snapshot, { closed, state, holds: holdsOf(snapshot, closed) }),
    runSeq: run.runSeq,
    ...countsOf(tally),
    startedAt,
    endedAt: snapshot.endedAt ?? (closed ? execution.closeTime?.toISOString() : undefined),
    asOf,
    location: addressOf(run),
  };
}

/** The counts that `list` shows. */
export function countsOf(
  tally: Tally,
): Pick<ListedBatch, 'total' | 'stored' | 'failed' | 'rejected' | 'cancelled'> {
  const { total, stored, failed, rejected, cancelled } = tally;
  return { total, stored, failed, rejected, cancelled };
}
