import path from 'node:path';
import { z, ZodError } from 'zod';
import { addressOf, type BatchLocation, type HomeFolder } from '../storage/layout.js';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { closedFromOutside, holdsOf, reasonOf, stateOf, type StatusAccess } from './batch-status.js';
import { stuckBatches } from './stuck-workflow.js';
import type { BatchState } from './status-document.js';
import { snapshotInMemo } from './describe-batch.js';
import { type BatchId, parseBatchId } from '../domain/rows/ids.js';
import { addTallies, tallyOfPending, type Tally, EMPTY_TALLY } from '../domain/batch/tally.js';
import { TallyDocument } from '../ledger/documents.js';
import { lastRunSeq } from '../ledger/previous-runs.js';
import type { ObjectStore } from '../storage/object-store.js';
import { SNAPSHOT_MEMO, type BatchSnapshot } from '../workflows/protocol/batch-messages.js';
import { shardWorkflowId } from '../workflows/protocol/names.js';
import { sealedStatus } from './bucket-status.js';

/** A batch as `list` shows it; scripts rely on it. Times are ISO 8601. */
export interface ListedBatch {
  readonly batchId: BatchId;
  /** `unknown` if only Temporal could tell, and it does not answer. */
  readonly state: BatchState | 'unknown';
  /** Why the batch is stopped or failed. */
  readonly reason: string | undefined;
  /** Undefined before a worker has started the run. */
  readonly runSeq: number | undefined;
  readonly total: number;
  readonly stored: number;
  readonly failed: number;
  readonly rejected: number;
  readonly cancelled: number;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** When the numbers were current; undefined if there are none yet. */
  readonly asOf: string | undefined;
  /** `s3://bucket/prefix/batch/` */
  readonly location: string;
}

/**
 * The newest run of every batch that Temporal knows, in any place, from the memos: two visibility queries for any
 * number of batches; running ones are also checked individually for being stuck.
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
  // Shards write their memos independently: the sum is as old as its oldest part.
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
function countsOf(tally: Tally): Pick<ListedBatch, 'total' | 'stored' | 'failed' | 'rejected' | 'cancelled'> {
  const { total, stored, failed, rejected, cancelled } = tally;
  return { total, stored, failed, rejected, cancelled };
}

/** The ids of all folders below a place that may be batches. */
export async function folderIds(
  store: ObjectStore,
  { bucket, prefix }: HomeFolder,
): Promise<readonly BatchId[]> {
  const ids: BatchId[] = [];
  for await (const folder of store.listFolders(bucket, prefix)) {
    const batchId = parseBatchId(path.posix.basename(folder));
    if (batchId) ids.push(batchId);
  }
  return ids;
}

/** A batch from the bucket alone; undefined for a folder that is not a batch's. */
export async function archivedBatch(
  store: ObjectStore,
  location: BatchLocation,
  temporalAnswered: boolean,
): Promise<ListedBatch | undefined> {
  const report = await readableReport(store, location);
  const runSeq = await lastRunSeq(store, location);
  if (runSeq === 0) return undefined;
  const { batchId } = location;
  if (report && report.runSeq === runSeq && (report.state === 'completed' || report.state === 'cancelled')) {
    const { state, reason, startedAt, endedAt, asOf } = report;
    return {
      batchId,
      state,
      reason,
      runSeq,
      ...countsOf(report),
      startedAt,
      endedAt,
      asOf,
      location: report.location,
    };
  }
  return {
    batchId,
    state: temporalAnswered ? 'failed' : 'unknown',
    reason: temporalAnswered
      ? `Run ${runSeq} has no report, and Temporal does not know it. Continue it with: banana-batch retry ${batchId}`
      : `Run ${runSeq} has no report yet, and Temporal does not answer.`,
    runSeq,
    ...countsOf(report ?? EMPTY_TALLY),
    startedAt: undefined,
    endedAt: undefined,
    asOf: report?.asOf,
    location: addressOf(location),
  };
}

/** One unreadable report must not hide all other batches. */
async function readableReport(store: ObjectStore, location: BatchLocation): ReturnType<typeof sealedStatus> {
  try {
    return await sealedStatus(store, location);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ZodError) return undefined;
    throw error;
  }
}
