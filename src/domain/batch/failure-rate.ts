import { asPart } from '../text/full-stop.js';
import { JOBS_MISSING, type HoldCause } from './holds.js';
import type { Told } from '../text/kept-text.js';
import { MAX_SHARD_WINDOW } from './window.js';

/** Ended generations of the whole batch over which failures are counted. */
const BATCH_SAMPLE = 200;
/** Fewer of one shard would tell too little. */
const LEAST_SAMPLE = 50;

/** The most of the last generations that may fail before the batch is held, in percent, unless told otherwise. */
export const DEFAULT_MAX_FAILURE_RATE = 50;

/**
 * How many of its last generations a shard looks at: 200 while one shard has all the slots, its share of them while
 * several do, 50 at least.
 */
export function sampleSize(concurrency: number): number {
  return Math.max(LEAST_SAMPLE, Math.ceil(BATCH_SAMPLE / Math.ceil(concurrency / MAX_SHARD_WINDOW)));
}

/** How the last generations of a shard ended: tells when this many fail that it must be more than the rows' own fault. */
export class RecentGenerations {
  readonly #size: number;
  #failed: boolean[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** Notes an end: an image, or a failure of whatever kind. */
  note(end: 'image' | 'failure'): void {
    this.#failed.push(end === 'failure');
    if (this.#failed.length > this.#size) this.#failed.shift();
  }

  /** The share of failures in percent; undefined until the sample is full. */
  get failureRate(): number | undefined {
    if (this.#failed.length < this.#size) return undefined;
    return (this.#failed.filter(Boolean).length / this.#size) * 100;
  }

  /** Starts counting again: what was before a hold says nothing about what comes after it. */
  reset(): void {
    this.#failed = [];
  }
}

/** Why a batch is held of whose last generations this many percent failed; `last` is what the last one failed of. */
export function failureRateCause(percent: number, { message, ...text }: Told): HoldCause {
  const last = asPart(message);
  return {
    ...text,
    scope: 'failure-rate',
    code: 'too-many-failures',
    message: `${Math.round(percent)} % of the last generations failed, the last one with: ${last || 'no reason'}. The sheet or the service may be wrong, so only one row is tried from time to time; the batch continues by itself when such a row gets its image. To continue now: banana-batch resume ID; to allow more failures: banana-batch set ID --max-failure-rate 90; to stop: banana-batch cancel ID.`,
  };
}

/** Why an account is held that does not know jobs any more which were bought with it. */
export const JOBS_MISSING_CAUSE: HoldCause = {
  scope: 'account',
  code: JOBS_MISSING,
  message:
    'The service does not find jobs that it created for this batch (404). Check that the service and account are still the same. The batch continues by itself when the service finds these jobs or a later one. If they are lost for good, buy their images again: banana-batch resume ID',
};
