import { CancellationScope } from '@temporalio/workflow';
import { Batch } from './batch/batch.js';
import type { RunBatchInput, RunBatchResult } from './protocol/batch-messages.js';

/**
 * Runs a batch from its sheet to its final report. Ends when every row has settled; faults of account, service or
 * bucket delay it but never fail it. Cancelling this workflow is the same as cancelling the batch.
 */
export async function runBatch(input: RunBatchInput): Promise<RunBatchResult> {
  const root = CancellationScope.current();
  return CancellationScope.nonCancellable(() => new Batch(input).run(root));
}
