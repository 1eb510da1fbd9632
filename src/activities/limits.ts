import { UNKNOWN_POLL_TIMES } from '../domain/time/poll-schedule.js';
import { CREATE_FAULT_MS } from '../domain/batch/row-faults.js';

/** How long passing faults are borne before they count, and what else tests shorten. Milliseconds. */
export interface ActivityLimits {
  /** When a job is polled first while the worker knows too few of its kind. Default 5 s. */
  readonly firstPollMs: number;
  /** Transient faults of the API or the image host, before the batch is held. Default 2 min. */
  readonly serviceFaultMs: number;
  /** Failures of the bucket, before the batch is held. Default 60 s. */
  readonly storageFaultMs: number;
  /** An image that a living service keeps giving wrong, cut or expired, or that its host refuses for one row alone, before the row fails. Default 15 min. */
  readonly imageFaultMs: number;
  /** A create that fails for one row while those of others go through, before the row ends. Default 5 min. */
  readonly createFaultMs: number;
  /** The same for looks at a job. Default 15 min. */
  readonly jobFaultMs: number;
  /** 404s of a job in a row before it may be taken for gone, and how long they must last. Default 20 over 10 min. */
  readonly goneAfterLooks: number;
  readonly goneAfterMs: number;
  /** Passing faults that keep a schedule's firing from starting, before it has failed. Default 15 min. */
  readonly firingFaultMs: number;
  /** Fetching a schedule's sheet, however steadily its server sends, before the firing has failed. Default 30 min. */
  readonly firingFetchMs: number;
  /** All that comes before a firing's batch starts, its input images among it, before the firing has failed. Default 5 h. */
  readonly firingStartMs: number;
  /** A hold, before someone is told of it; a batch is looked at twice in this time. Default 1 min. */
  readonly holdToldAfterMs: number;
  /** A batch in which nothing moves though nothing keeps it, before someone is told; at least. Default 30 min. */
  readonly stuckToldAfterMs: number;
}

export const DEFAULT_LIMITS: ActivityLimits = {
  firstPollMs: UNKNOWN_POLL_TIMES.firstMs,
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
