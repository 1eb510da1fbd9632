import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { z } from 'zod';
import { addressOf, closedFromOutside, stateOf, type BatchState } from '../batch-status.js';
import type { HoldScope } from '../domain/holds.js';
import { parseBatchId, type BatchId } from '../domain/ids.js';
import { addTallies, tallyOfPending, EMPTY_TALLY, type Tally } from '../domain/tally.js';
import { TallyDocument } from '../ledger/documents.js';
import {
  batchWorkflowId,
  shardWorkflowId,
  SNAPSHOT_MEMO,
  type BatchSnapshot,
} from '../workflows/messages.js';

/** A batch as `list` shows it; scripts rely on it. Times are ISO 8601. */
export interface ListedBatch {
  readonly batchId: BatchId;
  /** `unknown` where only Temporal could tell, and it does not answer. */
  readonly state: BatchState | 'unknown';
  /** Why the batch stands still or failed. */
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

/** A bucket's batches lie below `prefix`, which is empty or ends with `/`. */
export interface BatchPlace {
  readonly bucket: string;
  readonly prefix: string;
}

const Snapshot: z.ZodType<BatchSnapshot> = z.object({
  run: z.object({
    bucket: z.string(),
    prefix: z.string(),
    batchId: z.string().transform((text, context) => {
      const batchId = parseBatchId(text);
      if (batchId) return batchId;
      context.addIssue({ code: 'custom', message: 'is not a batch id' });
      return z.NEVER;
    }),
    runSeq: z.int(),
  }),
  phase: z.enum(['preparing', 'running', 'sealing', 'completed', 'cancelled', 'failed']),
  paused: z.boolean(),
  cancelling: z.boolean(),
  holds: z.array(
    z.object({
      scope: z.custom<HoldScope>((value) => typeof value === 'string'),
      code: z.string(),
      message: z.string(),
      since: z.string(),
    }),
  ),
  tally: TallyDocument,
  openShards: z.array(z.object({ shard: z.int(), rows: z.int() })),
  concurrency: z.number(),
  startedAt: z.string(),
  endedAt: z.string().exactOptional(),
  asOf: z.string(),
});

/**
 * The newest run of every batch that Temporal knows, as noted in the memos: two queries of its visibility, whatever
 * the number of batches, and none of a worker. Those that no worker has taken up have no note and so no place: they
 * count where `isOurs` knows their id.
 */
export async function batchesInTemporal(
  client: Client,
  place: BatchPlace,
  isOurs: (batchId: BatchId) => boolean,
): Promise<ReadonlyMap<BatchId, ListedBatch>> {
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
  for (const execution of newest.values()) {
    const snapshot = Snapshot.safeParse(execution.memo?.[SNAPSHOT_MEMO]).data;
    if (!snapshot) {
      const batchId = batchIdOf(execution.workflowId);
      if (batchId && isOurs(batchId)) batches.set(batchId, untaken({ ...place, batchId }, execution));
    } else if (snapshot.run.bucket === place.bucket && snapshot.run.prefix === place.prefix) {
      batches.set(snapshot.run.batchId, listedBatch(snapshot, execution, shards));
    }
  }
  return batches;
}

function batchIdOf(workflowId: string): BatchId | undefined {
  const batchId = parseBatchId(workflowId.slice(workflowId.indexOf(':') + 1));
  return batchId && batchWorkflowId(batchId) === workflowId ? batchId : undefined;
}

function listedBatch(
  snapshot: BatchSnapshot,
  execution: WorkflowExecutionInfo,
  shards: ReadonlyMap<string, unknown>,
): ListedBatch {
  const { run, openShards, holds, startedAt, asOf } = snapshot;
  const tally = openShards
    .map(({ shard, rows }): Tally => {
      const noted = TallyDocument.safeParse(shards.get(shardWorkflowId(run, shard)));
      return noted.data ?? tallyOfPending(rows);
    })
    .reduce(addTallies, snapshot.tally);
  const closed = closedFromOutside(execution);
  return {
    batchId: run.batchId,
    state: closed ? 'failed' : stateOf(snapshot, tally),
    reason: closed ?? holds[0]?.message,
    runSeq: run.runSeq,
    ...countsOf(tally),
    startedAt,
    endedAt: snapshot.endedAt ?? (closed ? execution.closeTime?.toISOString() : undefined),
    asOf,
    location: addressOf(run),
  };
}

function untaken(
  location: BatchPlace & { readonly batchId: BatchId },
  execution: WorkflowExecutionInfo,
): ListedBatch {
  const closed = closedFromOutside(execution);
  return {
    batchId: location.batchId,
    state: closed ? 'failed' : 'preparing',
    reason: closed ?? 'No worker has taken it up yet: npx banana-batch worker',
    runSeq: undefined,
    ...countsOf(EMPTY_TALLY),
    startedAt: execution.startTime.toISOString(),
    endedAt: execution.closeTime?.toISOString(),
    asOf: undefined,
    location: addressOf(location),
  };
}

/** The counts that `list` shows. */
export function countsOf(
  tally: Tally,
): Pick<ListedBatch, 'total' | 'stored' | 'failed' | 'rejected' | 'cancelled'> {
  const { total, stored, failed, rejected, cancelled } = tally;
  return { total, stored, failed, rejected, cancelled };
}
