import type { HoldCause } from './batch/holds.js';
import type { MissingJob } from './rows/missing-job.js';

/** The failure type by which an activity tells a workflow that the batch must be held, and no row blamed. */
export const BATCH_FAULT = 'BatchFault';

/** What accompanies such a failure. */
export interface BatchFaultDetails {
  readonly cause: HoldCause;
  /** Set where a create may have reached the service without its answer reaching us. Milliseconds since the epoch. */
  readonly unansweredSinceMs?: number;
  /** How long the job of the row was seen unfinished so far; set where one was awaited. */
  readonly unfinishedMs?: number;
  /** How often in a row the row's job was not found so far. */
  readonly missing?: MissingJob;
  /** How long the step has failed for this row before it gave up, and how long one row alone may. */
  readonly failedMs?: number;
  readonly rowLimitMs?: number;
}
