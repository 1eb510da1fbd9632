import { UNKNOWN_FIRST_POLL_MS } from '../domain/time/poll-schedule.js';
import { CREATE_FAULT_MS } from '../domain/batch/row-faults.js';

/** How long temporary faults are retried before they count, and other durations that tests shorten. Milliseconds. */
export interface ActivityLimits {
  /** When a job is first polled while the worker knows too few jobs of its model. Default 5 s. */
  readonly firstPollMs: number;
  /** How long copies may take on average to be made before a row gives up its slot. Default 100 ms, 1 % of a job of 10 s; 0: never. */
  readonly quickCopyMs: number;
  /** Temporary faults of the API or the image host, before the batch is held. Default 2 min. */
  readonly serviceFaultMs: number;
  /** Failures of the bucket, before the batch is held. Default 60 s. */
  readonly storageFaultMs: number;
  /**
   * An image that is wrong, truncated or expired although the service works, or that its host refuses only for this
   * row, before the row fails. Default 15 min.
   */
  readonly imageFaultMs: number;
  /** A create that fails for one row while others succeed, before the row ends. Default 5 min. */
  readonly createFaultMs: number;
  /** The same for polls of a job. Default 15 min. */
  readonly jobFaultMs: number;
  /** Consecutive 404s of a job before it may count as gone, and how long they must last. Default 20 over 10 min. */
  readonly goneAfterLooks: number;
  readonly goneAfterMs: number;
  /** Temporary faults that keep a run of the schedule from starting, before it has failed. Default 15 min. */
  readonly firingFaultMs: number;
  /** Fetching a schedule's sheet, however steadily its server sends, before the run of the schedule has failed. Default 30 min. */
  readonly firingFetchMs: number;
  /** Everything before the batch of a schedule's run starts, including its input images, before that run has failed. Default 5 h. */
  readonly firingStartMs: number;
  /** Age of a hold before its notice is sent; a batch is checked twice in this time. Default 1 min. */
  readonly holdToldAfterMs: number;
  /** Minimum time without progress or any known reason before the notice of a stuck batch. Default 30 min. */
  readonly stuckToldAfterMs: number;
}

export const DEFAULT_LIMITS: ActivityLimits = {
  firstPollMs: UNKNOWN_FIRST_POLL_MS,
  quickCopyMs: 100,
  serviceFaultMs: 2 * 60_000,
  storageFaultMs: 60_000,
  imageFaultMs: 15 * 60_000,
  createFaultMs: CREATE_FAULT_MS,
  jobFaultMs: 15 * 60_000,
  goneAfterLooks: 20,
  goneAfterMs: 10 * 60_000,
  firingFaultMs: 15 * 60_000,
  firingFetchMs: 30 * 60_000,
  firingStartMs: 5 * 3_600_000,
  holdToldAfterMs: 60_000,
  stuckToldAfterMs: 30 * 60_000,
};
