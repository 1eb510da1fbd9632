/**
 * Everything that starts, finds, queries and steers a batch through Temporal's client, for the commands and for programs.
 * These functions print nothing, keep nothing open and never end the process: what is expected is a value that they
 * return; a UsageError says what a person has to correct.
 *
 * By itself, `npx tsx src/starter.ts SHEET` is `banana-batch submit SHEET`: it starts a batch and returns.
 */
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Read a sheet, see what it would do, start it. */
export { checkSheet, type CheckedSheet } from './batch/check-sheet.js';
export {
  prepareSubmission,
  prepareWithoutBucket,
  type PlannedSubmission,
  type PreparationListener,
  type Submission,
} from './batch/prepare-submission.js';
export { localSheet } from './batch/sheet-file.js';
export { startBatch, type StartedBatch } from './batch/start-batch.js';

/** Run rows of a batch again: what failed, or what is to be made anew. */
export { planAgain, type AgainPlan, type RerunRequest } from './batch/plan-again.js';
export { startRequest } from './batch/start-run.js';

/** Find batches, and see where they are. */
export { readBatchStatus, type StatusAccess } from './status/batch-status.js';
export { endOfRun } from './status/end-of-run.js';
export { findBatch } from './batch/find-batch.js';
export { queryRow, type RowAnswer } from './batch/query-row.js';
export { findStuckBatches } from './status/stuck-workflow.js';
export { workersOf } from './batch/task-queue-pollers.js';
export { batchesInTemporal, type ListedBatch } from './status/running-batches.js';

/** Steer a running batch, or end it. */
export { endWorkflows } from './batch/end-workflows.js';
export { readQueueRate, setQueueRate } from './status/queue-rates.js';
export { cancelBatch, changeBatch, pauseBatch, resumeBatch, type Steered } from './batch/steer-batch.js';

const invoked = process.argv[1];
if (invoked && existsSync(invoked) && realpathSync(invoked) === fileURLToPath(import.meta.url)) {
  // Not awaited: the commands import this file.
  void submit(process.argv.slice(2));
}

async function submit(args: readonly string[]): Promise<void> {
  const { main } = await import('./cli.js');
  process.exitCode = await main(['submit', ...args]);
}
