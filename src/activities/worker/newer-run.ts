import { ApplicationFailure } from '@temporalio/common';
import type { BatchFile } from '../../ledger/documents.js';
import type { RunRef } from '../../storage/layout.js';

/** Throws a non-retryable failure if a newer run has begun: a worker may return to a run that ended long ago. */
export function refuseOlder({ runSeq }: RunRef, batch: BatchFile | undefined): void {
  if (!batch || batch.runSeq <= runSeq) return;
  throw ApplicationFailure.nonRetryable(
    `Run ${batch.runSeq} of the batch has started, so run ${runSeq} has ended.`,
    'RunSuperseded',
  );
}
