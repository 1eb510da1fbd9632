import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type WorkflowHandle,
} from '@temporalio/client';
import { readBatchStatus } from '../batch/batch-status.js';
import type { BatchStatus } from '../batch/status-document.js';
import { UsageError } from '../errors.js';
import { batchWorkflowId } from '../workflows/names.js';
import { locate, TEMPORAL_DEADLINE_MS, type BatchAccess } from './batch-access.js';
import { stuck } from './end-stuck-batch.js';
import { retryAdvice } from './retry-advice.js';
import { unknownBatch } from './status.js';
import { isOpen } from '../batch/status-document.js';

/** What a batch is to be told. */
export interface BatchCommand {
  /** What cannot be done with a batch that has ended, for the refusal: `pause`. */
  readonly verb: string;
  /** Tells it and waits until it has obeyed. */
  readonly tell: (handle: WorkflowHandle) => Promise<unknown>;
  /** Leaves the word with Temporal until a worker takes it up. */
  readonly leave: (handle: WorkflowHandle) => Promise<unknown>;
  /** How long it may take to apply. Default 5 s. */
  readonly withinMs?: number;
}

/**
 * Tells a running batch something. Where no worker answers in time, the word is left with Temporal, and `isTakenUp` is
 * false. Throws a UsageError for a batch that is unknown, has ended, or refuses, with its reason.
 */
export async function tellBatch(
  access: BatchAccess,
  id: string,
  word: BatchCommand,
): Promise<{ readonly before: BatchStatus; readonly isTakenUp: boolean }> {
  const { client } = access;
  const location = await locate(access, id);
  const before = await readBatchStatus(access, location);
  if (!before) throw unknownBatch(location);
  if (!isOpen(before)) throw endedAlready(before, word.verb);
  if (before.state === 'stuck') throw stuck(before);
  const handle = client.workflow.getHandle(batchWorkflowId(location.batchId));
  const within = <T>(ms: number, call: () => Promise<T>): Promise<T> =>
    client.connection.withDeadline(Date.now() + ms, call);
  try {
    await within(word.withinMs ?? TEMPORAL_DEADLINE_MS, () => word.tell(handle));
    return { before, isTakenUp: true };
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw refusedByBatch(error, before, word.verb);
    if (error instanceof WorkflowNotFoundError) throw endedAlready(before, word.verb);
    if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
    await within(TEMPORAL_DEADLINE_MS, () => word.leave(handle));
    return { before, isTakenUp: false };
  }
}

function endedAlready(
  { batchId, state, failuresByKind, cancelled, pending }: BatchStatus,
  verb: string,
): UsageError {
  const isEndedFromOutside = state === 'failed';
  const advice =
    isEndedFromOutside || pending > 0
      ? `Make the missing images with: banana-batch retry ${batchId}`
      : retryAdvice(batchId, { ...failuresByKind, cancelled });
  return new UsageError(
    [
      `Batch "${batchId}" has already ended (${isEndedFromOutside ? 'ended' : state}): it is not possible to ${verb} any more.`,
      ...(advice === undefined ? [] : [advice]),
    ].join(' '),
  );
}

function refusedByBatch(
  error: WorkflowUpdateFailedError,
  { batchId }: BatchStatus,
  verb: string,
): UsageError {
  let reason: unknown = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  const message = reason instanceof Error ? reason.message : String(reason);
  return new UsageError(`Batch "${batchId}" refuses to ${verb}: ${message}`, { cause: error });
}
