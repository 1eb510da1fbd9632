import { WorkflowFailedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { z } from 'zod';
import { EMPTY_TALLY, type Tally } from '../domain/batch/tally.js';
import { TallyDocument } from '../ledger/documents.js';
import { isSamePlace, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { BatchSnapshot } from '../workflows/protocol/batch-messages.js';
import { batchWorkflowId } from '../workflows/protocol/names.js';
import { sealedStatus } from './bucket-status.js';
import { describeBatch, snapshotInMemo } from './describe-batch.js';
import { withinDeadline } from '../network/temporal-calls.js';

/** How a run ended. */
export interface RunEnd {
  /** `failed`: its workflow failed, or was ended from outside. */
  readonly end: 'completed' | 'cancelled' | 'failed';
  /** The known tally of its rows. */
  readonly tally: Tally;
}

const RunResult = z.object({ end: z.enum(['completed', 'cancelled']), tally: TallyDocument });

/** How a run ended; undefined while it is running. Throws StorageError, and what Temporal's client throws. */
export async function endOfRun(
  { client, store }: { readonly client: Client; readonly store: ObjectStore },
  { run, workflowRunId }: StartedRun,
): Promise<RunEnd | undefined> {
  const { noted, isRunning } = await newestRun(client, run);
  if (noted && isRunning) return undefined;
  try {
    // It has ended, so the result arrives at once.
    const result = await withinDeadline(client.connection, () =>
      client.workflow.getHandle(batchWorkflowId(run.batchId), workflowRunId).result(),
    );
    return RunResult.parse(result);
  } catch (error) {
    const isLost = error instanceof WorkflowNotFoundError;
    if (!isLost && !(error instanceof WorkflowFailedError)) throw error;
    const sealed = await sealedStatus(store, run);
    if (isLost && sealed?.runSeq === run.runSeq) {
      const end = sealed.state === 'cancelled' ? 'cancelled' : 'completed';
      return { end, tally: TallyDocument.parse(sealed) };
    }
    return { end: 'failed', tally: noted?.tally ?? EMPTY_TALLY };
  }
}

/** Whether a run's workflow is running. */
export async function isAtWork(client: Client, run: RunRef): Promise<boolean> {
  const { noted, isRunning } = await newestRun(client, run);
  return noted !== undefined && isRunning;
}

/** The snapshot of the batch's newest workflow if it belongs to this run. */
async function newestRun(
  client: Client,
  run: RunRef,
): Promise<{ readonly noted: BatchSnapshot | undefined; readonly isRunning: boolean }> {
  const description = await describeBatch(client, run);
  const noted = description && snapshotInMemo(description);
  const isThis = noted && noted.run.runSeq === run.runSeq && isSamePlace(noted.run, run);
  return { noted: isThis ? noted : undefined, isRunning: description?.status.name === 'RUNNING' };
}

/** A started run, and its first workflow run. */
export interface StartedRun {
  readonly run: RunRef;
  readonly workflowRunId: string;
}
