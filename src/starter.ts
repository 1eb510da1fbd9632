/**
 * Everything that starts, finds, queries and controls a batch through Temporal's client, for the commands and for
 * programs. These functions print nothing, keep nothing open and never end the process: expected results are returned
 * as values; a UsageError says what a person has to correct.
 *
 * Run directly, `npx tsx src/starter.ts SHEET` is `banana-batch submit SHEET`: it starts a batch and returns.
 */
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Read a sheet, see what it would do, start it. */
export { checkSheet, type CheckedSheet } from './plan/rows/check-sheet.js';
export {
  prepareSubmission,
  prepareWithoutBucket,
  type PlannedSubmission,
  type PreparationListener,
  type Submission,
} from './plan/prepare-submission.js';
export { localSheet } from './sheet/fetch/sheet-file.js';
export { startBatch, type StartedBatch } from './plan/start-batch.js';

/** Run rows of a batch again: those that failed, or those to be made again. */
export { planAgain, type AgainPlan, type RerunRequest } from './plan/plan-again.js';
export { startRequest } from './plan/start-run.js';

/** Find batches, and read their status. */
export { readBatchStatus, type StatusAccess } from './status/batch-status.js';
export { endOfRun } from './status/end-of-run.js';
export { findBatch } from './plan/place/find-batch.js';
export { queryRow, type RowAnswer } from './status/query-row.js';
export { findStuckBatches } from './status/stuck-workflow.js';
export { workersOf } from './status/queue-rates.js';
export { batchesInTemporal, type ListedBatch } from './status/running-batches.js';

/** Control a running batch, or end it. */
export { endWorkflows } from './plan/end-workflows.js';
export { readQueueRate, setQueueRate } from './status/queue-rates.js';
export { cancelBatch, changeBatch, pauseBatch, resumeBatch, type Steered } from './status/steer-batch.js';

const invoked = process.argv[1];
if (invoked && existsSync(invoked) && realpathSync(invoked) === fileURLToPath(import.meta.url)) {
  // Not awaited: the commands import this file.
  void submit(process.argv.slice(2));
}

async function submit(args: readonly string[]): Promise<void> {
  const { main } = await import('./cli.js');
  process.exitCode = await main(['submit', ...args]);
}
