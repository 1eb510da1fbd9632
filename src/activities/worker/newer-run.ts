import { ApplicationFailure } from '@temporalio/common';
import type { BatchFile } from '../../ledger/documents.js';
import type { RunRef } from '../../storage/layout.js';

/** Throws a failure that is not repeated where a newer run has begun: a worker may come back to a run that was ended long ago. */
export function refuseOlder({ runSeq }: RunRef, batch: BatchFile | undefined): void {
  if (!batch || batch.runSeq <= runSeq) return;
  throw ApplicationFailure.nonRetryable(
    `Run ${batch.runSeq} of the batch has started, so run ${runSeq} has ended.`,
    'RunSuperseded',
  );
}
