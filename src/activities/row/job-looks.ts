import { z } from 'zod';
import type { Job } from '../../bananahub/client.js';
import { BananaHubError } from '../../bananahub/errors.js';
import type { JobId } from '../../domain/rows/ids.js';
import { missingAgain, type MissingJob } from '../../domain/rows/missing-job.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';

/** The count of 404s as an attempt leaves it for the next. */
export const LeftMissing = z.object({ looks: z.number(), sinceMs: z.number() });

/** What a heartbeat or a fault must carry of the count. */
export function missingOf({ missing }: JobLooks): { readonly missing?: MissingJob } {
  return missing ? { missing } : {};
}

type LookState = Pick<WorkerState, 'api' | 'gate' | 'pollTurns'>;

/** What a look at a job showed: the job, or one more 404 in a row. */
export type JobLook = Job | { readonly kind: 'missing'; readonly missing: MissingJob };

/**
 * Looks at one job again and again, and counts its 404s in a row: one may come from a replica that lags behind or from a
 * proxy, so none of them says by itself that the job is gone.
 */
export class JobLooks {
  readonly #state: LookState;
  readonly #jobId: JobId;
  readonly #clock: () => number;
  #missing: MissingJob | undefined;

  /** `before`: what earlier attempts and activities have counted. `clock`: Temporal's time. */
  constructor(state: LookState, jobId: JobId, clock: () => number, before: MissingJob | undefined) {
    this.#state = state;
    this.#jobId = jobId;
    this.#clock = clock;
    this.#missing = before;
  }

  /** To be left with each heartbeat and each fault; undefined while the job was found last. */
  get missing(): MissingJob | undefined {
    return this.#missing;
  }

  /** Waits until the account's pace and the service let it look, for as long as that takes. */
  async turn(): Promise<void> {
    await this.#state.pollTurns.take(cancellationSignal());
    await this.#state.gate.passed(cancellationSignal());
  }

  /** Throws `BananaHubError` for everything but a 404 of the job. */
  async look(): Promise<JobLook> {
    const job = await this.#find(this.#jobId);
    if (job) {
      this.#missing = undefined;
      return job;
    }
    const missing = missingAgain(this.#missing, this.#clock());
    this.#missing = missing;
    return { kind: 'missing', missing };
  }

  /** Whether one of other jobs is answered with 200. */
  async anyAnswers(jobIds: readonly JobId[]): Promise<boolean> {
    for (const jobId of jobIds) {
      await this.turn();
      if (await this.#find(jobId)) return true;
    }
    return false;
  }

  async #find(jobId: JobId): Promise<Job | undefined> {
    try {
      return await this.#state.api.getJob(jobId, cancellationSignal());
    } catch (error) {
      if (error instanceof BananaHubError && error.code === 'job-not-found') return undefined;
      throw error;
    }
  }
}
