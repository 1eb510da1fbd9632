import { z } from 'zod';
import type { Job } from '../../bananahub/client.js';
import { BananaHubError } from '../../bananahub/errors.js';
import type { JobId } from '../../domain/rows/ids.js';
import { missingAgain, type MissingJob } from '../../domain/rows/missing-job.js';
import { cancellationSignal } from '../worker/activity-context.js';
import type { WorkerState } from '../worker/dependencies.js';

/** The count of 404s that an attempt leaves for the next. */
export const LeftMissing = z.object({ looks: z.number(), sinceMs: z.number() });

/** The count for a heartbeat or a fault. */
export function missingOf({ missing }: JobChecks): { readonly missing?: MissingJob } {
  return missing ? { missing } : {};
}

type LookState = Pick<WorkerState, 'api' | 'gate' | 'pollTurns'>;

/** The result of one poll: the job, or one more consecutive 404. */
export type JobCheck = Job | { readonly kind: 'missing'; readonly missing: MissingJob };

/** Polls one job repeatedly and counts consecutive 404s: a single one may come from a lagging replica or a proxy, so it does not prove that the job is gone. */
export class JobChecks {
  readonly #state: LookState;
  readonly #jobId: JobId;
  readonly #clock: () => number;
  #missing: MissingJob | undefined;

  /** `before`: counts of earlier attempts and activities. `clock`: Temporal's time. */
  constructor(state: LookState, jobId: JobId, clock: () => number, before: MissingJob | undefined) {
    this.#state = state;
    this.#jobId = jobId;
    this.#clock = clock;
    this.#missing = before;
  }

  /** Save it with each heartbeat and each fault; undefined if the job was found last. */
  get missing(): MissingJob | undefined {
    return this.#missing;
  }

  /** Waits for the account's poll rate and the service's requested waits, however long. */
  async turn(): Promise<void> {
    await this.#state.pollTurns.take(cancellationSignal());
    await this.#state.gate.passed(cancellationSignal());
  }

  /** Throws `BananaHubError` for everything except a 404 of the job. */
  async look(): Promise<JobCheck> {
    const job = await this.#find(this.#jobId);
    if (job) {
      this.#missing = undefined;
      return job;
    }
    const missing = missingAgain(this.#missing, this.#clock());
    this.#missing = missing;
    return { kind: 'missing', missing };
  }

  /** Whether one of the given jobs is answered with 200. */
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
