import path from 'node:path';
import { ZodError } from 'zod';
import { sealedStatus } from '../status/bucket-status.js';
import { parseBatchId, type BatchId } from '../domain/rows/ids.js';
import { EMPTY_TALLY } from '../domain/batch/tally.js';
import { lastRunSeq } from '../ledger/previous-runs.js';
import { addressOf, type BatchLocation, type HomeFolder } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import { countsOf, type ListedBatch } from '../status/running-batches.js';

/** The ids of all folders that may be batches' below a place. */
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

/** A batch as the bucket alone tells it; undefined for a folder that is not a batch's. */
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

/** One report that cannot be understood must not hide all other batches. */
async function readableReport(store: ObjectStore, location: BatchLocation): ReturnType<typeof sealedStatus> {
  try {
    return await sealedStatus(store, location);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ZodError) return undefined;
    throw error;
  }
}
