import type { Canary } from './canary.js';
import type { ImagePrice } from '../money/price-table.js';

/** What a person may set for a run. Times in milliseconds. */
export interface RunSettings {
  /** Most rows with an unfinished job at once, over the whole batch. */
  readonly concurrency: number;
  /** Most generations a row may use, the first included. */
  readonly maxGenerations: number;
  /** A job unfinished for longer fails its row; absent: wait for ever. */
  readonly jobTimeoutMs?: number;
  /** What a cancelled batch grants its jobs in flight. */
  readonly graceMs: number;
  /** A create unanswered for longer is not repeated: the service may have forgotten its key. */
  readonly idempotencyHorizonMs: number;
  /** First and longest wait between two looks whether a hold's cause has ended. */
  readonly probeFirstMs: number;
  readonly probeLongestMs: number;
  /** The batch is held where more of its last generations fail, in percent; absent: 50. */
  readonly maxFailureRate?: number;
  /** Each image gets a small copy for the contact sheet; absent: yes. */
  readonly thumbnails?: boolean;
  /** Images are compared by what they look like; absent: no. */
  readonly nearDuplicates?: boolean;
  /** What images cost, as it was said when the run was asked for; absent: no one has said. */
  readonly prices?: readonly ImagePrice[];
  /** What the run may cost at most by `prices`, a decimal string of at most six decimals; absent: whatever it costs. */
  readonly budget?: string;
  /** Rows that are made first and looked at; absent: none. */
  readonly canary?: Canary;
  /** Workflows continue in a new run once their history has this many events; absent: 40,000. */
  readonly continueAfterEvents?: number;
  /** A worker that says nothing of an activity for so long is taken for dead, and another goes on; absent: 30 s. */
  readonly heartbeatTimeoutMs?: number;
}
