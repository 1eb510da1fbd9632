import { asPart } from '../text/full-stop.js';
import { JOBS_MISSING, type HoldCause } from './holds.js';
import type { FailureMessage } from '../text/failure-message.js';
import { MAX_SHARD_WINDOW } from './window.js';

/** Last generations of the whole batch over which failures are counted. */
const BATCH_SAMPLE = 200;
/** A smaller sample of one shard would prove too little. */
const LEAST_SAMPLE = 50;

/** Default maximum of failures among the last generations before the batch is held, in percent. */
export const DEFAULT_MAX_FAILURE_RATE = 50;

/** Sample size of a shard: 200 if one shard has all slots, its share of that if several do, at least 50. */
export function sampleSize(concurrency: number): number {
  return Math.max(LEAST_SAMPLE, Math.ceil(BATCH_SAMPLE / Math.ceil(concurrency / MAX_SHARD_WINDOW)));
}

/** The results of a shard's last generations: shows when more fail than the rows themselves can explain. */
export class RecentGenerations {
  readonly #size: number;
  #failed: boolean[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** Records an end: an image, or a failure of any kind. */
  note(end: 'image' | 'failure'): void {
    this.#failed.push(end === 'failure');
    if (this.#failed.length > this.#size) this.#failed.shift();
  }

  /** The share of failures in percent; undefined until the sample is full. */
  get failureRate(): number | undefined {
    if (this.#failed.length < this.#size) return undefined;
    return (this.#failed.filter(Boolean).length / this.#size) * 100;
  }

  /** Restarts the count: results before a hold say nothing about those after it. */
  reset(): void {
    this.#failed = [];
  }
}

/** The hold's cause when this many percent of the last generations failed; `last` is why the last one failed. */
export function failureRateCause(percent: number, { message, ...text }: FailureMessage): HoldCause {
  const last = asPart(message);
  return {
    ...text,
    scope: 'failure-rate',
    code: 'too-many-failures',
    message: `${Math.round(percent)} % of the last generations failed, the last one with: ${last || 'no reason'}. The sheet or the service may be wrong, so only one row is tried from time to time; the batch continues by itself when such a row gets its image. To continue now: banana-batch resume ID; to allow more failures: banana-batch set ID --max-failure-rate 90; to stop: banana-batch cancel ID.`,
  };
}

/** The hold's cause when the account no longer knows jobs that it has bought. */
export const JOBS_MISSING_CAUSE: HoldCause = {
  scope: 'account',
  code: JOBS_MISSING,
  message:
    'The service does not find jobs that it created for this batch (404). Check that the service and account are still the same. The batch continues by itself when the service finds these jobs or a later one. If the jobs are lost, buy their images again: banana-batch resume ID',
};
