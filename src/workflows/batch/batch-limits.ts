import { DEFAULT_MAX_FAILURE_RATE } from '../../domain/batch/failure-rate.js';
import type { Instruction, ResumedBatch, RunBatchInput } from '../protocol/batch-messages.js';

/** The limits of a batch that a person may change while it runs. */
export class BatchLimits {
  #concurrency: number;
  #maxFailureRate: number;

  constructor({ settings, resumed }: RunBatchInput) {
    this.#concurrency = resumed?.concurrency ?? settings.concurrency;
    this.#maxFailureRate = resumed?.maxFailureRate ?? settings.maxFailureRate ?? DEFAULT_MAX_FAILURE_RATE;
  }

  /** Maximum number of jobs in flight, before 429s lower it. */
  get concurrency(): number {
    return this.#concurrency;
  }

  /** In percent of the last rows. */
  get maxFailureRate(): number {
    return this.#maxFailureRate;
  }

  /** For the batch's next workflow run. */
  get left(): Pick<ResumedBatch, 'concurrency' | 'maxFailureRate'> {
    return { concurrency: this.#concurrency, maxFailureRate: this.#maxFailureRate };
  }

  /** Sets the given limits; others stay as they are. */
  set({ concurrency, maxFailureRate }: Extract<Instruction, { readonly kind: 'set' }>): void {
    this.#concurrency = concurrency ?? this.#concurrency;
    this.#maxFailureRate = maxFailureRate ?? this.#maxFailureRate;
  }
}
