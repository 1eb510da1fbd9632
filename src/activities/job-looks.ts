import type { Job } from '../bananahub/client.js';
import { BananaHubError } from '../bananahub/errors.js';
import type { JobId } from '../domain/ids.js';
import { cancellationSignal } from './activity-context.js';
import type { WorkerState } from './dependencies.js';

type LookState = Pick<WorkerState, 'api' | 'gate' | 'pollTurns'>;

/** What a look at a job showed: the job, a single 404, or that the account has no such job. */
export type JobLook = Job | { readonly kind: 'missing' } | { readonly kind: 'gone' };

/**
 * Looks at one job again and again. A 404 may come from a replica that lags behind or from a proxy: a job is gone only
 * after `looksBeforeGone` of them in a row and while the same account is answered, since then its row is bought anew.
 */
export class JobLooks {
  readonly #state: LookState;
  readonly #jobId: JobId;
  readonly #looksBeforeGone: number;
  #notFound = 0;

  constructor(state: LookState, jobId: JobId, looksBeforeGone: number) {
    this.#state = state;
    this.#jobId = jobId;
    this.#looksBeforeGone = looksBeforeGone;
  }

  /** Waits until the account's pace and the service let it look, for as long as that takes. */
  async turn(): Promise<void> {
    await this.#state.pollTurns.take(cancellationSignal());
    await this.#state.gate.passed(cancellationSignal());
  }

  /** Throws `BananaHubError` for everything but a 404 of the job. */
  async look(): Promise<JobLook> {
    try {
      const job = await this.#state.api.getJob(this.#jobId, cancellationSignal());
      this.#notFound = 0;
      return job;
    } catch (error) {
      if (!(error instanceof BananaHubError) || error.code !== 'job-not-found') throw error;
    }
    this.#notFound += 1;
    if (this.#notFound < this.#looksBeforeGone) return { kind: 'missing' };
    await this.#state.api.getBalance(cancellationSignal());
    return { kind: 'gone' };
  }
}
