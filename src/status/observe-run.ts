import type { BatchObservation } from './notices/batch-watch.js';
import type { Tally } from '../domain/batch/tally.js';
import type { RunRef } from '../storage/layout.js';
import { taskQueues } from '../workflows/protocol/names.js';
import { askWorker } from '../network/temporal-calls.js';
import { readBatchStatus, type StatusAccess } from './batch-status.js';
import { describeBatch, snapshotInMemo } from './describe-batch.js';
import { readQueueRate } from './queue-rates.js';

/** The state of a run of a batch, for the watch. */
export type RunObservation =
  | { readonly kind: 'open'; readonly observed: BatchObservation }
  /** Its workflow failed or was ended from outside. */
  | { readonly kind: 'failed'; readonly tally: Tally; readonly at: string }
  /** Its workflow is running, but reports nothing readable. */
  | { readonly kind: 'unseen' }
  /** It has ended by itself, another run has followed it, or it is unknown. */
  | { readonly kind: 'over' };

/** Checks a run once. Throws what `readBatchStatus` throws. */
export async function observeRun(access: StatusAccess, run: RunRef): Promise<RunObservation> {
  const description = await describeBatch(access.client, run);
  // From the bucket alone it would seem to have failed.
  if (description?.status.name === 'RUNNING' && !snapshotInMemo(description)) return { kind: 'unseen' };
  const status = await readBatchStatus(access, run);
  if (!status || status.runSeq !== run.runSeq) return { kind: 'over' };
  const { state, endedAt, asOf, holds, pauses, pace, usualSeconds, concurrency = 1, workers } = status;
  if (state === 'failed') return { kind: 'failed', tally: tallyOf(status), at: endedAt ?? asOf };
  if (state === 'completed' || state === 'cancelled') return { kind: 'over' };
  const perSecond = await slowestRate(access);
  return {
    kind: 'open',
    observed: {
      holds,
      pauses,
      isAtWork: state === 'running' && pace?.notBefore === undefined,
      tally: tallyOf(status),
      ...(usualSeconds !== undefined && { usualMs: usualSeconds * 1000 }),
      ...(perSecond !== undefined && { turnMs: (concurrency / perSecond) * 1000 }),
      workers,
    },
  };
}

/** The lower of the rates set by `banana-batch rate`; undefined if none is set, or if Temporal does not report it. */
async function slowestRate({ client, taskQueue }: StatusAccess): Promise<number | undefined> {
  const { namespace } = client.options;
  const queues = taskQueues(taskQueue);
  const rates = await Promise.all(
    [queues.create, queues.await].map((name) =>
      askWorker(client, () => readQueueRate(client.connection, { namespace, name })),
    ),
  );
  const slowest = Math.min(...rates.map((rate) => rate ?? Infinity));
  return slowest > 0 && slowest < Infinity ? slowest : undefined;
}

function tallyOf(status: Tally): Tally {
  const { total, pending, inFlight, copying, stored, failed, rejected, cancelled } = status;
  const { failuresByKind, generations } = status;
  return {
    total,
    pending,
    inFlight,
    copying,
    stored,
    failed,
    rejected,
    cancelled,
    failuresByKind,
    generations,
  };
}
