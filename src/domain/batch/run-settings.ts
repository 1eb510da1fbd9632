import type { Canary } from './canary.js';
import type { ImagePrice } from '../money/price-table.js';

/** Settings of a run. Times in milliseconds. */
export interface RunSettings {
  /** Maximum number of jobs in flight in the whole batch. */
  readonly concurrency: number;
  /** Maximum number of generations of a row, including the first. */
  readonly maxGenerations: number;
  /** A row fails if its job is unfinished for longer; absent: no limit. */
  readonly jobTimeoutMs?: number;
  /** Time that a cancelled batch leaves its jobs in flight. */
  readonly graceMs: number;
  /** A create that is unanswered for longer is not repeated: the service may have forgotten its key. */
  readonly idempotencyHorizonMs: number;
  /** First and longest wait between two checks whether a hold's cause has ended. */
  readonly probeFirstMs: number;
  readonly probeLongestMs: number;
  /** The batch is held if more than this many percent of its last generations fail; absent: 50. */
  readonly maxFailureRate?: number;
  /** Make a thumbnail of each image for the contact sheet; absent: yes. */
  readonly thumbnails?: boolean;
  /** Search for images that look similar; absent: no. */
  readonly nearDuplicates?: boolean;
  /** Prices of images when the run was requested; absent: unknown. */
  readonly prices?: readonly ImagePrice[];
  /** The run's maximum cost by `prices`, a decimal string with at most six decimals; absent: no limit. */
  readonly budget?: string;
  /** Rows to make and review first; absent: none. */
  readonly canary?: Canary;
  /** Workflows continue in a new run once their history has this many events; absent: 40,000. */
  readonly continueAfterEvents?: number;
  /** A worker that sends no heartbeat of an activity for this long counts as dead, and another takes over; absent: 30 s. */
  readonly heartbeatTimeoutMs?: number;
}
